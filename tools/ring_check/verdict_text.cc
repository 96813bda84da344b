// A verdict as lines of text, "key value"; texts of several lines follow their length.
#include "tools/ring_check/verdict_text.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace ringside::tools {

namespace {

constexpr std::string_view outcome_names[] = {"whole", "bounded", "stopped", "failed", "could_not"};

std::string to_text(const check::Usage& usage) {
  return fmt::format("usage {} {} {} {} {} {}\n", usage.places, usage.once, usage.slots_unused,
                     static_cast<int>(usage.full), static_cast<int>(usage.empty),
                     static_cast<int>(usage.wrapped));
}

check::Usage usage_in(const std::string& text) {
  check::Usage usage;
  std::istringstream(text) >> usage.places >> usage.once >> usage.slots_unused >> usage.full >> usage.empty >>
      usage.wrapped;
  return usage;
}

}  // namespace

std::string to_text(const RingVerdict& verdict) {
  // A ring may fail with any text; it becomes one line here.
  std::string why = verdict.why;
  std::replace(why.begin(), why.end(), '\n', ' ');
  std::string buffering;
  for (const std::string& each : verdict.buffering) buffering += "buffering " + each + "\n";
  return fmt::format(
      "outcome {}\nexecutions {}\nredundant {}\nsteps {}\nseconds {}\nbound {}\nwas_limited {}\n"
      "is_too_large {}\nmessages {}\n{}"
      "hides_failures {}\n{}division {}\nnote {}\nwhy {}\nreplay {}\npage {}\n{}\nreport {}\n{}journal\n{}",
      outcome_names[static_cast<std::size_t>(verdict.outcome)], verdict.executions, verdict.redundant,
      verdict.steps, verdict.seconds, verdict.bound, static_cast<int>(verdict.was_limited),
      static_cast<int>(verdict.is_too_large), verdict.messages, verdict.usage ? to_text(*verdict.usage) : "",
      static_cast<int>(verdict.hides_failures), buffering, verdict.division, verdict.note, why,
      verdict.replay, verdict.page.size(), verdict.page, verdict.report.size(), verdict.report,
      verdict.journal);
}

RingVerdict from_text(const std::string& text) {
  RingVerdict verdict;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string key = line.substr(0, space);
    const std::string value = line.substr(std::min(space + 1, line.size()));
    if (key == "outcome") {
      const auto* const at = std::find(std::begin(outcome_names), std::end(outcome_names), value);
      if (at != std::end(outcome_names))
        verdict.outcome = static_cast<RingOutcome>(at - std::begin(outcome_names));
    } else if (key == "executions") {
      verdict.executions = std::strtoull(value.c_str(), nullptr, 10);
    } else if (key == "redundant") {
      verdict.redundant = std::strtoull(value.c_str(), nullptr, 10);
    } else if (key == "steps") {
      verdict.steps = std::strtoull(value.c_str(), nullptr, 10);
    } else if (key == "seconds") {
      verdict.seconds = std::strtod(value.c_str(), nullptr);
    } else if (key == "bound") {
      verdict.bound = static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (key == "was_limited") {
      verdict.was_limited = value == "1";
    } else if (key == "is_too_large") {
      verdict.is_too_large = value == "1";
    } else if (key == "messages") {
      verdict.messages = static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (key == "usage") {
      verdict.usage = usage_in(value);
    } else if (key == "hides_failures") {
      verdict.hides_failures = value == "1";
    } else if (key == "buffering") {
      verdict.buffering.push_back(value);
    } else if (key == "division") {
      verdict.division = value;
    } else if (key == "note") {
      verdict.note = value;
    } else if (key == "why") {
      verdict.why = value;
    } else if (key == "replay") {
      verdict.replay = value;
    } else if (key == "page" || key == "report") {
      std::string& part = key == "page" ? verdict.page : verdict.report;
      part.resize(std::min<std::size_t>(std::strtoull(value.c_str(), nullptr, 10), text.size()));
      lines.read(part.data(), static_cast<std::streamsize>(part.size()));
    } else if (key == "journal") {
      std::ostringstream rest;
      rest << lines.rdbuf();
      verdict.journal = rest.str();
    }
  }
  return verdict;
}

}  // namespace ringside::tools
