// Converts journals to the formats of other programs.
#include "tools/view/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "emu/trace/asciicast.h"
#include "emu/trace/perfetto.h"
#include "emu/trace/sequence.h"
#include "tools/out_file.h"
#include "tools/view/quiz.h"
#include "tools/view/slides.h"

namespace ringside::tools {

namespace {

/// "hello.scn:7: user types \"a\""
std::string place_and_text(const trace::JournalHeader& header, const trace::JournalMark& mark) {
  std::string file = mark.file;
  if (file.empty() && header.scenario)
    file = header.scenario->path.substr(header.scenario->path.rfind('/') + 1);
  return fmt::format("{}:{}: {}", file, mark.line, mark.text);
}

struct Steps {
  std::uint64_t first = 0;
  std::uint64_t last = ~std::uint64_t{0};
};

/// "50..123", "50.." or "..123".
std::optional<Steps> steps_of(const std::string& text) {
  Steps steps;
  if (text.empty()) return steps;
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return std::nullopt;
  const auto number = [&](std::size_t from, std::size_t to, std::uint64_t& into) {
    if (from == to) return true;
    const auto [end, error] = std::from_chars(text.data() + from, text.data() + to, into);
    return error == std::errc() && end == text.data() + to;
  };
  const bool good = number(0, dots, steps.first) && number(dots + 2, text.size(), steps.last);
  if (!good || steps.first > steps.last) return std::nullopt;
  if (dots == 0) steps.first = 1;
  return steps;
}

Result<> write_text(const std::string& path, const std::string& text) {
  return path.empty() ? Result<>(Done{}) : write_file("cannot write", path, text);
}

Result<> write_diagrams(const trace::Journaled& journal, const Exports& exports) {
  if (!exports.any_of_steps()) return Done{};
  const Steps steps = steps_of(exports.steps).value_or(Steps());
  const trace::Sequence sequence = trace::sequence_of(journal, steps.first, steps.last);
  if (sequence.items.empty() && !journal.steps.empty() && !exports.steps.empty())
    return Error{ENOENT, "cannot choose steps", exports.steps, "a diagram shows none of them",
                 fmt::format("the journal has the steps {} to {}", journal.steps.front().step,
                             journal.steps.back().step)};
  if (auto written = write_text(exports.mermaid, trace::to_mermaid(sequence)); !written) return written;
  if (auto written = write_text(exports.svg, trace::to_svg(sequence)); !written) return written;
  if (exports.slides.empty()) return Done{};
  return write_text(exports.slides, slides_page(journal, steps.first, steps.last));
}

Result<> write_quiz(const trace::Journaled& journal, const Exports& exports) {
  if (exports.quiz.empty()) return Done{};
  const Quiz quiz = quiz_of(journal, 1);
  if (quiz.questions == 0)
    return Error{ENOENT, "cannot make a quiz", exports.quiz, "this journal has no step to ask about", ""};
  return write_text(exports.quiz, quiz.page);
}

Result<> write_asciicast(const trace::Journaled& journal, const Exports& exports) {
  if (exports.asciicast.empty()) return Done{};
  const std::vector<std::string> screens = trace::screens_of(journal);
  const std::string known = fmt::format("{}", fmt::join(screens, ", "));
  if (screens.empty())
    return Error{ENOENT, "cannot write an asciicast", exports.asciicast,
                 "no screen showed anything in this journal", ""};
  const std::string screen = exports.screen.empty() ? screens.front() : exports.screen;
  if (std::ranges::find(screens, screen) == screens.end())
    return Error{ENOENT, "cannot write an asciicast", screen, "there is no such screen",
                 "there are: " + known};
  return write_text(exports.asciicast, trace::to_asciicast(journal, screen));
}

}  // namespace

void write_capture(const trace::Journaled& journal, std::uint16_t link_type,
                   const std::function<void(std::string_view)>& write) {
  trace::Pcapng capture(0, link_type);
  write(capture.begin(journal.header));
  auto mark = journal.marks.begin();
  for (const trace::JournalStep& each : journal.steps) {
    std::vector<std::string> lines;
    for (; mark != journal.marks.end() && mark->after < each.step; ++mark) {
      // A failure is reported at its own line, and brings no line into force.
      if (mark->kind != trace::JournalMark::Kind::failure)
        lines.push_back(place_and_text(journal.header, *mark));
    }
    write(capture.packet(each.entry, each.step, lines));
  }
}

Result<> check_exports(const Exports& exports) {
  if (!exports.steps.empty() && !exports.any_of_steps())
    return Error{EINVAL, "cannot choose steps", exports.steps,
                 "only diagrams and slides can show a part of the steps", "--svg, --mermaid or --slides"};
  if (!steps_of(exports.steps))
    return Error{EINVAL, "cannot choose steps", exports.steps, "it is not a range",
                 "write 50..123, 50.. or ..123"};
  return Done{};
}

void add_export_options(Command command, Exports& exports) {
  const Option pcap =
      command.add_option("--pcap", exports.pcap, "Write a capture there, for Wireshark; - is stdout");
  command
      .add_option("--link-type", exports.link_type,
                  "The link type of the capture, one of the numbers for private use (USER0 to USER15)")
      .range(trace::capture_link_type_default, trace::capture_link_type_max)
      .show_default()
      .needs(pcap);
  command.add_option("--svg", exports.svg,
                     "Write a sequence diagram there, 1920 pixels wide, for slides; - is stdout");
  command.add_option("--slides", exports.slides,
                     "Write slides for a lecture there, one hop each, in one HTML file; - is stdout");
  command.add_option("--quiz", exports.quiz,
                     "Write a quiz of up to 10 questions about the run there, one HTML file; - is stdout");
  command.add_option("--mermaid", exports.mermaid, "Write a sequence diagram for Mermaid there; - is stdout");
  command.add_option("--perfetto", exports.perfetto, "Write a trace for ui.perfetto.dev there; - is stdout");
  const Option cast = command.add_option("--asciicast", exports.asciicast,
                                         "Write what a screen showed there, for asciinema; - is stdout");
  command
      .add_option("--screen", exports.screen,
                  "The screen of the asciicast: dom1, \"serial line\" (default: the first)")
      .type_name("NAME")
      .needs(cast);
  command
      .add_option("--steps", exports.steps,
                  "The steps of diagrams and slides: A..B (default: from the scenario's beginning on)")
      .type_name("A..B");
}

int write_exports(const trace::Journaled& journal, const Exports& exports) {
  if (!exports.pcap.empty()) {
    auto file = OutFile::open(exports.pcap, true);
    if (!file) return failed(file.error());
    write_capture(journal, exports.link_type, [&](std::string_view part) { file->write(part); });
    if (const auto written = file->close(); !written) return failed(written.error());
  }
  if (const auto drawn = write_diagrams(journal, exports); !drawn) return failed(drawn.error());
  if (const auto asked = write_quiz(journal, exports); !asked) return failed(asked.error());
  if (const auto cast = write_asciicast(journal, exports); !cast) return failed(cast.error());
  if (!exports.perfetto.empty()) {
    const auto traced = write_text(exports.perfetto, trace::to_perfetto(journal));
    if (!traced) return failed(traced.error());
  }
  return exit_good;
}

}  // namespace ringside::tools
