// A line that is parsed from left to right. After the first error it behaves as if the line had ended. So
// parsing functions continue with harmless values, and failed() is asked once, at the end.
//
// It remembers the words that would be valid at its position, and every error lists them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "emu/script/lexer.h"
#include "emu/script/syntax.h"

namespace ringside::script {

class Words {
 public:
  /// `tokens` are concrete. Both must outlive this.
  Words(const std::vector<Token>& tokens, Diagnostics& diagnostics);

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return failed_ || at_ >= tokens_.size(); }
  /// The next token, or one of kind end.
  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const;
  const Token& take();
  /// Takes the next token if it is this word or symbol.
  bool accept(std::string_view word);
  /// The same, with an error if it is not.
  void require(std::string_view word);
  /// The position of the next token in the list; with an error if it is not in the list.
  std::size_t choose(std::span<const std::string_view> words);
  std::size_t choose(std::initializer_list<std::string_view> words) {
    return choose(std::span(words.begin(), words.size()));
  }

  /// A number from `least` to `most`; `what` is for the error: "the slot".
  std::uint64_t number(std::string_view what, std::uint64_t least, std::uint64_t most);
  Duration duration(std::string_view what);

  /// The syntax of the line, for later errors.
  void set_syntax(std::string_view syntax) { syntax_ = syntax; }
  void fail(std::string_view code, const Span& span, std::string message, std::string hint = "");
  /// Reports that another word should be here: `wanted`, "a text".
  void wrong(std::string_view wanted);
  /// Reports an error if more tokens follow.
  void done();

  [[nodiscard]] Span last() const { return last_; }
  /// From the beginning of `first` to the end of the last token taken.
  [[nodiscard]] Span since(const Span& first) const { return joined(first, last_); }
  /// Of the next token, or of the end of the line.
  [[nodiscard]] Span here() const { return peek().span; }

 private:
  [[nodiscard]] std::string hint(std::string_view written) const;

  const std::vector<Token>& tokens_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  bool failed_ = false;
  Token end_;
  Span last_;
  std::string_view syntax_;
  std::vector<std::string_view> possible_;
};

}  // namespace ringside::script
