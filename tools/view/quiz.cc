// Finds the steps that can be asked about, chooses some of each kind, and writes them in their order. The
// page's look and its script are tools/page/quiz.html. Bytes of the run are escaped.
#include "tools/view/quiz.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/trace/flow.h"
#include "emu/trace/hops.h"
#include "emu/trace/lines.h"
#include "emu/trace/names.h"
#include "emu/trace/plain.h"
#include "emu/trace/quote.h"
#include "emu/trace/replay.h"
#include "emu/trace/text.h"
#include "tools/embedded.h"
#include "tools/view/page.h"
#include "tools/view/step_parts.h"

namespace ringside::tools {

namespace {

using trace::Entry;
using trace::IndexName;
using trace::Kind;
using trace::SlotState;
using trace::xml_text;

constexpr std::size_t choices_max = 4;

enum class AskedFor : std::uint8_t {
  hop,    ///< the next one
  index,  ///< its value after a step
  slot,   ///< the one that is written
  room,   ///< the free slots after a step
};
/// How many of each kind are wanted, in the order of AskedFor.
constexpr std::array<std::size_t, 4> wanted = {3, 3, 2, 2};

/// A step that can be asked about.
struct AskableStep {
  std::size_t at = 0;  ///< in the journal's steps
  AskedFor kind = AskedFor::hop;
  std::uint64_t likeness = 0;  ///< equal for questions of a kind that are alike
};

struct Question {
  std::string asked;
  std::vector<std::string> choices;
  std::size_t right = 0;
};

std::uint32_t free_slots(const trace::ReplayedRing& ring) {
  return static_cast<std::uint32_t>(std::ranges::count_if(ring.slots, [](const trace::ReplayedSlot& slot) {
    return slot.state == SlotState::free || slot.state == SlotState::stale;
  }));
}

bool writes_request(const Entry& entry) {
  return entry.kind == Kind::slot_written &&
         static_cast<trace::SlotUse>(entry.detail) == trace::SlotUse::request;
}

bool moves(const Entry& entry, IndexName name) {
  return entry.kind == Kind::index_moved && static_cast<IndexName>(entry.detail) == name;
}

/// What comes before the first line of the scenario is set-up, and booting is the same in every run.
bool is_of_lesson(const trace::Journaled& journal, std::uint64_t step) {
  const bool set_up = !journal.marks.empty() && step <= journal.marks.front().after;
  return !set_up && !boots_at(journal, step);
}

/// A step that the one before it makes possible: the same actor goes on, or the receiver does.
bool follows(const Entry& entry, const Entry& before) {
  return entry.actor == before.actor || entry.actor == before.peer;
}

std::vector<AskableStep> askable_steps(const trace::Journaled& journal) {
  std::vector<AskableStep> found;
  const auto hops = hops_of(journal);
  for (std::size_t at = 1; at < journal.steps.size(); ++at) {
    const auto& [step, entry] = journal.steps[at];
    if (!is_of_lesson(journal, step) || !trace::makes_sense(entry)) continue;
    const std::uint64_t ring = static_cast<std::uint64_t>(entry.ring) << 8;
    if (writes_request(entry)) found.push_back({at, AskedFor::slot, ring | entry.to_value});
    if (moves(entry, IndexName::req_prod) || moves(entry, IndexName::rsp_prod))
      found.push_back({at, AskedFor::index, ring | entry.detail});
    if (entry.kind == Kind::index_moved || (entry.kind == Kind::slot_written && !writes_request(entry)))
      found.push_back({at, AskedFor::room, static_cast<std::uint64_t>(entry.kind) << 8 | entry.detail});
    const bool new_hop = hops[at] != nullptr && hops[at - 1] != nullptr && hops[at] != hops[at - 1];
    if (new_hop && follows(entry, journal.steps[at - 1].entry))
      found.push_back({at, AskedFor::hop, static_cast<std::uint64_t>(hops[at]->id)});
  }
  return found;
}

/// Shuffles the candidates by `next`, and then moves the first of each likeness to the front.
void mix(std::vector<AskableStep>& all, std::minstd_rand& next) {
  for (std::size_t left = all.size(); left > 1; --left) std::swap(all[left - 1], all[next() % left]);
  std::set<std::uint64_t> seen;
  std::vector<AskableStep> first;
  std::vector<AskableStep> others;
  for (const AskableStep& each : all) (seen.insert(each.likeness).second ? first : others).push_back(each);
  first.insert(first.end(), others.begin(), others.end());
  all = std::move(first);
}

/// Some of each kind; if one kind has too few, others replace them. No two are about the same step or one
/// beside it, since the step before each question is shown.
std::vector<AskableStep> chosen(const std::vector<AskableStep>& all, std::uint32_t number) {
  std::minstd_rand next(number);
  std::array<std::vector<AskableStep>, wanted.size()> kinds;
  for (const AskableStep& each : all) kinds[static_cast<std::size_t>(each.kind)].push_back(each);
  std::set<std::size_t> steps;
  const auto takes = [&steps](std::size_t at) {
    if (steps.contains(at - 1) || steps.contains(at + 1)) return false;
    return steps.insert(at).second;
  };
  std::vector<AskableStep> chosen;
  std::vector<AskableStep> others;
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    mix(kinds[kind], next);
    std::size_t count = 0;
    for (const AskableStep& each : kinds[kind]) {
      const bool wants = count < wanted[kind] && takes(each.at);
      if (wants) ++count;
      (wants ? chosen : others).push_back(each);
    }
  }
  for (const AskableStep& each : others) {
    if (chosen.size() < quiz_questions_max && takes(each.at)) chosen.push_back(each);
  }
  std::ranges::sort(chosen, {}, &AskableStep::at);
  return chosen;
}

/// The right number, and those of `wrong` that differ, in their order.
void choose_numbers(Question& question, std::uint32_t right, std::initializer_list<std::uint32_t> wrong,
                    std::uint32_t max) {
  std::set<std::uint32_t> numbers = {right};
  for (const std::uint32_t each : wrong) {
    if (numbers.size() < choices_max && each <= max) numbers.insert(each);
  }
  for (const std::uint32_t each : numbers) {
    if (each == right) question.right = question.choices.size();
    question.choices.push_back(std::to_string(each));
  }
}

class QuizWriter {
 public:
  QuizWriter(const trace::Journaled& journal, const std::vector<AskableStep>& asked)
      : journal_(journal), hops_(hops_of(journal)), asked_(asked) {
    replay_.begin(journal.header);
    flow_.begin(journal.header);
    for (std::size_t at = 0; at < hops_.size(); ++at) {
      if (hops_[at] != nullptr && is_of_lesson(journal, journal.steps[at].step))
        titles_.emplace(hops_[at]->title);
    }
  }

  void write() {
    for (std::size_t number = 0; number < asked_.size(); ++number) {
      const AskableStep& asked = asked_[number];
      const std::string before = take_until(asked.at);
      const Entry& entry = entry_at(asked.at);
      const std::uint32_t domain = entry.domain != 0 ? entry.domain : domain_;
      const std::string rings = rings_of(domain, journal_.steps[asked.at - 1].step);
      const trace::ReplayedRing ring = replay_.ring(entry.domain, entry.ring);
      const std::string tells = take();
      const Question question = made(asked, ring);
      html += form(number, before, rings, question);
      json +=
          fmt::format("{}{{\"step\":{},\"right\":{},\"tells\":{}}}", number == 0 ? "" : ",",
                      journal_.steps[asked.at].step, question.right, trace::json_text(tells + more(asked)));
    }
  }

  std::string html;
  std::string json;  ///< the answers

 private:
  [[nodiscard]] const Entry& entry_at(std::size_t at) const { return journal_.steps[at].entry; }

  /// Takes the next step, and returns its plain sentence.
  std::string take() {
    const auto& [step, entry] = journal_.steps[next_++];
    const trace::FlowStep flow = flow_.take(step, entry);
    replay_.take(step, entry);
    if (entry.domain != 0) domain_ = entry.domain;
    last_ = trace::plain_sentence(entry, replay_, flow);
    return last_;
  }

  /// Takes all steps before `at`, and returns the sentence of the last one. The question before may have
  /// taken them already.
  std::string take_until(std::size_t at) {
    while (next_ < at) take();
    return last_;
  }

  /// What the scenario did last.
  [[nodiscard]] std::string line_at(std::uint64_t step) const {
    std::string line;
    for (const trace::JournalMark& mark : journal_.marks) {
      if (mark.after >= step) break;
      if (mark.act == trace::JournalMark::Act::acts) line = trace::place_and_text(mark);
    }
    return line;
  }

  [[nodiscard]] std::string more(const AskableStep& asked) const {
    return asked.kind == AskedFor::hop ? " " + std::string(hops_[asked.at]->meaning) : "";
  }

  /// `before` is the ring before the step, and replay_ has taken it.
  Question made(const AskableStep& asked, const trace::ReplayedRing& before) {
    const auto& [step, entry] = journal_.steps[asked.at];
    const std::string who = trace::actor_name(entry.actor);
    const std::string ring = trace::ring_name(entry.domain, entry.ring);
    const std::uint32_t right = entry.to_value;
    Question question;
    switch (asked.kind) {
      case AskedFor::hop:
        question.asked = fmt::format("Which hop comes next, as step {}?", step);
        choose_hops(question, std::string(hops_[asked.at]->title));
        break;
      case AskedFor::index:
        question.asked = fmt::format("In step {}, {} moves {} of {}. What is its value then?", step, who,
                                     trace::index_name(static_cast<IndexName>(entry.detail)), ring);
        // It is set back after slot 7; it does not move; it counts something else.
        choose_numbers(question, right, {right % 8, entry.from_value, right + 1, right + 8, right + 2},
                       ~std::uint32_t{0});
        break;
      case AskedFor::slot:
        question.asked = fmt::format("In step {}, {} writes a request into {}: {}. Into which slot?", step,
                                     who, ring, trace::message_text(entry.message));
        choose_numbers(question, right,
                       {(right + 1) % 8, (right + 7) % 8, 0, (right + 4) % 8, (right + 2) % 8},
                       ring::slots_per_ring - 1);
        break;
      case AskedFor::room: {
        const std::uint32_t room = free_slots(replay_.ring(entry.domain, entry.ring));
        question.asked = fmt::format("Step {}: {}. How many slots of {} can take a new request then?", step,
                                     trace::sentence(entry), ring);
        choose_numbers(question, room, {free_slots(before), room + 1, room - 1, room - 2, room + 2, 0, 8},
                       ring::slots_per_ring);
        break;
      }
    }
    return question;
  }

  /// The right hop and others of the run, in the order of the alphabet.
  void choose_hops(Question& question, const std::string& right) {
    std::set<std::string> choices = {right};
    std::vector<std::string> others(titles_.begin(), titles_.end());
    for (std::size_t tried = 0; tried < others.size() && choices.size() < choices_max; ++tried)
      choices.insert(others[(hops_asked_ * choices_max + tried) % others.size()]);
    ++hops_asked_;
    question.choices.assign(choices.begin(), choices.end());
    question.right =
        static_cast<std::size_t>(std::ranges::find(question.choices, right) - question.choices.begin());
  }

  [[nodiscard]] std::string rings_of(std::uint32_t domain, std::uint64_t step) const {
    const std::string rows = slot_rows(replay_, domain, step);
    if (rows.empty()) return "";
    std::string out =
        "<div class=\"wide\" tabindex=\"0\"><table>\n<caption>The slots after that step</caption>\n"
        "<thead><tr><td></td>";
    for (std::size_t slot = 0; slot < ring::slots_per_ring; ++slot)
      out += fmt::format("<th scope=\"col\">{}</th>", slot);
    return out + "</tr></thead>\n<tbody>\n" + rows + "</tbody>\n</table></div>\n" +
           index_paragraphs(replay_, domain);
  }

  std::string form(std::size_t number, const std::string& before, const std::string& rings,
                   const Question& question) const {
    std::string out = fmt::format("<form class=\"question\">\n<h2 tabindex=\"-1\">Question {} of {}</h2>\n",
                                  number + 1, asked_.size());
    const trace::JournalStep& last = journal_.steps[asked_[number].at - 1];
    if (const std::string line = line_at(last.step + 1); !line.empty())
      out += fmt::format("<p class=\"act\">{}</p>\n", xml_text(trace::printable(line)));
    out += fmt::format("<p>Step {}: {}</p>\n", last.step, xml_text(before));
    out += rings;
    out += fmt::format("<fieldset><legend>{}</legend>\n", xml_text(question.asked));
    for (std::size_t at = 0; at < question.choices.size(); ++at)
      out += fmt::format(
          "<label><input type=\"radio\" name=\"answer\" value=\"{}\" required> <kbd>{}</kbd> {}</label>\n",
          at, at + 1, xml_text(question.choices[at]));
    return out +
           "</fieldset>\n<p class=\"verdict\" role=\"status\"></p>\n"
           "<button type=\"submit\">Answer</button>\n</form>\n";
  }

  const trace::Journaled& journal_;
  std::vector<const trace::Hop*> hops_;  ///< by step
  const std::vector<AskableStep>& asked_;
  std::set<std::string> titles_;  ///< of the hops of the run
  trace::Replay replay_;
  trace::Flow flow_;
  std::size_t next_ = 0;  ///< the first step that replay_ has not taken
  std::string last_;      ///< the sentence of the step that it took last
  std::uint32_t domain_ = 0;
  std::size_t hops_asked_ = 0;
};

}  // namespace

Quiz quiz_of(const trace::Journaled& journal, std::uint32_t number) {
  const std::vector<AskableStep> all = askable_steps(journal);
  const std::vector<AskableStep> asked = chosen(all, number);
  if (asked.empty()) return {};
  QuizWriter writer(journal, asked);
  writer.write();
  const auto& scenario = journal.header.scenario;
  const std::string title = scenario ? scenario->title : "A run";
  std::string run = scenario ? scenario->name : journal.header.mode;
  if (journal.header.seed) run += fmt::format(", seed {}", *journal.header.seed);
  Quiz quiz{.page = std::string(embedded::page_quiz), .questions = asked.size(), .askable = all.size()};
  fill_in(quiz.page, "<!-- TITLE -->", xml_text("Quiz: " + title));
  fill_in(quiz.page, "<!-- HEADING -->", xml_text("Quiz: " + title));
  fill_in(quiz.page, "<!-- RUN -->", xml_text(run + ", " + journal.header.made_by));
  fill_in(quiz.page, "/* STYLES */", embedded::page_plain_css);
  fill_in(quiz.page, "<!-- QUESTIONS -->", writer.html);
  fill_in(quiz.page, "<!-- ANSWERS -->",
          base64(fmt::format("{{\"run\":{},\"answers\":[{}]}}", trace::json_text(run), writer.json)));
  return quiz;
}

}  // namespace ringside::tools
