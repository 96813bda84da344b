// Makes the runs of a scenario template: one pass over its lines for each combination of values.
#include "emu/script/expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "emu/script/parser.h"
#include "emu/script/parts.h"
#include "emu/script/suggest.h"
#include "emu/trace/quote.h"

namespace ringside::script {

namespace {

/// A condition, separated from its line.
struct Condition {
  std::vector<Token> line;
  std::vector<Token> after;  ///< "when NAME is VALUE"; empty: there is none
};

Condition split_condition(const std::vector<Token>& tokens) {
  const auto when = std::ranges::find_if(tokens, [](const Token& each) { return each.is("when"); });
  return {{tokens.begin(), when}, {when, tokens.end()}};
}

class RunBuilder {
 public:
  RunBuilder(const ScenarioTemplate& scenario_template, Scenario& scenario,
             std::vector<std::pair<std::string, Token>> values, Diagnostics& diagnostics)
      : template_(scenario_template),
        scenario_(scenario),
        values_(std::move(values)),
        diagnostics_(diagnostics) {}

  void run() { lines(0, template_.lines.size(), scenario_.statements, 0); }

 private:
  void lines(std::size_t begin, std::size_t end, std::vector<Statement>& into, std::size_t depth);
  void line(const Line& line, std::vector<Statement>& into, std::size_t depth);
  void block(std::size_t begin, std::size_t end, std::vector<Statement>& into, std::size_t depth);
  void repeat(const std::vector<Token>& header, std::size_t begin, std::size_t end,
              std::vector<Statement>& into, std::size_t depth);
  bool keep(Statement statement, std::vector<Statement>& into);
  [[nodiscard]] std::size_t end_of_block(std::size_t at, std::size_t end);
  [[nodiscard]] std::optional<std::vector<Token>> with_values(const std::vector<Token>& tokens);
  [[nodiscard]] bool holds_now(const std::vector<Token>& condition);
  [[nodiscard]] bool can_ever_be(const Token& name, const Token& value);

  const ScenarioTemplate& template_;
  Scenario& scenario_;
  std::vector<std::pair<std::string, Token>> values_;
  Diagnostics& diagnostics_;
  SettingsSeen seen_;
  std::string round_;
  std::size_t count_ = 0;
  bool acted_ = false;
};

std::optional<std::vector<Token>> RunBuilder::with_values(const std::vector<Token>& tokens) {
  const auto lookup = [this](std::string_view name) -> const Token* {
    for (auto each = values_.rbegin(); each != values_.rend(); ++each) {
      if (each->first == name) return &each->second;
    }
    return nullptr;
  };
  std::vector<Token> concrete;
  concrete.reserve(tokens.size());
  for (const Token& token : tokens) {
    const bool broken = std::ranges::any_of(token.pieces, [this](const Token::Piece& piece) {
      return piece.name && std::ranges::find(template_.broken, piece.text) != template_.broken.end();
    });
    if (broken) return {};
    std::vector<std::string> names;
    if (token.templated()) {
      for (const auto& each : values_) names.push_back(each.first);
    }
    auto value = substitute(token, lookup, names, diagnostics_);
    if (!value) return {};
    concrete.push_back(std::move(*value));
  }
  return concrete;
}

bool RunBuilder::can_ever_be(const Token& name, const Token& value) {
  std::vector<std::string> possible;
  if (name.text == "MODE") {
    possible = {"sim", "real"};
  } else if (const Variable* variable = template_.find(name.text);
             variable != nullptr && variable->kind == Variable::Kind::let) {
    // The command line may have given it another value.
    const auto its = std::ranges::find(values_, name.text, &std::pair<std::string, Token>::first);
    if (its == values_.end()) return true;
    possible.push_back(its->second.text);
  } else if (variable != nullptr) {
    const auto column =
        static_cast<std::size_t>(std::ranges::find(variable->names, name.text) - variable->names.begin());
    for (const auto& row : variable->rows) {
      if (row[column].templated()) return true;
      possible.push_back(row[column].text);
    }
  } else {
    return true;
  }
  if (std::ranges::find(possible, value.text) != possible.end()) return true;
  diagnostics_.error("E035", value.span,
                     fmt::format("{} is never {}: this line applies to no run", name.text, value.text),
                     suggestion(value.text, possible, "its values"));
  return false;
}

/// `condition`: `when NAME is VALUE`
bool RunBuilder::holds_now(const std::vector<Token>& condition) {
  if (condition.empty()) return true;
  const auto concrete = with_values(condition);
  if (!concrete) return false;
  Words words(*concrete, diagnostics_);
  words.set_syntax("... when NAME is VALUE");
  words.take();
  const Token name = words.peek();
  static_cast<void>(parse_name(words, "the name of a value"));
  words.require("is");
  const Token value = words.peek();
  if (value.kind == TokenKind::end || value.kind == TokenKind::symbol) words.wrong("a value");
  words.take();
  words.done();
  if (words.failed()) return false;
  const auto found = std::ranges::find(values_, name.text, &std::pair<std::string, Token>::first);
  if (found == values_.end() && std::ranges::find(template_.broken, name.text) != template_.broken.end())
    return false;
  if (found == values_.end()) {
    std::vector<std::string> names;
    for (const auto& each : values_) names.push_back(each.first);
    diagnostics_.error("E028", name.span, fmt::format("there is no value named {}", name.text),
                       suggestion(name.text, names, "defined"));
    return false;
  }
  // The possible values are those of the file, even if the command line has chosen one.
  if (!condition[std::min<std::size_t>(3, condition.size() - 1)].templated() && !can_ever_be(name, value))
    return false;
  return found->second.text == value.text;
}

std::size_t RunBuilder::end_of_block(std::size_t at, std::size_t end) {
  std::size_t open = 0;
  for (std::size_t next = at; next < end; ++next) {
    const auto& tokens = template_.lines[next].tokens;
    if (tokens.empty()) continue;
    if (tokens.front().is("repeat") || tokens.front().is("together")) ++open;
    if (tokens.front().is("end") && --open == 0) return next;
  }
  diagnostics_.error("E036", template_.lines[at].span(), "a block that does not end",
                     "close it with a line: end");
  return end;
}

void RunBuilder::lines(std::size_t begin, std::size_t end, std::vector<Statement>& into, std::size_t depth) {
  for (std::size_t at = begin; at < end && count_ <= statements_max; ++at) {
    const Line& each = template_.lines[at];
    if (each.phase) {
      Statement statement;
      statement.span = each.comment;
      statement.what = Phase{each.title};
      if (depth == 0) {
        if (!keep(std::move(statement), into)) return;
      } else {
        diagnostics_.error("E036", each.comment, "a phase inside a block",
                           "phases divide the whole scenario; a comment begins with one #");
      }
      continue;
    }
    if (each.tokens.empty()) continue;
    const Token& first = each.tokens.front();
    if (first.is("repeat") || first.is("together")) {
      const std::size_t last = end_of_block(at, end);
      block(at, last, into, depth);
      at = last;
    } else if (first.is("end")) {
      diagnostics_.error("E036", each.span(), "an end without a beginning",
                         "blocks begin with repeat or together");
    } else if (!each.bad) {
      line(each, into, depth);
    }
  }
}

bool RunBuilder::keep(Statement statement, std::vector<Statement>& into) {
  if (++count_ > statements_max) {
    diagnostics_.error(
        "E008", statement.span, "a scenario that is too long",
        fmt::format("the limit is {} lines, those of repeats counted each time", statements_max));
    return false;
  }
  statement.round = round_;
  into.push_back(std::move(statement));
  return true;
}

void RunBuilder::line(const Line& line, std::vector<Statement>& into, std::size_t depth) {
  const Condition parts = split_condition(line.tokens);
  if (parts.line.empty()) {
    diagnostics_.error("E013", line.tokens.front().span, "a condition without a line",
                       "it comes last: expect ... when NAME is VALUE");
    return;
  }
  const auto tokens = with_values(parts.line);
  const bool holds = holds_now(parts.after);
  if (!tokens) return;
  if (is_setting(tokens->front())) {
    if (acted_ || depth != 0) {
      diagnostics_.error("E022", line.span(), fmt::format("\"{}\" comes too late", tokens->front().text),
                         "settings come before the first act and outside of blocks");
    } else if (holds) {
      apply_setting(*tokens, scenario_.setup, seen_, diagnostics_);
    }
    return;
  }
  acted_ = true;
  auto statement = parse_statement(*tokens, diagnostics_);
  if (statement && holds) keep(std::move(*statement), into);
}

void RunBuilder::block(std::size_t begin, std::size_t end, std::vector<Statement>& into, std::size_t depth) {
  const Line& header = template_.lines[begin];
  acted_ = true;
  if (depth >= block_depth_max) {
    diagnostics_.error("E036", header.span(), "blocks are nested too deeply",
                       fmt::format("the limit is {}", block_depth_max));
    return;
  }
  if (end == begin + 1)
    diagnostics_.error("E044", header.span(), "an empty block", "add lines, or leave it out");
  if (end < template_.lines.size() && template_.lines[end].tokens.size() > 1) {
    diagnostics_.error("E014", template_.lines[end].tokens[1].span, "nothing follows \"end\"",
                       "a line of its own: end");
  }
  const Condition parts = split_condition(header.tokens);
  const auto tokens = header.bad ? std::nullopt : with_values(parts.line);
  const bool holds = holds_now(parts.after);
  std::vector<Statement> skipped;
  std::vector<Statement>& target = holds ? into : skipped;
  if (!tokens) return lines(begin + 1, end, skipped, depth + 1);
  if (tokens->front().is("repeat")) return repeat(*tokens, begin, end, target, depth);
  Words words(*tokens, diagnostics_);
  words.set_syntax("together ... end");
  words.take();
  words.done();
  Together together;
  lines(begin + 1, end, together.statements, depth + 1);
  if (together.statements.empty()) return;
  Statement statement;
  statement.span = header.span();
  statement.what = std::move(together);
  keep(std::move(statement), target);
}

void RunBuilder::repeat(const std::vector<Token>& header, std::size_t begin, std::size_t end,
                        std::vector<Statement>& into, std::size_t depth) {
  Words words(header, diagnostics_);
  words.set_syntax("repeat N [as NAME] ... end");
  words.take();
  std::uint64_t rounds = words.number("how many times", 1, repeat_max);
  std::string name;
  if (words.accept("as")) {
    name = parse_name(words, "the name of a number");
    if (!words.failed() &&
        std::ranges::find(values_, name, &std::pair<std::string, Token>::first) != values_.end())
      words.fail("E027", words.last(), fmt::format("{} has a value already", name), "choose another name");
  }
  words.done();
  if (words.failed()) rounds = 1;
  const std::string outer = round_;
  for (std::uint64_t round = 1; round <= rounds && count_ <= statements_max; ++round) {
    const std::string number = std::to_string(round);
    if (!name.empty())
      values_.emplace_back(name, Token{TokenKind::number, header.front().span, number, round, {}});
    round_ = fmt::format("{}{}{}", outer, outer.empty() ? "" : ", ",
                         name.empty() ? "round " + number : fmt::format("{}={}", name, number));
    lines(begin + 1, end, into, depth + 1);
    if (!name.empty()) values_.pop_back();
  }
  round_ = outer;
}

/// The rows of a variable that the command line selects.
std::vector<std::vector<Token>> chosen_rows(const Variable& variable, const Given& given,
                                            Diagnostics& diagnostics) {
  auto rows = variable.rows;
  for (const auto& [name, value] : given) {
    const auto at = std::ranges::find(variable.names, name);
    if (at == variable.names.end()) continue;
    const auto column = static_cast<std::size_t>(at - variable.names.begin());
    if (variable.kind == Variable::Kind::cases) {
      std::erase_if(rows, [&, &value = value](const auto& row) { return row[column].text != value; });
      if (rows.empty())
        diagnostics.error("E009", variable.span, fmt::format("no row has {}={}", name, value));
      continue;
    }
    // A value is spelled as in a run's name: a text without its quotes.
    const auto known = std::ranges::find_if(rows, [&, &value = value](const auto& row) {
      return !row[column].templated() && row[column].text == value;
    });
    if (known != rows.end()) {
      rows = {std::vector<Token>(*known)};
      continue;
    }
    auto token = lex_value(value, variable.span, diagnostics);
    if (token) rows = {{std::move(*token)}};
  }
  return rows;
}

Scenario make_run(const ScenarioTemplate& scenario_template, Mode mode,
                  const std::vector<const std::vector<Token>*>& rows, Diagnostics& diagnostics) {
  Scenario scenario;
  scenario.path = scenario_template.path;
  scenario.line = scenario_template.title_span.line;
  scenario.mode = mode;
  scenario.setup.title = scenario_template.title;
  scenario.setup.title_span = scenario_template.title_span;
  std::vector<std::pair<std::string, Token>> values;
  values.emplace_back(
      "MODE", Token{TokenKind::word, scenario_template.title_span, std::string(spelled(mode)), 0, {}});
  std::string in_name;
  for (std::size_t at = 0; at < scenario_template.variables.size(); ++at) {
    const Variable& variable = scenario_template.variables[at];
    for (std::size_t column = 0; column < variable.names.size(); ++column) {
      const auto lookup = [&](std::string_view name) -> const Token* {
        const auto found = std::ranges::find(values, name, &std::pair<std::string, Token>::first);
        return found == values.end() ? nullptr : &found->second;
      };
      auto value = substitute((*rows[at])[column], lookup, {}, diagnostics);
      if (!value) value = Token{TokenKind::word, variable.span, "", 0, {}};
      const bool naming = variable.kind != Variable::Kind::let && column < variable.naming;
      if (naming)
        in_name += fmt::format("{}{}={}", in_name.empty() ? "" : ",", variable.names[column],
                               trace::printable(value->text));
      scenario.bindings.push_back({variable.names[column], value->text, naming});
      values.emplace_back(variable.names[column], std::move(*value));
    }
  }
  scenario.stem = scenario_template.stem;
  if (!in_name.empty()) scenario.values = "[" + in_name + "]";
  scenario.name = scenario_template.shown + scenario.values;
  RunBuilder(scenario_template, scenario, std::move(values), diagnostics).run();
  return scenario;
}

}  // namespace

std::vector<Scenario> expand(const ScenarioTemplate& scenario_template, Mode mode, const Given& given,
                             Diagnostics& diagnostics) {
  std::vector<std::vector<std::vector<Token>>> choices;
  std::size_t count = 1;
  for (const Variable& variable : scenario_template.variables) {
    choices.push_back(chosen_rows(variable, given, diagnostics));
    count = std::min(count * choices.back().size(), runs_max + 1);
  }
  if (count > runs_max) {
    diagnostics.error("E008", scenario_template.title_span, "too many combinations of values",
                      fmt::format("the limit is {} runs", runs_max));
    count = 1;
    for (auto& rows : choices) rows.resize(1);
  }
  std::vector<Scenario> runs;
  for (std::size_t number = 0; number < count; ++number) {
    std::vector<const std::vector<Token>*> rows(choices.size());
    std::size_t rest = number;
    for (std::size_t at = choices.size(); at-- > 0; rest /= choices[at].size())
      rows[at] = &choices[at][rest % choices[at].size()];
    Scenario run = make_run(scenario_template, mode, rows, diagnostics);
    if (mode == Mode::sim ? run.setup.sim : run.setup.real) runs.push_back(std::move(run));
  }
  return runs;
}

void warn_of_unused(const ScenarioTemplate& scenario_template, Diagnostics& diagnostics) {
  std::set<std::string, std::less<>> used;
  const auto look = [&](const Token& token) {
    for (const Token::Piece& piece : token.pieces) {
      if (piece.name) used.insert(piece.text);
    }
  };
  for (const Line& line : scenario_template.lines) {
    for (std::size_t at = 0; at < line.tokens.size(); ++at) {
      look(line.tokens[at]);
      if (at != 0 && line.tokens[at - 1].is("when")) used.insert(line.tokens[at].text);
    }
  }
  for (const Variable& variable : scenario_template.variables) {
    for (const auto& row : variable.rows) std::ranges::for_each(row, look);
  }
  for (const Variable& variable : scenario_template.variables) {
    for (std::size_t at = 0; at < variable.names.size(); ++at) {
      const bool names_rows = variable.kind == Variable::Kind::cases && at < variable.naming;
      if (names_rows || used.contains(variable.names[at])) continue;
      diagnostics.warning("W003", variable.span, fmt::format("{} is not used", variable.names[at]),
                          fmt::format("use its value with {{{}}}", variable.names[at]));
    }
  }
}

}  // namespace ringside::script
