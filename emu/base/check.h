// There are three kinds of error. A programmer's mistake aborts (RS_CHECK). An expected outcome is a
// [[nodiscard]] enum where it occurs. A failure of the environment is a Result that carries an Error.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

namespace ringside {

/// Why something in the environment failed. The members are in the order in which they are printed.
struct Error {
  int code = 0;        ///< an errno value, or 0 where none fits
  std::string what;    ///< what failed: "cannot listen"
  std::string object;  ///< on what: a path, a domain, a limit
  std::string why;     ///< the reason in words
  std::string advice;  ///< what to do about it; may be empty
  // Not printed. For a refusal that the journal records: its trace::Refusal, and the numbers in its words.
  std::uint8_t reason = 0;
  std::array<std::uint32_t, 4> numbers = {};

  /// "what: object: why (advice)", without a trailing newline.
  [[nodiscard]] std::string text() const {
    std::string line = what;
    if (!object.empty()) line += ": " + object;
    if (!why.empty()) line += ": " + why;
    if (!advice.empty()) line += " (" + advice + ")";
    return line;
  }
};

/// The value of a Result<> that only reports success.
struct Done {};

/// A value, or the Error that prevented it.
template <class T = Done>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// Call only when ok(); otherwise it is a programmer's mistake, and aborts.
  T& value() & { return *checked(); }
  const T& value() const& { return *const_cast<Result*>(this)->checked(); }
  T value() && { return std::move(*checked()); }
  T* operator->() { return checked(); }
  T& operator*() & { return *checked(); }

  /// Call only when !ok().
  [[nodiscard]] const Error& error() const {
    if (ok()) std::abort();
    return std::get<1>(state_);
  }

 private:
  T* checked() {
    if (!ok()) {
      std::fprintf(stderr, "ringside: value() of a failed Result: %s\n", error().text().c_str());
      std::abort();
    }
    return &std::get<0>(state_);
  }

  std::variant<T, Error> state_;
};

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "ringside: internal error: %s does not hold (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace ringside

/// Aborts with the place and the condition when the condition is false. Never compiled out.
#define RS_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::ringside::check_failed(#condition, __FILE__, __LINE__))
