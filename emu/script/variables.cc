// Parses the lines that define names: param, let, and tables of cases, here or in a CSV file.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "emu/script/parts.h"
#include "emu/script/suggest.h"
#include "emu/script/variables.h"

namespace ringside::script {

namespace {

bool is_value(const Token& token) {
  return token.kind != TokenKind::symbol && token.kind != TokenKind::end && token.kind != TokenKind::regex;
}

Token parse_value(Words& words) {
  if (!is_value(words.peek())) words.wrong("a value");
  return words.take();
}

/// Rows of a table are below its names, and are indented, or begin with a token with which no other line
/// begins.
bool is_row(const Line& line, const Line& cases) {
  if (line.tokens.empty()) return false;
  return line.indent > cases.indent ||
         (is_value(line.tokens.front()) && line.tokens.front().kind != TokenKind::word);
}

std::size_t identifying_columns(const Variable& variable) {
  for (std::size_t columns = 1; columns < variable.names.size(); ++columns) {
    std::set<std::vector<std::string>> seen;
    for (const auto& row : variable.rows) {
      std::vector<std::string> key;
      for (std::size_t at = 0; at < columns; ++at) key.push_back(row[at].text);
      seen.insert(std::move(key));
    }
    if (seen.size() == variable.rows.size()) return columns;
  }
  return variable.names.size();
}

/// The cell as a token of any kind; a text if it is no other.
Token value_of(const Cell& cell) {
  Diagnostics unheard;
  if (!cell.quoted) {
    if (auto value = lex_value(cell.text, cell.span, unheard); value && is_value(*value)) return *value;
  }
  return {TokenKind::text, cell.span, cell.text, 0, {}};
}

}  // namespace

std::size_t rows_of_cases(const Line& cases, std::span<const Line> lines) {
  std::size_t used = 0;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const Line& line = lines[at];
    if (line.tokens.empty() && !line.phase && !line.bad) continue;
    if (!is_row(line, cases)) break;
    used = at + 1;
  }
  return used;
}

const Variable* ScenarioTemplate::find(std::string_view name) const {
  const auto found = std::ranges::find_if(variables, [&](const Variable& each) {
    return std::ranges::find(each.names, name) != each.names.end();
  });
  return found == variables.end() ? nullptr : &*found;
}

std::vector<std::string> ScenarioTemplate::names() const {
  std::vector<std::string> all;
  for (const Variable& each : variables) all.insert(all.end(), each.names.begin(), each.names.end());
  return all;
}

void VariableReader::mark_broken(ScenarioTemplate& scenario_template, const Variable& variable) {
  scenario_template.broken.insert(scenario_template.broken.end(), variable.names.begin(),
                                  variable.names.end());
}

void VariableReader::add(ScenarioTemplate& scenario_template, Variable variable) {
  for (std::size_t at = 0; at < variable.names.size(); ++at) {
    const std::string& name = variable.names[at];
    const bool twice =
        std::find(variable.names.begin(), variable.names.begin() + static_cast<std::ptrdiff_t>(at), name) !=
        variable.names.begin() + static_cast<std::ptrdiff_t>(at);
    const Variable* other = scenario_template.find(name);
    if (other == nullptr && !twice && name != "MODE") continue;
    const std::string where =
        other == nullptr ? "" : fmt::format("it has a value from line {}", other->span.line);
    script_.diagnostics.error("E027", variable.span, fmt::format("{} is defined twice", name),
                              name == "MODE" ? "it is sim or real, as the run is" : where);
    return;
  }
  if (scenario_template.variables.size() >= variables_max) {
    script_.diagnostics.error("E008", variable.span, "too many names",
                              fmt::format("the limit is {}", variables_max));
    return;
  }
  for (std::size_t at = 0; at < variable.rows.size(); ++at) {
    const auto same = [&](const std::vector<Token>& row) {
      return std::ranges::equal(row, variable.rows[at], {}, &Token::text, &Token::text);
    };
    const auto rest = std::span(variable.rows).subspan(at + 1);
    if (const auto found = std::ranges::find_if(rest, same); found != rest.end()) {
      script_.diagnostics.error("E027", found->front().span, "the same values a second time",
                                "each run needs a name of its own");
      return mark_broken(scenario_template, variable);
    }
  }
  variable.naming = identifying_columns(variable);
  scenario_template.variables.push_back(std::move(variable));
}

void VariableReader::param(const Line& line, ScenarioTemplate& scenario_template) {
  Words words(line.tokens, script_.diagnostics);
  words.set_syntax("param NAME = VALUE, VALUE");
  words.take();
  Variable variable{Variable::Kind::param, line.span(), {}, {}, 1};
  variable.names.push_back(parse_name(words, "a name"));
  words.require("=");
  do {
    variable.rows.push_back({parse_value(words)});
  } while (words.accept(","));
  words.done();
  if (words.failed()) return mark_broken(scenario_template, variable);
  add(scenario_template, std::move(variable));
}

void VariableReader::let(const Line& line, ScenarioTemplate& scenario_template) {
  Words words(line.tokens, script_.diagnostics);
  words.set_syntax("let NAME = VALUE");
  words.take();
  Variable variable{Variable::Kind::let, line.span(), {}, {}, 1};
  variable.names.push_back(parse_name(words, "a name"));
  words.require("=");
  variable.rows.push_back({parse_value(words)});
  words.done();
  if (words.failed()) return mark_broken(scenario_template, variable);
  add(scenario_template, std::move(variable));
}

std::size_t VariableReader::cases(const Line& line, std::span<const Line> rows,
                                  ScenarioTemplate& scenario_template) {
  const std::size_t used = rows_of_cases(line, rows);
  Words words(line.tokens, script_.diagnostics);
  words.set_syntax("cases NAME NAME, and a row of values on each of the next lines; or: from \"FILE.csv\"");
  words.take();
  Variable variable{Variable::Kind::cases, line.span(), {}, {}, 1};
  do {
    variable.names.push_back(parse_name(words, "a name"));
    words.accept(",");
  } while (!words.at_end() && !words.peek().is("from"));
  if (words.accept("from")) {
    if (words.peek().kind != TokenKind::text || words.peek().templated())
      words.wrong("a file's name between quotes");
    const Token path = words.take();
    words.done();
    if (!words.failed()) from_csv(path, line, variable);
  }
  words.done();
  for (const Line& row : rows.first(used)) {
    if (row.tokens.empty() || row.bad) continue;
    if (row.tokens.size() != variable.names.size()) {
      script_.diagnostics.error(
          "E026", row.span(),
          fmt::format("a row of {} values, under {} names", row.tokens.size(), variable.names.size()),
          fmt::format("the names are {}", fmt::join(variable.names, ", ")));
      continue;
    }
    if (const auto bad = std::ranges::find_if_not(row.tokens, is_value); bad != row.tokens.end()) {
      script_.diagnostics.error("E026", bad->span, "no value",
                                "values of a row are separated by spaces: 480 0");
      continue;
    }
    variable.rows.push_back(row.tokens);
  }
  if (variable.rows.empty() || words.failed()) mark_broken(scenario_template, variable);
  if (variable.rows.empty() && script_.diagnostics.errors() == 0) {
    script_.diagnostics.error("E026", line.span(), "a table without rows",
                              "each row is a line below, deeper than this one");
  } else if (variable.rows.size() > case_rows_max) {
    script_.diagnostics.error("E008", line.span(), "too many cases",
                              fmt::format("the limit is {}", case_rows_max));
  } else if (!variable.rows.empty() && !words.failed()) {
    add(scenario_template, std::move(variable));
  }
  return used;
}

void VariableReader::from_csv(const Token& path, const Line& line, Variable& variable) {
  const std::string full = path_beside(script_.sources.at(line.source).path, path.text);
  auto text = reader_(full);
  if (!text || script_.sources.size() >= sources_max || text->size() > source_bytes_max) {
    const std::string why = !text ? text.error().why : "it is too large";
    script_.diagnostics.error("E020", path.span, fmt::format("cannot read \"{}\"", full), why);
    return;
  }
  const std::uint32_t source = script_.sources.add(full, *text, line.span());
  const auto& lines = script_.sources.at(source).lines;
  const auto header = lines.empty() ? std::vector<Cell>{} : csv_cells(lines.front(), source, 1);
  std::vector<std::size_t> columns;
  for (const std::string& name : variable.names) {
    const auto found = std::ranges::find(header, name, &Cell::text);
    if (found == header.end()) {
      std::vector<std::string> titles;
      for (const Cell& each : header) titles.push_back(each.text);
      script_.diagnostics.error("E026", path.span, fmt::format("\"{}\" has no column {}", full, name),
                                suggestion(name, titles, "columns"));
      return;
    }
    columns.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  for (std::uint32_t number = 2; number <= lines.size() && variable.rows.size() <= case_rows_max; ++number) {
    const auto cells = csv_cells(lines[number - 1], source, number);
    if (cells.size() == 1 && cells.front().text.empty()) continue;
    if (cells.size() != header.size()) {
      script_.diagnostics.error(
          "E026", {source, number, 0, 1},
          fmt::format("a row of {} values, under {} names", cells.size(), header.size()));
      continue;
    }
    std::vector<Token> row;
    for (const std::size_t column : columns) row.push_back(value_of(cells[column]));
    variable.rows.push_back(std::move(row));
  }
}

std::vector<Cell> csv_cells(std::string_view line, std::uint32_t source, std::uint32_t number) {
  std::vector<Cell> cells;
  std::size_t at = 0;
  do {
    while (at < line.size() && line[at] == ' ') ++at;
    Cell cell;
    cell.span = {source, number, static_cast<std::uint32_t>(at), 0};
    cell.quoted = at < line.size() && line[at] == '"';
    if (cell.quoted) {
      for (++at; at < line.size(); ++at) {
        if (line[at] != '"') {
          cell.text += line[at];
        } else if (at + 1 < line.size() && line[at + 1] == '"') {
          cell.text += line[at++];
        } else {
          break;
        }
      }
      at = std::min(line.find(',', std::min(at, line.size())), line.size());
    } else {
      const std::size_t end = std::min(line.find(',', at), line.size());
      cell.text = line.substr(at, end - at);
      while (cell.text.ends_with(' ')) cell.text.pop_back();
      at = end;
    }
    cell.span.end = static_cast<std::uint32_t>(std::max<std::size_t>(at, cell.span.begin + 1));
    cells.push_back(std::move(cell));
  } while (at++ < line.size());
  return cells;
}

}  // namespace ringside::script
