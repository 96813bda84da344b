// Reads files into templates: resolves includes, finds the beginning of each scenario, and assigns lines to
// it.
#include "emu/script/scenario_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "emu/script/expand.h"
#include "emu/script/variables.h"
#include "emu/script/words.h"
#include "emu/trace/quote.h"

namespace ringside::script {

namespace {

std::string stem_of(std::string_view path) {
  if (const std::size_t slash = path.rfind('/'); slash != std::string_view::npos)
    path.remove_prefix(slash + 1);
  if (path.ends_with(".scn")) path.remove_suffix(4);
  return trace::printable(path);
}

class FileReader {
 public:
  FileReader(Script& script, const Reader& reader)
      : script_(script), reader_(reader), variables_(script, reader) {}

  /// `current`: the scenario to which lines belong until another one begins; null outside of a scenario.
  void read(const std::string& path, const Span& included_from, const Span& named_at,
            ScenarioTemplate* current);

 private:
  void take(const std::vector<Line>& lines, ScenarioTemplate* outer);
  void begin(const Line& line, const ScenarioTemplate& preamble);
  void include(const Line& line, ScenarioTemplate* current);
  void keep(const Line& line, ScenarioTemplate& scenario_template);
  void refuse(const Span& named_at, const std::string& path, std::string why);
  bool refuse_journal(std::uint32_t source, const std::string& path, std::string_view text);

  Script& script_;
  const Reader& reader_;
  VariableReader variables_;
  ScenarioTemplate preamble_;
};

void FileReader::refuse(const Span& named_at, const std::string& path, std::string why) {
  script_.lines_missing = true;
  // Without a line to point at, the message contains everything.
  if (named_at.nowhere())
    return script_.diagnostics.error("E020", {}, fmt::format("cannot read \"{}\": {}", path, why));
  script_.diagnostics.error("E020", named_at, fmt::format("cannot read \"{}\"", path), std::move(why));
}

/// Refuses a journal with one error: it is easily confused with its scenario, and each of its lines would be
/// an error.
bool FileReader::refuse_journal(std::uint32_t source, const std::string& path, std::string_view text) {
  constexpr std::string_view golden_end = ".journal";
  const Span first_line{source, 1, 0, static_cast<std::uint32_t>(std::min(text.size(), text.find('\n')))};
  if (text.starts_with('{')) {
    script_.diagnostics.error("E048", first_line, "this is the journal of a run, not a scenario",
                              fmt::format("look at it: ringside view {}", path));
    return true;
  }
  if (!path.ends_with(golden_end)) return false;
  const std::string_view stem = std::string_view(path).substr(0, path.size() - golden_end.size());
  script_.diagnostics.error(
      "E048", first_line, "this is a golden journal, not a scenario",
      fmt::format("its scenario is compared with it: ringside run {}.scn; to look at a run: ringside run "
                  "{}.scn --journal out, then ringside view out/*.jsonl",
                  stem, stem));
  return true;
}

void FileReader::read(const std::string& path, const Span& included_from, const Span& named_at,
                      ScenarioTemplate* current) {
  if (script_.sources.size() >= sources_max) return refuse(named_at, path, "too many files are included");
  if (!included_from.nowhere()) {
    if (script_.sources.depth(included_from.source) >= include_depth_max)
      return refuse(named_at, path, fmt::format("includes are nested deeper than {}", include_depth_max));
    for (Span at = named_at; !at.nowhere(); at = script_.sources.at(at.source).included_from) {
      if (script_.sources.at(at.source).path == path) return refuse(named_at, path, "it includes itself");
    }
  }
  auto text = reader_(path);
  if (!text) return refuse(named_at, path, text.error().why);
  if (text->size() > source_bytes_max)
    return refuse(named_at, path, fmt::format("it is longer than {} bytes", source_bytes_max));
  const std::uint32_t source = script_.sources.add(path, *text, included_from);
  if (refuse_journal(source, path, *text)) return;
  take(lex(script_.sources, source, script_.diagnostics), current);
}

void FileReader::take(const std::vector<Line>& lines, ScenarioTemplate* outer) {
  // Templates are added while others are filled, which may move them: so they are referred to by number.
  std::optional<std::size_t> current;
  const auto target = [&]() -> ScenarioTemplate* { return current ? &script_.templates[*current] : outer; };
  std::size_t count = 0;
  bool told = false;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const Line& line = lines[at];
    if (line.tokens.empty() && !line.phase) continue;
    const Token first = line.phase ? Token{} : line.tokens.front();
    if (first.is("scenario")) {
      if (outer != nullptr && outer != &preamble_) {
        script_.diagnostics.error("E021", line.span(), "a scenario inside a scenario",
                                  "include it before the first scenario line, or leave this line out");
        continue;
      }
      begin(line, preamble_);
      current = script_.templates.size() - 1;
      ScenarioTemplate& begun = script_.templates.back();
      if (++count > 1) begun.number_suffix = fmt::format("-{}", count);
      begun.stem += begun.number_suffix;
      begun.shown = begun.stem;
      continue;
    }
    if (target() == nullptr) outer = &preamble_;
    if (target() == &preamble_ && !first.is("include") && !is_setting(first) && !line.bad) {
      if (!std::exchange(told, true)) {
        script_.diagnostics.error("E029", line.span(), "there is no scenario line above",
                                  "begin with what it shows: scenario \"Hello, world\"");
      }
    }
    if (first.is("include") && !line.bad) {
      // Inside a scenario no template is added, so the pointer to this one stays valid.
      include(line, target() == &preamble_ ? nullptr : target());
    } else if (first.is("param") && !line.bad) {
      variables_.param(line, *target());
    } else if (first.is("let") && !line.bad) {
      variables_.let(line, *target());
    } else if (first.is("cases") && !line.bad) {
      at += variables_.cases(line, std::span(lines).subspan(at + 1), *target());
    } else {
      keep(line, *target());
    }
  }
}

void FileReader::keep(const Line& line, ScenarioTemplate& scenario_template) {
  if (scenario_template.lines.size() < lines_max) return scenario_template.lines.push_back(line);
  script_.diagnostics.error("E008", line.span(), "a scenario that is too long",
                            fmt::format("the limit is {} lines", lines_max));
}

void FileReader::begin(const Line& line, const ScenarioTemplate& preamble) {
  Words words(line.tokens, script_.diagnostics);
  words.set_syntax("scenario \"TITLE\"");
  words.take();
  ScenarioTemplate scenario_template = preamble;
  scenario_template.path = script_.sources.at(line.source).path;
  scenario_template.stem = stem_of(scenario_template.path);
  scenario_template.title_span = words.here();
  if (!line.bad) {
    if (words.peek().kind != TokenKind::text || words.peek().templated()) {
      if (words.peek().templated()) {
        words.fail("E011", words.here(), "a title cannot contain values",
                   "each run's name contains them: [X=1]; leave out the braces");
      } else {
        words.wrong("a title between quotes");
      }
    } else {
      scenario_template.title = words.take().text;
      if (scenario_template.title.empty())
        words.fail("E015", words.last(), "an empty title", "write what the scenario shows");
    }
    words.done();
  }
  script_.templates.push_back(std::move(scenario_template));
}

void FileReader::include(const Line& line, ScenarioTemplate* current) {
  Words words(line.tokens, script_.diagnostics);
  words.set_syntax("include \"FILE\"");
  words.take();
  const Token path = words.peek();
  if (path.kind != TokenKind::text || path.templated()) words.wrong("a file's name between quotes");
  words.take();
  words.done();
  if (words.failed()) return;
  read(path_beside(script_.sources.at(line.source).path, path.text), line.span(), path.span, current);
}

}  // namespace

std::string path_beside(std::string_view from, std::string_view name) {
  const std::size_t slash = from.rfind('/');
  if (name.starts_with('/') || slash == std::string_view::npos) return std::string(name);
  return fmt::format("{}{}", from.substr(0, slash + 1), name);
}

Script read_script(const std::string& path, const Reader& reader) {
  Script script;
  FileReader(script, reader).read(path, {}, {}, nullptr);
  if (script.templates.empty() && script.diagnostics.errors() == 0) {
    script.diagnostics.error("E029", script.sources.size() == 0 ? Span{} : Span{0, 1, 0, 1},
                             "there is no scenario in this file",
                             "begin with what it shows: scenario \"Hello, world\"");
  }
  return script;
}

}  // namespace ringside::script
