// Prints a bug of the catalogue in emu/check/bugs.h.
#include "tools/ring_check/explain.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "emu/check/bugs.h"
#include "tools/command.h"
#include "tools/prose.h"

namespace ringside::tools {

namespace {

void print_json(const check::Bug& bug) {
  std::string mutants;
  for (const check::Mutant& mutant : check::all_mutants()) {
    if (mutant.bug != bug.number) continue;
    mutants += fmt::format(R"({}{{"name":{},"model":{},"how":{}}})", mutants.empty() ? "" : ",",
                           json_string(mutant.name), json_string(mutant.model), json_string(mutant.how));
  }
  std::printf(
      "%s\n",
      fmt::format(
          R"({{"number":{},"name":{},"what":{},"world":{},"cure":{},"source":{},"model":{},"messages":{},)"
          R"("in_test":{},"mutants":[{}]}})",
          bug.number, json_string(bug.name), json_string(bug.what), json_string(bug.world),
          json_string(bug.cure), json_string(bug.source), json_string(bug.model), bug.messages, bug.in_test,
          mutants)
          .c_str());
}

}  // namespace

int explain_ring_bug(const std::string& which, bool json) {
  if (which == "all") {
    for (const check::Bug& bug : check::all_bugs()) {
      if (json) {
        print_json(bug);
      } else {
        std::printf("%s\n", fmt::format("{:>2}  {:<4} {}", bug.number, bug.model, bug.name).c_str());
      }
    }
    return exit_good;
  }
  std::uint32_t number = 0;
  const auto read = std::from_chars(which.data(), which.data() + which.size(), number);
  const check::Bug* bug = read.ptr == which.data() + which.size() ? check::bug_by_number(number) : nullptr;
  if (bug == nullptr) {
    failed({EINVAL, "cannot explain a bug", "--explain " + which,
            fmt::format("the catalogue has 1 to {}", check::all_bugs().size()), "--explain all lists them"});
    return exit_usage;
  }
  if (json) {
    print_json(*bug);
    return exit_good;
  }
  std::printf("%u  %s\n\n", bug->number, std::string(bug->name).c_str());
  print_wrapped(bug->what, "  ");
  std::printf("\nwhere it happened\n");
  print_wrapped(bug->world, "  ");
  std::printf("\nwhat prevents it\n");
  print_wrapped(bug->cure, "  ");
  std::printf("\nto see it\n");
  if (bug->in_test != 0) {
    print_wrapped(
        fmt::format("template_tests/{} with -DBUG={}, under {}.", bug->source, bug->in_test, bug->model),
        "  ");
    return exit_good;
  }
  print_wrapped(
      fmt::format("{} with -DBUG={}, under {} with {} message{}{}{}.", bug->source, bug->number, bug->model,
                  bug->messages, bug->messages == 1 ? "" : "s",
                  bug->needs == check::BugNeeds::nothing ? "" : ", and ", check::words_for(bug->needs)),
      "  ");
  return exit_good;
}

}  // namespace ringside::tools
