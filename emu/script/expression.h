// A regular expression over bytes. A search takes time linear in the bytes. Only expression.cc uses RE2.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "emu/base/check.h"

namespace re2 {
class RE2;
}

namespace ringside::script {

/// The first byte of a match, and the first byte after it.
struct Found {
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Expression {
 public:
  /// In RE2's syntax, over bytes: "." and "\xff" are one byte each. The error's `why` has the reason.
  [[nodiscard]] static Result<Expression> compile(std::string_view pattern);
  Expression(Expression&&) noexcept;
  ~Expression();

  /// The leftmost match that begins at or after `from`. "^" and "$" are the ends of all of `bytes`.
  [[nodiscard]] std::optional<Found> search(std::string_view bytes, std::size_t from = 0) const;
  /// The length of the match that begins at the first byte; empty if none begins there.
  [[nodiscard]] std::optional<std::size_t> leads(std::string_view bytes) const;

 private:
  explicit Expression(std::unique_ptr<re2::RE2> compiled);

  std::unique_ptr<re2::RE2> compiled_;  ///< null only after a move
};

}  // namespace ringside::script
