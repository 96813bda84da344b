// Settings: one function for each line that may precede the first act.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "emu/script/expand.h"
#include "emu/script/parser.h"
#include "emu/script/parts.h"
#include "emu/script/suggest.h"

namespace ringside::script {

namespace {

constexpr std::uint64_t seed_max = 1'000'000'000'000'000'000;
constexpr std::uint64_t speed_min = 50;
constexpr std::uint64_t speed_max = 115'200;
constexpr std::size_t tags_max = 16;
constexpr Duration timeout_max = std::chrono::hours(24);

/// One of a few words. The error names the setting.
std::size_t choose_value(Words& words, std::string_view setting, std::span<const std::string_view> values) {
  const Token& token = words.peek();
  const auto found = std::ranges::find(values, token.text);
  if (token.kind == TokenKind::word && found == values.end()) {
    words.fail("E024", token.span, fmt::format("{} cannot be \"{}\"", setting, token.text),
               suggestion(token.text, values, "possible"));
    return 0;
  }
  return words.choose(values);
}

bool read_on_off(Words& words, std::string_view setting) {
  constexpr std::array<std::string_view, 2> states{"on", "off"};
  return choose_value(words, setting, states) == 0;
}

void read_seed(Words& words, Setup& setup) {
  setup.seeds.first = words.number("a seed", 0, seed_max);
  setup.seeds.last = setup.seeds.first;
  if (words.accept("..")) setup.seeds.last = words.number("the last seed", setup.seeds.first, seed_max);
}

void read_mode(Words& words, Setup& setup) {
  constexpr std::array<std::string_view, 3> modes{"sim", "real", "both"};
  const std::size_t mode = choose_value(words, "mode", modes);
  setup.says_mode = true;
  setup.sim = mode != 1;
  setup.real = mode != 0;
}

void read_abi(Words& words, Setup& setup) {
  constexpr std::array<std::string_view, 2> abis{"sring", "flat"};
  setup.abi = choose_value(words, "abi", abis) == 0 ? ring::Abi::sring : ring::Abi::flat;
}

void read_answer(Words& words, Setup& setup) {
  setup.answer = static_cast<Answer>(choose_value(words, "answer", answer_names));
}

void read_controller(Words& words, Setup& setup) {
  setup.says_controller = true;
  setup.controller = static_cast<Controller>(choose_value(words, "controller", controller_names));
}

void read_timeout(Words& words, Setup& setup) {
  const Span begin = words.here();
  setup.timeout = words.duration("a timeout");
  setup.timeout_span = begin;
  if (!words.failed() && (setup.timeout <= Duration::zero() || setup.timeout > timeout_max))
    words.fail("E005", begin, "a timeout is longer than 0 and at most a day", "the default is 1s");
}

void read_speed(Words& words, Setup& setup) {
  setup.speed = static_cast<std::uint32_t>(words.number("bits a second", speed_min, speed_max));
}

void read_tag(Words& words, Setup& setup) {
  if (words.peek().kind != TokenKind::word) return words.wrong("a word");
  setup.tags.push_back(words.take().text);
  if (setup.tags.size() > tags_max)
    words.fail("E008", words.last(), "too many tags", fmt::format("the limit is {}", tags_max));
}

void read_quirk(Words& words, Setup& setup) {
  const Token name = words.peek();
  if (name.kind != TokenKind::word) return words.wrong("a quirk");
  const auto quirk = find_quirk(words);
  if (!quirk) return;
  if (read_on_off(words, "a quirk") && !words.failed()) setup.quirks.set(*quirk);
}

}  // namespace

bool is_setting(const Token& first) {
  return std::ranges::any_of(lines_known(),
                             [&](const LineAbout& each) { return each.setting && first.is(each.word); });
}

void apply_setting(const std::vector<Token>& tokens, Setup& setup, SettingsSeen& seen,
                   Diagnostics& diagnostics) {
  Words words(tokens, diagnostics);
  for (const LineAbout& each : lines_known()) {
    if (tokens.front().is(each.word)) words.set_syntax(each.syntax);
  }
  const std::string word = words.take().text;
  // `tag` and `ignore` may be repeated. Each quirk is a setting of its own.
  std::string key = word;
  if (word == "quirk") key += " " + words.peek().text;
  const auto before = std::ranges::find(seen.lines, key, &std::pair<std::string, Span>::first);
  if (word != "tag" && word != "ignore") {
    if (before != seen.lines.end()) {
      words.fail("E023", words.since(tokens.front().span), fmt::format("{} is set a second time", key),
                 fmt::format("line {} has set it", before->second.line));
      return;
    }
    seen.lines.emplace_back(key, tokens.front().span);
  }
  if (word == "seed") read_seed(words, setup);
  if (word == "mode") read_mode(words, setup);
  if (word == "abi") read_abi(words, setup);
  if (word == "answer") read_answer(words, setup);
  if (word == "controller") read_controller(words, setup);
  if (word == "timeout") read_timeout(words, setup);
  if (word == "speed") read_speed(words, setup);
  if (word == "cuts") setup.cuts = read_on_off(words, "cuts");
  if (word == "golden") setup.golden = true;
  if (word == "tag") read_tag(words, setup);
  if (word == "quirk") read_quirk(words, setup);
  if (word == "ignore") setup.ignores.push_back(parse_pattern(words));
  words.done();
  if (words.failed() && word == "ignore") setup.ignores.pop_back();
}

}  // namespace ringside::script
