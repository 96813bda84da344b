// A regular expression over bytes, searched for in time linear to the bytes. Only expression.cc knows that
// RE2 does it.
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

/// Where bytes were found, and behind them.
struct Found {
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Expression {
 public:
  /// In RE2's syntax, over bytes: "." and "\xff" are one. Fails with the reason as Error::why.
  [[nodiscard]] static Result<Expression> compile(std::string_view pattern);
  Expression(Expression&&) noexcept;
  ~Expression();

  /// The leftmost match that begins at `from` or behind it. "^" and "$" are the ends of all of `bytes`.
  [[nodiscard]] std::optional<Found> search(std::string_view bytes, std::size_t from = 0) const;
  /// How many bytes the match at the beginning of `bytes` has; nothing if none begins there.
  [[nodiscard]] std::optional<std::size_t> leads(std::string_view bytes) const;

 private:
  explicit Expression(std::unique_ptr<re2::RE2> compiled);

  std::unique_ptr<re2::RE2> compiled_;  ///< never null, but in one that was moved from
};

}  // namespace ringside::script
