// ringside doctor: what this computer lacks, why it matters, and how to get it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "tools/command.h"
#include "tools/doctor/checks.h"
#include "tools/prose.h"

namespace ringside::tools {

namespace {

constexpr std::array parts{CheckedFor::machines, CheckedFor::consoles, CheckedFor::pages, CheckedFor::rings,
                           CheckedFor::building};
/// Something that ringside itself needs is missing.
constexpr int exit_missing = 1;

const char* state_of(const Check& check) {
  if (check.good) return "ok";
  return check.needed ? "MISSING" : "missing";
}

void print_check(const Check& check) {
  fmt::print("  {:<8} {:<24}{}{}\n", state_of(check), check.name, check.found.empty() ? "" : " ",
             check.found);
  if (check.good) return;
  print_wrapped(check.why + ".", "           ");
  print_wrapped("-> " + check.get, "           ", "              ");
}

void print_report(const std::vector<Check>& checks, bool all) {
  std::size_t needed = 0;
  std::size_t other = 0;
  for (const Check& check : checks) {
    if (!check.good) ++(check.needed ? needed : other);
  }
  for (const CheckedFor part : parts) {
    const auto is_shown = [&](const Check& check) { return check.part == part && (all || !check.good); };
    if (std::ranges::none_of(checks, is_shown)) continue;
    fmt::print("{}\n", heading(part));
    for (const Check& check : checks) {
      if (is_shown(check)) print_check(check);
    }
    fmt::print("\n");
  }
  fmt::print("{} looked for: {} missing that ringside needs, {} missing that something else needs\n",
             checks.size(), needed, other);
}

void print_json(const std::vector<Check>& checks) {
  const char* before = "[\n  ";
  for (const Check& check : checks) {
    fmt::print(
        "{}{{\"for\": {}, \"name\": {}, \"needed\": {}, \"good\": {}, \"found\": {}, \"why\": {}, \"get\": "
        "{}}}",
        before, json_string(heading(check.part)), json_string(check.name), check.needed, check.good,
        json_string(check.found), json_string(check.why), json_string(check.get));
    before = ",\n  ";
  }
  fmt::print("\n]\n");
}

int doctor(const Session& session, bool all, bool json) {
  const std::vector<Check> checks = check_everything(session.machine());
  json ? print_json(checks) : print_report(checks, all);
  const bool works = std::ranges::all_of(checks, [](const Check& each) { return each.good || !each.needed; });
  return works ? exit_good : exit_missing;
}

}  // namespace

void add_doctor_command(Command app, Session& session) {
  Command command =
      add_command(app, session, "doctor", "Say what this computer lacks, why it matters, and how to get it",
                  "  ringside doctor           what is missing\n"
                  "  ringside doctor --all     everything that was looked for\n"
                  "  ringside doctor --json    an array of objects, for programs\n"
                  "\n"
                  "It tries each feature of the kernel, and changes nothing. Packages are Debian's.\n"
                  "Exit status: 0 ringside itself has all that it needs, 1 it lacks something.");
  const auto all = std::make_shared<bool>(false);
  const auto json = std::make_shared<bool>(false);
  command.add_flag("--all", *all, "Show everything that was looked for");
  command.add_flag("--json", *json, "An array of objects, one for each thing that was looked for");
  command.callback([&session, all, json] {
    session.run = [&session, all, json] { return doctor(session, *all, *json); };
  });
}

}  // namespace ringside::tools
