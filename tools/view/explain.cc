// explain: the path as a picture in plain text, or one hop in full. All texts are from the catalogue of hops;
// no machine is needed.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/base/nearest.h"
#include "emu/script/vocabulary.h"
#include "emu/trace/hops.h"
#include "emu/trace/names.h"
#include "tools/command.h"
#include "tools/prose.h"

namespace ringside::tools {

namespace {

using trace::Hop;
using trace::Place;
using trace::Way;

template <class... Values>
void print_text(fmt::format_string<Values...> format, Values&&... values) {
  std::fputs(fmt::format(format, std::forward<Values>(values)...).c_str(), stdout);
}

constexpr std::string_view quirk_scenario_prefix = "20-quirk-";

std::vector<std::string> scenarios_of(const Hop& hop) {
  std::vector<std::string> names(hop.scenarios.begin(), hop.scenarios.end());
  for (const Quirk quirk : hop.quirks)
    names.push_back(fmt::format("{}{}", quirk_scenario_prefix, about(quirk).name));
  return names;
}

// -- the picture

std::string_view arrows(Way way) {
  switch (way) {
    case Way::down:
      return "v  ";
    case Way::up:
      return "  ^";
    case Way::both:
      return "v ^";
    case Way::response:
      return " r ";
    case Way::beside:
      return " . ";
  }
  return "   ";
}

void print_picture(bool today) {
  print_wrapped(
      today
          ? "How console data travel in today's Xen, hop by hop, in a domain of today (`up --dom0 "
            "xenconsoled`, "
            "`create --console today`). A key goes down: read the lines with v from top to bottom. A guest's "
            "output goes up: read the lines with ^ from bottom to top. There are no messages and no "
            "responses."
          : "How console data travel in Xen, hop by hop. A key goes down: read the lines with v from top to "
            "bottom. A guest's output goes up: read the lines with ^ from bottom to top, except those of the "
            "shared page, which a message passes from top to bottom in both directions. r marks the response "
            "that frees the slot of a message. A dot marks a hop beside the path of a key.",
      "");
  const Hop* before = nullptr;
  for (const Hop& hop : trace::hops()) {
    if (hop.today != today) continue;
    const bool same_place = before != nullptr && before->place == hop.place;
    if (!same_place) print_text("\n");
    print_text(" {:<10}{}  {:<16}{}\n", same_place ? "" : trace::place_name(hop.place), arrows(hop.way),
               hop.name, hop.title);
    before = &hop;
  }
  print_text(
      "\n`ringside explain HOP` shows one in full: what it is, where it {} in {}, what goes wrong there,\n"
      "how to see it. `ringside demo{}` shows the path as it runs.{}\n",
      today ? "is" : "was", today ? "the sources" : "2005", today ? " --now" : "",
      today ? "" : " `ringside explain --now` is today's.");
}

// -- one hop

std::string_view place_words(Place place) {
  switch (place) {
    case Place::hardware:
      return "outside: hardware";
    case Place::xen:
      return "in Xen";
    case Place::dom0:
      return "in dom0";
    case Place::page:
      return "between dom0 and a guest";
    case Place::domu:
      return "in the guest";
  }
  return "nowhere";
}

std::string_view way_words(Way way) {
  switch (way) {
    case Way::down:
      return "on the way down";
    case Way::up:
      return "on the way up";
    case Way::both:
      return "on the way down and up";
    case Way::response:
      return "on the way of the response";
    case Way::beside:
      return "beside the path of a key";
  }
  return "";
}

constexpr std::string_view margin = "              ";

/// "  label       text ...", with its further lines below the text.
void print_field(std::string_view label, std::string_view text) {
  print_wrapped(text, fmt::format("  {:<{}}", label, margin.size() - 2), margin);
}

std::string in_quotes(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", word);
  return text;
}

std::vector<std::string_view> counters_of(const Hop& hop) {
  std::vector<std::string_view> words;
  for (const trace::Counter counter : hop.counters) words.push_back(words_of(counter));
  return words;
}

void print_one(const Hop& hop) {
  print_text("{}: {}\n{}, {}\n\n", hop.name, hop.title, place_words(hop.place), way_words(hop.way));
  print_wrapped(fmt::format("{} {}", hop.meaning, hop.more), "  ");
  print_text("\n");
  print_field(hop.today ? "today" : "in 2005", hop.source);
  print_field("goes wrong", hop.goes_wrong);
  for (const Quirk quirk : hop.quirks)
    print_field("quirk", fmt::format("{}: {}", about(quirk).name, about(quirk).what));
  if (!hop.counters.empty()) print_field("counted as", in_quotes(counters_of(hop)));
  print_field("see", hop.see);
  for (const std::string& scenario : scenarios_of(hop))
    print_field("scenario", fmt::format("scenarios/{}.scn", scenario));
}

// -- JSON. The fields are those of trace::Hop; every object has all of them.

template <class Words>
std::string json_array(const Words& words) {
  std::string out;
  for (const auto& word : words) out += fmt::format("{}{}", out.empty() ? "" : ", ", json_string(word));
  return "[" + out + "]";
}

std::string json_of(const Hop& hop) {
  std::vector<std::string_view> quirks;
  for (const Quirk quirk : hop.quirks) quirks.push_back(about(quirk).name);
  std::string out = fmt::format(R"({{"name": {}, "era": "{}", "place": {}, "way": {}, "title": {}, )",
                                json_string(hop.name), hop.today ? "today" : "2005",
                                json_string(trace::place_name(hop.place)),
                                json_string(trace::way_name(hop.way)), json_string(hop.title));
  out +=
      fmt::format(R"("meaning": {}, "more": {}, "source": {}, "goes_wrong": {}, )", json_string(hop.meaning),
                  json_string(hop.more), json_string(hop.source), json_string(hop.goes_wrong));
  return out + fmt::format(R"("quirks": {}, "counters": {}, "see": {}, "scenarios": {}}})",
                           json_array(quirks), json_array(counters_of(hop)), json_string(hop.see),
                           json_array(scenarios_of(hop)));
}

void print_json(std::span<const Hop> hops) {
  const char* before = "[\n  ";
  for (const Hop& hop : hops) print_text("{}{}", std::exchange(before, ",\n  "), json_of(hop));
  print_text("\n]\n");
}

// -- the command

/// Finds a hop by its name, or by the name of one of its quirks or counters.
const Hop* hop_named(std::string_view word) {
  if (const Hop* hop = trace::find_hop(word)) return hop;
  std::string dashed(word);  // "dom0.tty", as the demo writes it
  std::ranges::replace_if(
      dashed, [](char c) { return c == '.' || c == '_'; }, '-');
  if (const Hop* hop = trace::find_hop(dashed)) return hop;
  if (const auto quirk = Quirks::find(word)) return &trace::hop_of(quirk.value());
  for (const Hop& hop : trace::hops()) {
    const auto counters = counters_of(hop);
    if (std::ranges::find(counters, word) != counters.end()) return &hop;
  }
  return nullptr;
}

const Hop* hop_of_source(const script::CounterSource& source) {
  switch (source.by) {
    case script::CountedBy::counter:
      return trace::hop_of_counter(static_cast<trace::Counter>(source.detail));
    case script::CountedBy::quirk:
      return &trace::hop_of(static_cast<Quirk>(source.detail));
    case script::CountedBy::refusal:
    case script::CountedBy::level:
      break;
  }
  return nullptr;
}

/// Finds a hop by the name of a counter in a scenario: "xcs.dropped".
const Hop* hop_of_scenario_counter(std::string_view word) {
  const std::size_t dot = word.find('.');
  if (dot == std::string_view::npos) return nullptr;
  for (const script::ActorAbout& known : script::actors_known()) {
    const script::CounterAbout* counter =
        known.word == word.substr(0, dot) ? script::find_counter(known.role, word.substr(dot + 1)) : nullptr;
    if (counter == nullptr) continue;
    for (const script::CounterSource& source : counter->sources) {
      if (const Hop* hop = hop_of_source(source)) return hop;
    }
  }
  return nullptr;
}

// -- any other word: the hops whose texts contain it

bool is_word_part(char character) {
  return std::isalnum(static_cast<unsigned char>(character)) != 0;
}

/// "resume" and "resumed" have the same stem, "buffer" and "buffered" too. A stem has four letters at least.
std::string_view stem_of(std::string_view word) {
  constexpr std::size_t stem_min = 4;
  for (const std::string_view ending : {"ing", "es", "ed", "er", "s", "e"}) {
    if (word.ends_with(ending) && word.size() - ending.size() >= stem_min)
      return stem_of(word.substr(0, word.size() - ending.size()));
  }
  return word;
}

/// Whether the sentence contains the word, with any ending, in lower or upper case. "virq" is a word of
/// "VIRQ_CONSOLE".
bool says(std::string_view sentence, std::string_view word) {
  const auto same = [](char one, char other) {
    return std::tolower(static_cast<unsigned char>(one)) == std::tolower(static_cast<unsigned char>(other));
  };
  const std::string_view stem = stem_of(word);
  for (auto from = sentence.begin();; ++from) {
    from = std::search(from, sentence.end(), stem.begin(), stem.end(), same);
    if (from == sentence.end()) return false;
    if (from != sentence.begin() && is_word_part(from[-1])) continue;
    const auto rest = from + static_cast<std::ptrdiff_t>(stem.size());
    if (stem_of({from, std::find_if_not(rest, sentence.end(), is_word_part)}).size() == stem.size())
      return true;
  }
}

std::vector<std::string_view> texts_of(const Hop& hop) {
  std::vector<std::string_view> texts{hop.title, hop.meaning, hop.more, hop.source, hop.goes_wrong, hop.see};
  for (const Quirk quirk : hop.quirks) texts.push_back(about(quirk).what);
  for (const trace::Counter counter : hop.counters) texts.push_back(words_of(counter));
  return texts;
}

std::vector<std::string_view> sentences_with(std::string_view text, std::string_view word) {
  constexpr std::string_view between = ". ";
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const std::string_view sentence = text.substr(0, text.find(between));
    if (says(sentence, word)) found.push_back(sentence);
    text.remove_prefix(std::min(text.size(), sentence.size() + between.size()));
  }
  return found;
}

std::vector<Hop> hops_that_say(std::string_view word) {
  std::vector<Hop> found;
  for (const Hop& hop : trace::hops()) {
    const auto texts = texts_of(hop);
    if (std::any_of(texts.begin(), texts.end(), [&](std::string_view text) { return says(text, word); }))
      found.push_back(hop);
  }
  return found;
}

void print_where(const std::vector<Hop>& hops, std::string_view word) {
  print_text("No hop has the name {}. These hops mention it; `ringside explain HOP` says more:\n", word);
  for (const Hop& hop : hops) {
    print_text("\n{}: {}\n", hop.name, hop.title);
    for (const std::string_view text : texts_of(hop)) {
      for (const std::string_view sentence : sentences_with(text, word)) print_wrapped(sentence, "  ");
    }
  }
}

Error no_such_hop(const std::string& word) {
  std::vector<std::string_view> known;
  std::string list;
  for (const Hop& hop : trace::hops()) {
    known.push_back(hop.name);
    list += fmt::format("{}{}", list.empty() ? "" : ", ", hop.name);
  }
  for (const QuirkAbout& quirk : quirks_known) known.push_back(quirk.name);
  const std::string_view meant = nearest(word, known);
  return {
      EINVAL, "cannot explain", word, "no hop, quirk or counter has that name",
      fmt::format("{}the hops are {}", meant.empty() ? "" : fmt::format("did you mean {}? ", meant), list)};
}

int explain(const std::string& word, bool json, bool now) {
  if (word.empty()) {
    json ? print_json(trace::hops()) : print_picture(now);
    return exit_good;
  }
  const Hop* hop = hop_named(word);
  if (hop == nullptr) hop = hop_of_scenario_counter(word);
  if (hop == nullptr) {
    const std::vector<Hop> spoken_of = hops_that_say(word);
    if (spoken_of.empty()) {
      failed(no_such_hop(word));
      return exit_usage;
    }
    json ? print_json(spoken_of) : print_where(spoken_of, word);
    return exit_good;
  }
  json ? print_json({hop, 1}) : print_one(*hop);
  return exit_good;
}

}  // namespace

void add_explain_command(Command app, Session& session) {
  Command command = app.add_subcommand(
      "explain", "Show the path hop by hop; or one hop: what it is, where it was in 2005, what goes wrong");
  command.footer(
      "It needs no machine. The name of a quirk or a counter shows its hop; any "
      "other\n"
      "word shows the sentences that contain it, with any ending.\n"
      "Examples:\n"
      "  ringside explain                        the whole path, one line a hop\n"
      "  ringside explain --now                  the path in a domain of today\n"
      "  ringside explain virq-console\n"
      "  ringside explain xcs-drop-when-full     a quirk: the hop where it acts\n"
      "  ringside explain \"console input dropped\"         a counter of the journal\n"
      "  ringside explain xcs.dropped            a counter of the scenarios\n"
      "  ringside explain 480                    why 480 bytes?\n"
      "  ringside explain --json                 all of it, for programs");
  const auto word = std::make_shared<std::string>();
  const auto json = std::make_shared<bool>(false);
  const Option hop = command.add_option("HOP", *word, "Its name, as in the picture (default: all of them)");
  const Option as_json = command.add_flag("--json", *json, "An array of objects, one a hop");
  const auto now = std::make_shared<bool>(false);
  command.add_flag("--now", *now, "Show the path in a domain of today").excludes(hop).excludes(as_json);
  command.callback([&session, word, json, now] {
    session.run = [word, json, now] { return explain(*word, *json, *now); };
  });
}

}  // namespace ringside::tools
