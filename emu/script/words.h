// A line that is being read from left to right. After the first complaint it behaves as if the line had
// ended: whoever parses goes straight on, gets harmless values, and asks failed() once at the end.
//
// It remembers which words would have been possible where it stands, so that every complaint can name them.
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
  /// Concrete tokens only. Both must outlive this.
  Words(const std::vector<Token>& tokens, Diagnostics& diagnostics);

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return failed_ || at_ >= tokens_.size(); }
  /// The token that comes next; one of kind end if none does.
  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const;
  const Token& take();
  /// Takes the next one if it is this word or symbol.
  bool accept(std::string_view word);
  /// The same where no other word is possible.
  void require(std::string_view word);
  /// Which of them comes next, as a position in the list; complains if none does.
  std::size_t choose(std::span<const std::string_view> words);
  std::size_t choose(std::initializer_list<std::string_view> words) {
    return choose(std::span(words.begin(), words.size()));
  }

  /// From `least` to `most`; `what` for the complaint: "the slot".
  std::uint64_t number(std::string_view what, std::uint64_t least, std::uint64_t most);
  Duration duration(std::string_view what);

  /// How the line is written, for complaints from here on.
  void written_so(std::string_view syntax) { syntax_ = syntax; }
  void fail(std::string_view code, const Span& span, std::string message, std::string hint = "");
  /// Something else should stand here: `wanted`, "a text".
  void wrong(std::string_view wanted);
  /// Complains if there is more.
  void done();

  [[nodiscard]] Span last() const { return last_; }
  /// From the beginning of `first` to the end of what was taken last.
  [[nodiscard]] Span since(const Span& first) const { return joined(first, last_); }
  /// Of the next token, or of where it would be.
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
