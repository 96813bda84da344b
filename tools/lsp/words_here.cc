// Gathers the vocabulary for a place, and tries each word there with the parser.
#include "tools/lsp/words_here.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "emu/base/quirks.h"
#include "emu/script/expand.h"
#include "emu/script/parts.h"
#include "emu/script/vocabulary.h"

namespace ringside::tools {

namespace {

using script::Token;
using trace::Role;

/// All words of the language. The domain among them is the one that `word` names, or dom1. A word with
/// several meanings has all of them.
Dictionary dictionary(const Token& word) {
  const script::Dotted dotted = script::take_apart(word);
  const bool names_domain = dotted.actor && dotted.actor->role == Role::domain;
  const std::string domain(names_domain ? dotted.first : "dom1");
  Dictionary words;
  const auto add = [&](std::string_view name, std::string_view meaning) {
    std::string& known = words[std::string(name)];
    known += known.empty() ? "" : "\n\n";
    known += meaning;
  };
  const auto add_syntax = [&](const auto& about) {
    add(about.word, fmt::format("{}\n{}", about.syntax, about.what));
  };
  const auto add_numbers = [&](std::span<const script::NamedNumber> set, std::string_view of) {
    for (const auto& each : set) add(each.name, fmt::format("{} {}", of, each.number));
  };
  const auto add_actor = [&](Role role, std::string_view name, std::string_view what) {
    add(name, what);
    for (const std::string_view counter : script::counters_of(role)) {
      const script::CounterAbout& about = *script::find_counter(role, counter);
      add(fmt::format("{}.{}", name, counter), fmt::format("{}: {}", about.unit, about.what));
    }
  };
  std::ranges::for_each(script::lines_known(), add_syntax);
  std::ranges::for_each(script::verbs_known(), add_syntax);
  for (const script::ActorAbout& each : script::actors_known()) add_actor(each.role, each.word, each.what);
  add_actor(Role::domain, domain, "a guest");
  for (const std::string& owner : {std::string(), domain + "."}) {
    add(owner + "tx", "the ring of what the guest sends");
    add(owner + "rx", "the ring of what the guest receives");
    for (const char* each : {"tx.req_prod", "tx.rsp_prod", "rx.req_prod", "rx.rsp_prod"})
      add(owner + each, "an index of that ring");
    add(owner + "out", "today: the ring of what the guest prints");
    add(owner + "in", "today: the ring of what is typed");
    for (const char* each : {"out.out_prod", "out.out_cons", "in.in_prod", "in.in_cons"})
      add(owner + each, "an index of that ring");
  }
  for (const char* each :
       {"req_prod", "rsp_prod", "req_cons", "rsp_cons", "out_prod", "out_cons", "in_prod", "in_cons"})
    add(each, "an index of a ring");
  for (const QuirkAbout& each : quirks_known)
    add(each.name, fmt::format("a quirk of {}\n{}", each.process, each.what));
  add_numbers(script::message_types(), "message type");
  for (const script::NamedNumber& type : script::message_types())
    add_numbers(script::message_subtypes(static_cast<std::uint8_t>(type.number)), "message subtype");
  add_numbers(script::virqs(), "virq");
  add_numbers(script::xcs_results(), "result of xcs");
  for (const std::string_view each : script::connecting_words()) words.try_emplace(std::string(each));
  return words;
}

/// Whether the parser finds no error in this line. Words that are missing at its end are no error.
bool accepts(const std::string& line) {
  // The line is the second one. If it begins a block, the lines after it are the rest of the block.
  const std::string text = fmt::format("scenario \"tried\"\n{}\n  after 1s\nend\n", line);
  script::Script tried = script::read_script("", [&](const std::string& path) -> Result<std::string> {
    if (path.empty()) return text;
    return Error{ENOENT, "cannot include", path, "only one line is tried", ""};
  });
  for (const script::ScenarioTemplate& scenario : tried.templates)
    static_cast<void>(script::expand(scenario, script::Mode::sim, {}, tried.diagnostics));
  return std::ranges::none_of(tried.diagnostics.all(), [&](const script::Diagnostic& found) {
    return found.severity == script::Severity::error && found.span.line == 2 &&
           found.span.begin < line.size();
  });
}

script::Line lexed(std::string_view text) {
  script::Line line;
  script::Diagnostics unread;
  script::lex_line(text, line, unread);
  return line;
}

}  // namespace

Dictionary words_possible(std::string before, std::string written) {
  if (before.size() > script::source_line_bytes_max) return {};
  // A name in braces may have any value: it is tried as the number 1.
  for (auto begin = before.find('{'); begin != std::string::npos; begin = before.find('{', begin)) {
    const auto end = before.find('}', begin);
    if (end == std::string::npos) return {};
    before.replace(begin, end + 1 - begin, "1");
  }
  const script::Line line = lexed(before);
  // There are none in a text or a comment, and none where any word is allowed: a tag or a name.
  if (line.bad || line.phase || !line.comment.nowhere() || accepts(before + "no-such-word")) return {};
  Token word;
  word.text = std::move(written);
  Dictionary words = dictionary(word);
  std::erase_if(words, [&](const auto& each) {
    if (each.first == "end" && line.tokens.empty()) return false;  // of a block, which is not tried
    return !accepts(before + each.first);
  });
  return words;
}

std::optional<WordHere> word_at(std::string_view text, std::size_t byte) {
  const script::Line line = lexed(text);
  const auto here = std::ranges::find_if(
      line.tokens, [&](const Token& each) { return each.span.begin <= byte && byte < each.span.end; });
  if (here == line.tokens.end() || here->kind != script::TokenKind::word) return {};
  const std::string meaning = dictionary(*here)[here->text];
  if (meaning.empty()) return {};
  return WordHere{here->span, meaning};
}

}  // namespace ringside::tools
