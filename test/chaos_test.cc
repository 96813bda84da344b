// Machines with random faults, and the account of their bytes.
#include "test/catch.h"
#include "tools/chaos/account.h"
#include "tools/chaos/trial.h"

namespace chaos_test {

using namespace ringside;
using namespace ringside::chaos;

namespace {

ViewerRecord viewer(std::uint32_t connection, std::string saw, std::string typed = "") {
  ViewerRecord made;
  made.connection = connection;
  made.saw = std::move(saw);
  made.typed = std::move(typed);
  return made;
}

/// 1000 bytes were printed, handed to one viewer and seen; the viewer typed 100 bytes that were read.
Account balanced() {
  Account account;
  account.printed = 1000;
  account.handed = printed_text(0, 1000);
  account.viewers = {viewer(1, account.handed, typed_text(1, 0, 100))};
  account.read = account.viewers[0].typed;
  return account;
}

bool says(const Account& account, std::string_view part) {
  INFO(mistake_in(account));
  return mistake_in(account).find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the journal must say what the viewers and the program counted") {
  using trace::Role;
  const trace::Actor user = trace::actor(Role::user);
  const trace::Actor xend = trace::actor(Role::xend);
  const trace::Actor tty = trace::actor(Role::tty, 1);
  const trace::Actor guest = trace::actor(Role::domain, 1);
  // Passes 1000 bytes up and 100 down. The hops in between have no entries.
  const auto flow_of = [&](std::size_t shown, std::size_t read) {
    trace::Flow flow;
    std::uint64_t step = 0;
    const auto pass = [&](trace::Actor from, trace::Actor to, std::size_t bytes) {
      for (; bytes > 0; --bytes) {
        trace::Entry entry;
        entry.kind = trace::Kind::bytes_passed;
        entry.actor = from;
        entry.peer = to;
        entry.domain = 1;
        trace::set_text(entry, "x");
        flow.take(++step, entry);
      }
    };
    pass(tty, xend, 1000);
    pass(xend, user, shown);
    pass(user, guest, 100);
    pass(guest, tty, read);
    return flow;
  };
  CHECK(mistake_in(balanced(), flow_of(1000, 100), 1).empty());
  CHECK(mistake_in(balanced(), flow_of(999, 100), 1) == "viewers saw 1000 bytes, the journal has 999");
  CHECK(mistake_in(balanced(), flow_of(1000, 99), 1) == "the program read 100 bytes, the journal has 99");
  CHECK(mistake_in(balanced(), flow_of(1000, 100), 2) == "viewers saw 1000 bytes, the journal has 0");
}

TEST_CASE("the account of a run without faults is correct") {
  CHECK(mistake_in(balanced()).empty());
  CHECK(mistake_in({}).empty());
}

TEST_CASE("a byte that is missing, doubled or changed is found at any place") {
  for (std::size_t at = 0; at < 1000; at += 7) {
    CAPTURE(at);
    Account missing = balanced();
    missing.handed.erase(at, 1);
    missing.viewers[0].saw = missing.handed;
    CHECK_FALSE(mistake_in(missing).empty());
    Account twice = balanced();
    twice.handed.insert(at, twice.handed.substr(at, 9));
    twice.viewers[0].saw = twice.handed;
    CHECK_FALSE(mistake_in(twice).empty());
    Account changed = balanced();
    changed.handed[at] = 'x';
    changed.viewers[0].saw = changed.handed;
    CHECK_FALSE(mistake_in(changed).empty());
  }
}

TEST_CASE("each byte that was discarded or unread must have been counted") {
  Account account = balanced();
  account.handed = printed_text(100, 800);
  account.viewers[0].saw = account.handed;
  account.discarded = 100;
  CHECK(says(account,
             "of 1000 printed bytes 800 were sent to viewers, 100 were counted as discarded, 0 as unread"));
  account.unread = 100;
  CHECK(mistake_in(account).empty());
  account.unread = 101;
  CHECK_FALSE(mistake_in(account).empty());
}

TEST_CASE("bytes that a killed domain had not sent may be missing, but no others") {
  Account account = balanced();
  account.printed = 1500;
  for (const DomainOutcome fate : {DomainOutcome::lives, DomainOutcome::ended, DomainOutcome::cut}) {
    account.fate = fate;
    CHECK(mistake_in(account).empty() == (fate == DomainOutcome::cut));
  }
  account.handed += "\r\n[ringside] domain dom1 crashed: killed\r\n";
  account.viewers[0].saw = account.handed;
  CHECK(mistake_in(account).empty());
}

TEST_CASE("bytes that were lost with a connection may be missing, but no others") {
  Account account = balanced();
  account.viewers[0].saw.resize(400);
  CHECK(says(account, "600 bytes were sent to a viewer that did not see them"));
  account.viewers[0].left = true;
  CHECK_FALSE(mistake_in(account).empty());
  account.viewers[0].output_lost = true;
  CHECK(mistake_in(account).empty());
  account.viewers.push_back(viewer(2, printed_text(600, 400)));
  CHECK(mistake_in(account).empty());
  account.viewers[0].output_lost = false;
  CHECK(says(account, "viewer 2 saw"));
}

TEST_CASE("after a gap the last viewer's bytes are the end of the output, even if they also occur earlier") {
  Account account = balanced();
  account.handed = printed_text(0, 4099);
  account.printed = 4099;
  account.viewers[0].saw.clear();
  account.viewers[0].output_lost = true;
  account.viewers.push_back(viewer(2, printed_text(4096, 3)));
  CHECK(printed_text(4096, 3) == printed_text(0, 3));
  CHECK(mistake_in(account).empty());
  account.viewers[1].saw += "x";
  CHECK_FALSE(mistake_in(account).empty());
}

TEST_CASE("a refused viewer receives no output and its input is not used") {
  Account account = balanced();
  account.viewers.insert(account.viewers.begin(),
                         viewer(7, "Cannot connect to console 9601 on domain 1\n", typed_text(7, 0, 10)));
  account.refused_viewers = 1;
  CHECK(mistake_in(account).empty());
  account.viewers.insert(account.viewers.begin(), viewer(8, "", typed_text(8, 0, 10)));
  account.viewers.front().left = true;
  CHECK_FALSE(mistake_in(account).empty());
  account.refused_viewers = 2;
  CHECK(mistake_in(account).empty());
}

TEST_CASE("at xenconsoled's pty a viewer sees what the one before it left there") {
  Account account;
  account.pty_stays = true;
  account.printed = 100;
  account.viewers = {viewer(1, printed_text(0, 30), ""), viewer(2, printed_text(30, 70), "")};
  CHECK(mistake_in(account).empty());
  account.viewers[1].saw = printed_text(50, 50);
  CHECK(says(account, "of 100 printed bytes 80 were sent to viewers, 0 were counted"));
  account.unread = 20;
  CHECK(mistake_in(account).empty());
  std::swap(account.viewers[0].saw, account.viewers[1].saw);
  CHECK_FALSE(mistake_in(account).empty());
}

TEST_CASE("typed bytes are read once and in order, except those that a daemon held when it died") {
  Account account = balanced();
  account.viewers.push_back(viewer(2, "", typed_text(2, 0, 50)));
  CHECK(says(account, "viewer 2 typed 50 bytes, and the program read 0 of them"));
  account.read += typed_text(2, 0, 50);
  CHECK(mistake_in(account).empty());
  account.read += "y";
  CHECK(says(account, "the program read bytes that were not typed there"));
  account.read = typed_text(1, 0, 60) + typed_text(2, 0, 50);
  CHECK(says(account, "viewer 1 typed 100 bytes, and the program read 60 of them"));
  account.viewers[0].input_lost = true;
  CHECK(mistake_in(account).empty());
  account.read = typed_text(2, 0, 50) + typed_text(1, 0, 100);
  CHECK_FALSE(mistake_in(account).empty());
}

TEST_CASE("the same seed gives the same plan and the same end") {
  const Plan plan = plan_of(17);
  CHECK(plan.size() == steps_usual);
  CHECK(plan == plan_of(17));
  CHECK(plan != plan_of(18));
  const Outcome once = carry_out(17, plan);
  const Outcome again = carry_out(17, plan);
  CHECK(once.bytes == again.bytes);
  CHECK(once.steps_done == again.steps_done);
}

// A simulated machine takes half a second under a sanitizer.
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t seeds = 40;
#else
constexpr std::uint64_t seeds = 400;
#endif

TEST_CASE("no byte is lost under random faults") {
  // xend or xcs answers, or xenctld runs, or today's xenconsoled.
  const TrialOptions machine =
      GENERATE(TrialOptions{}, TrialOptions{.answer = Answer::xcs},
               TrialOptions{.dom0 = script::Dom0::xenctld}, TrialOptions{.dom0 = script::Dom0::xenconsoled});
  std::uint64_t steps_done = 0;
  for (std::uint64_t seed = 1; seed <= seeds / 2; ++seed) {
    CAPTURE(seed);
    const Outcome outcome = carry_out(seed, plan_of(seed), machine);
    CHECK(outcome.mistake.empty());
    steps_done += outcome.steps_done;
  }
  // A machine on which no step is possible would prove nothing.
  CHECK(steps_done > seeds / 2 * steps_usual / 4);
}

}  // namespace chaos_test
