// Gathers the vocabulary for a place, and tries each word there with the parser.
#include "tools/lsp/words_here.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <span>

#include "emu/base/quirks.h"
#include "emu/script/expand.h"
#include "emu/script/parts.h"
#include "emu/script/vocabulary.h"

namespace ringside::tools {

namespace {

using script::Token;
using trace::Role;

constexpr std::size_t domains_offered_max = 8;

/// What the words before a place say about it.
struct Context {
  bool first = false;  ///< the word decides what the line is
  bool expects = false;
  std::optional<Role> who;                  ///< who acts, or of whom something is expected
  const script::VerbAbout* verb = nullptr;  ///< what it does
  const script::LineAbout* line = nullptr;  ///< if a word of the language comes before
  std::string_view last;                    ///< the word before the place
};

script::Dotted actor_in(const Token& token) {
  return token.kind == script::TokenKind::word ? script::take_apart(token) : script::Dotted{};
}

Context context_of(std::span<const Token> before) {
  Context context;
  context.first = before.empty() || (before.size() == 2 && (before[0].is("at") || before[0].is("after")));
  for (const Token& token : before) {
    context.last = token.text;
    context.expects = context.expects || token.is("expect") || token.is("never") || token.is("ignore");
    const script::Dotted dotted = actor_in(token);
    if (context.who && context.verb == nullptr)
      context.verb = script::find_verb(*context.who, !context.expects, token.text);
    if (!context.who && dotted.actor && dotted.rest.empty()) context.who = dotted.actor->role;
    for (const script::LineAbout& each : script::lines_known()) {
      if (context.line == nullptr && token.is(each.word)) context.line = &each;
    }
  }
  return context;
}

/// All words that can have a meaning in this context. Of two with the same spelling, the first.
std::vector<WordHere> vocabulary(const Context& context, const std::vector<std::string>& domains) {
  std::vector<WordHere> words;
  const auto add = [&](std::string_view word, WordKind kind, std::string_view syntax, std::string_view what) {
    if (std::ranges::find(words, word, &WordHere::word) == words.end())
      words.push_back({std::string(word), kind, std::string(syntax), std::string(what), {}});
  };
  const auto add_numbers = [&](std::span<const script::NamedNumber> set, std::string_view of) {
    for (const auto& each : set) add(each.name, WordKind::value, fmt::format("{} {}", of, each.number), "");
  };
  const auto add_rings = [&](std::string_view owner) {
    for (const std::string_view ring : {"tx", "rx"}) {
      add(fmt::format("{}{}", owner, ring), WordKind::value, "DOM.tx req_prod N rsp_prod N",
          ring == "tx" ? "the ring of what the guest sends" : "the ring of what the guest receives");
      for (const std::string_view index : {"req_prod", "rsp_prod", "req_cons", "rsp_cons"}) {
        add(index, WordKind::value, "DOM.tx req_prod N rsp_prod N", "an index of the ring");
        add(fmt::format("{}{}.{}", owner, ring, index), WordKind::value, "DOM.tx.req_prod >= N", "its index");
      }
    }
  };
  const auto add_actor = [&](Role role, std::string_view name, std::string_view what) {
    add(name, WordKind::actor, "actor", what);
    for (const std::string_view each : script::counters_of(role)) {
      const script::CounterAbout& about = *script::find_counter(role, each);
      add(fmt::format("{}.{}", name, each), WordKind::counter, about.unit, about.what);
    }
    if (role == Role::domain) add_rings(fmt::format("{}.", name));
  };
  if (context.first) {
    for (const auto& each : script::lines_known()) add(each.word, WordKind::keyword, each.syntax, each.what);
  }
  for (const script::ActorAbout& each : script::actors_known()) add_actor(each.role, each.word, each.what);
  for (const std::string& each : domains) add_actor(Role::domain, each, "a guest");
  for (const script::VerbAbout& each : script::verbs_known()) {
    if (each.act != context.expects && (!context.who || script::has_role(each, *context.who)))
      add(each.word, WordKind::verb, each.syntax, each.what);
  }
  for (const QuirkAbout& each : quirks_known)
    add(each.name, WordKind::quirk, fmt::format("a quirk of {}", each.process), each.what);
  if (context.last == "virq") add_numbers(script::virqs(), "virq");
  add_numbers(script::message_types(), "message type");
  for (const script::NamedNumber& type : script::message_types()) {
    if (context.last == "subtype")
      add_numbers(script::message_subtypes(static_cast<std::uint8_t>(type.number)), "subtype");
  }
  add_numbers(script::xcs_results(), "result of xcs");
  add_rings("");
  // All others have the meaning of their line.
  for (const std::string_view each : script::connecting_words()) {
    if (context.verb != nullptr)
      add(each, WordKind::keyword, context.verb->syntax, context.verb->what);
    else if (context.line != nullptr)
      add(each, WordKind::keyword, context.line->syntax, context.line->what);
  }
  return words;
}

/// What the document names.
struct Names {
  std::vector<std::string> domains;  ///< some of them
  std::map<std::string, std::set<std::string>> values{{"MODE", {"sim", "real"}}};
  std::string lines;  ///< give one value to each name
};

Names names_in(const script::Script& document) {
  Names names;
  for (const script::ScenarioTemplate& scenario : document.templates) {
    for (const script::Variable& variable : scenario.variables) {
      for (std::size_t at = 0; at < variable.names.size(); ++at) {
        const std::string& name = variable.names[at];
        for (const auto& row : variable.rows) names.values[name].emplace(document.sources.text(row[at].span));
        names.lines += fmt::format("let {} = {}\n", name, *names.values[name].begin());
      }
    }
    for (const script::Line& line : scenario.lines) {
      if (line.tokens.size() > 3 && line.tokens[0].is("repeat") && line.tokens[2].is("as"))
        names.lines += fmt::format("let {} = 1\n", line.tokens[3].text);
      for (const Token& token : line.tokens) {
        const script::Dotted dotted = actor_in(token);
        if (!dotted.actor || dotted.actor->role != Role::domain) continue;
        const std::string domain(dotted.first);
        const bool known = std::ranges::find(names.domains, domain) != names.domains.end();
        if (!known && names.domains.size() < domains_offered_max) names.domains.push_back(domain);
      }
    }
  }
  if (names.domains.empty()) names.domains.push_back("dom1");
  return names;
}

/// Whether the parser finds no error up to the end of `line`. What follows closes a block that it may begin.
bool accepts(const std::string& names, const std::string& line) {
  const std::string text = fmt::format("scenario \"tried\"\n{}{}\n  after 1s\nend\n", names, line);
  script::Script tried = script::read_script("", [&](const std::string& path) -> Result<std::string> {
    if (path.empty()) return text;
    return Error{ENOENT, "cannot include", path, "only one line is tried", ""};
  });
  for (const script::ScenarioTemplate& scenario : tried.templates)
    static_cast<void>(script::expand(scenario, script::Mode::sim, {}, tried.diagnostics));
  const auto number = 2 + std::ranges::count(names, '\n');
  return std::ranges::none_of(tried.diagnostics.all(), [&](const script::Diagnostic& found) {
    return found.severity == script::Severity::error && found.span.line == number &&
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

std::vector<WordHere> words_possible(const script::Script& document, const std::string& before) {
  const script::Line line = lexed(before);
  const Names names = names_in(document);
  // In a text or a comment there is none. Where any word can be, a tag or a name, the vocabulary has none.
  if (line.bad || line.phase || !line.comment.nowhere() || accepts(names.lines, before + "no-such-word"))
    return {};
  const Context context = context_of(line.tokens);
  const std::size_t count = line.tokens.size();
  std::vector<WordHere> words;
  const auto add = [&](const std::string& word) {
    words.push_back({word, WordKind::value, "... when NAME is VALUE", "", {}});
  };
  if (context.last == "when") {
    for (const auto& [name, values] : names.values) add(name);
    return words;
  }
  if (count > 2 && line.tokens[count - 3].is("when") && names.values.contains(line.tokens[count - 2].text)) {
    for (const std::string& value : names.values.at(line.tokens[count - 2].text)) add(value);
    return words;
  }
  words = vocabulary(context, names.domains);
  std::erase_if(words, [&](const WordHere& each) {
    const bool ends_block = context.first && each.word == "end";
    return !ends_block && !accepts(names.lines, before + each.word);
  });
  return words;
}

std::optional<WordHere> word_at(std::string_view text, std::size_t byte) {
  const script::Line line = lexed(text);
  const auto here = std::ranges::find_if(
      line.tokens, [&](const Token& each) { return each.span.begin <= byte && byte < each.span.end; });
  if (here == line.tokens.end()) return {};
  const script::Dotted dotted = actor_in(*here);
  const bool domain = dotted.actor && dotted.actor->role == Role::domain;
  const std::vector<std::string> domains(domain ? 1 : 0, std::string(dotted.first));
  // "dom0.xcs.dropped" is xcs's counter.
  const std::string word = dotted.rest.empty() ? here->text : fmt::format("{}.{}", dotted.first, dotted.rest);
  for (WordHere& each : vocabulary(context_of({line.tokens.begin(), here}), domains)) {
    each.span = here->span;
    if (each.word == word && here->kind == script::TokenKind::word) return each;
  }
  return {};
}

}  // namespace ringside::tools
