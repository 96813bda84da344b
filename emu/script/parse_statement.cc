// Parses a line: its time, its act or expectation, and its limit.
#include <fmt/format.h>

#include <algorithm>

#include "emu/script/parser.h"
#include "emu/script/parts.h"
#include "emu/script/suggest.h"

namespace ringside::script {

namespace {

constexpr std::string_view only_sim_now = "real processes cannot be observed at one instant";
constexpr std::string_view only_sim_at = "real processes cannot keep times to the nanosecond";
constexpr std::string_view only_sim_xen = "events of xen itself cannot be lost with real processes";
constexpr std::string_view only_sim_user = "between real processes only frames of xcs can be delayed";
constexpr std::string_view only_sim_answering = "a real process always answers";
constexpr std::string_view only_sim_reading = "a real guest's program reads whenever it runs";
constexpr std::string_view only_sim_throttles = "only the reader of a real guest's terminal throttles it";
constexpr std::string_view only_sim_logs = "a real guest's kernel prints only its own messages";

std::optional<When> parse_when(Words& words) {
  When when;
  when.span = words.here();
  if (words.accept("at")) {
    when.absolute = true;
  } else if (!words.accept("after")) {
    return {};
  }
  when.delay = words.duration(when.absolute ? "a time" : "a delay");
  when.span = words.since(when.span);
  return when;
}

Expect parse_limits(Words& words, Pattern pattern) {
  Expect expect;
  expect.pattern = std::move(pattern);
  const Span begin = words.here();
  if (words.accept("within")) {
    expect.within = words.duration("a limit");
    expect.limit = words.since(begin);
  } else if (words.accept("now")) {
    expect.now = true;
    expect.limit = begin;
  }
  if (words.accept("as")) {
    expect.label_span = words.here();
    expect.label = parse_name(words, "the name of an expectation");
  }
  return expect;
}

StatementKind parse_expect(Words& words) {
  if (!words.accept("no")) return parse_limits(words, parse_pattern(words));
  ExpectNo none;
  none.more = words.accept("more");
  none.pattern = parse_pattern(words);
  words.require("for");
  none.during = words.duration("how long");
  return none;
}

StatementKind parse_never(Words& words) {
  Never never;
  never.pattern = parse_pattern(words);
  if (!words.accept("until")) return never;
  const Token& title = words.peek();
  if (title.kind == TokenKind::text || title.kind == TokenKind::word) {
    never.until_span = words.here();
    never.until_phase = words.take().text;
  } else {
    words.wrong("the title of a phase");
  }
  return never;
}

/// A line whose first word is neither an actor nor a word of the language.
void unknown_beginning(Words& words, const Token& token, const Dotted& dotted) {
  if (token.kind != TokenKind::word) {
    words.fail("E010", token.span, "a line begins with an actor, or with a word like \"expect\"",
               "dom1 prints \"hello\\n\"");
    return;
  }
  if (dotted.actor) {
    words.fail("E010", token.span, fmt::format("\"{}\" is not an actor", token.text),
               fmt::format("to examine it, write: expect {} ...", token.text));
    return;
  }
  if (token.is("event") || token.is("bytes") || is_pty(token)) {
    words.fail("E010", token.span, fmt::format("\"{}\" is not an actor", token.text),
               fmt::format("to wait for it, write: expect {} ...", token.text));
    return;
  }
  std::vector<std::string_view> possible;
  for (const LineAbout& each : lines_known()) possible.push_back(each.word);
  for (const ActorAbout& each : actors_known()) possible.push_back(each.word);
  possible.push_back("dom1");
  const std::string_view near = nearest(token.text, possible);
  words.fail(
      "E010", token.span, fmt::format("no line begins with \"{}\"", token.text),
      near.empty()
          ? "actors: xen, xcs, xend, xenctld, uart, user, client, dom1; or: expect, never, fault, repeat"
          : fmt::format("did you mean \"{}\"?", near));
}

StatementKind parse_what(Words& words) {
  const Token token = words.peek();
  if (words.accept("expect")) return parse_expect(words);
  if (words.accept("never")) return parse_never(words);
  if (words.accept("fault")) return parse_fault(words);
  const Dotted dotted = token.kind == TokenKind::word ? take_apart(token) : Dotted{};
  if (!dotted.actor || !dotted.rest.empty()) {
    unknown_beginning(words, token, dotted);
    return Act{Waits{}};
  }
  words.take();
  Actor actor = *dotted.actor;
  parse_actor_name(words, actor);
  return parse_act(words, actor);
}

std::string_view why_only_sim(const Statement& statement) {
  if (statement.when && statement.when->absolute) return only_sim_at;
  if (const auto* expect = std::get_if<Expect>(&statement.what); expect != nullptr && expect->now)
    return only_sim_now;
  const auto* act = std::get_if<Act>(&statement.what);
  if (act == nullptr) return {};
  if (std::holds_alternative<Logs>(*act)) return only_sim_logs;
  if (std::holds_alternative<Throttles>(*act)) return only_sim_throttles;
  const auto* answering = std::get_if<Answering>(act);
  if (answering != nullptr && answering->who.role != trace::Role::client) return only_sim_answering;
  const auto* reading = std::get_if<Reading>(act);
  if (reading != nullptr &&
      (reading->who.role == trace::Role::domain || reading->who.role == trace::Role::dom0))
    return only_sim_reading;
  const auto* fault = std::get_if<Fault>(act);
  if (fault == nullptr) return {};
  if (fault->events && fault->from.role == trace::Role::xen) return only_sim_xen;
  const bool with_user = fault->from.role == trace::Role::user || fault->to.role == trace::Role::user;
  return with_user ? only_sim_user : std::string_view();
}

}  // namespace

std::optional<Statement> parse_statement(const std::vector<Token>& tokens, Diagnostics& diagnostics) {
  Words words(tokens, diagnostics);
  Statement statement;
  statement.span = joined(tokens.front().span, tokens.back().span);
  statement.when = parse_when(words);
  // "after 10s" and "at 10s" alone are pauses.
  if (statement.when && words.at_end() && !words.failed()) {
    statement.what = Act{Waits{}};
  } else {
    statement.what = parse_what(words);
  }
  words.done();
  if (words.failed()) return {};
  statement.only_sim = why_only_sim(statement);
  return statement;
}

}  // namespace ringside::script
