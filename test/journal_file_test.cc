// The journal as a file: what is written is read back unchanged, and an invalid file is refused with its
// line.
#include "emu/trace/journal_file.h"

#include <cerrno>
#include <cstring>
#include <sstream>

#include "emu/base/choice.h"
#include "emu/trace/journal.h"
#include "emu/trace/json.h"
#include "emu/trace/names.h"
#include "emu/trace/text.h"
#include "test/catch.h"
#include "test/ring_page.h"

namespace journal_file_test {

using namespace ringside;
using namespace ringside::trace;
using namespace std::literals;

namespace {

class KeptEntries final : public Sink {
 public:
  KeptEntries() : Sink(&listeners_) {}
  void write(Entry& entry) override {
    if (entry.time_ns == 0) entry.time_ns = now_ns();
    entries.push_back(entry);
  }
  [[nodiscard]] std::uint64_t now_ns() const override { return 1'000'000 + 100'000 * entries.size(); }
  std::vector<Entry> entries;

 private:
  std::uint32_t listeners_ = 1;
};

constexpr char good_header[] =
    R"({"format":"ringside journal","version":4,"made_by":"test","mode":"sim","slots":8,"domains":[],"quirks":[]})";
constexpr char good_step[] =
    R"({"step":1,"time_ns":5,"kind":"told","actor":"xcs","is":"xcs_listens","text":"xcs listens"})";

Result<Journaled> read(const std::string& text) {
  std::istringstream file(text);
  return read_journal(file, "a.jsonl");
}

/// The reason why a journal with these lines is refused.
std::string refusal(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& each : lines) text += each + "\n";
  const auto journal = read(text);
  return journal ? "it was taken" : journal.error().text();
}

std::string refusal_of_step(const std::string& line) {
  const std::string said = refusal({good_header, line});
  const std::string before = "cannot read a journal: a.jsonl:2: ";
  REQUIRE(said.starts_with(before));
  return said.substr(before.size());
}

bool same(const Entry& one, const Entry& other) {
  return std::memcmp(&one, &other, sizeof one) == 0;
}

/// The entry after it was written to a file and read back.
Entry travelled(const Entry& entry) {
  const auto journal = read(std::string(good_header) + "\n" + to_json_line(entry, 7, 0) + "\n");
  if (!journal) FAIL(journal.error().text());
  REQUIRE(journal.value().steps.size() == 1);
  CHECK(journal.value().steps.front().step == 7);
  return journal.value().steps.front().entry;
}

template <class Say>
void check_journey(Actor self, Say say) {
  KeptEntries kept;
  Journal journal(kept, self);
  say(journal);
  REQUIRE(!kept.entries.empty());
  for (const Entry& entry : kept.entries) {
    INFO(to_json_line(entry, 7, 0));
    CHECK(same(travelled(entry), entry));
  }
}

/// A journal of these entries, from the first one's time on.
Journaled journaled(JournalHeader header, const std::vector<Entry>& entries, std::vector<JournalMark> marks) {
  Journaled made{std::move(header), {}, std::move(marks)};
  for (const Entry& entry : entries) {
    made.steps.push_back({made.steps.size() + 1, entry});
    made.steps.back().entry.time_ns -= entries.front().time_ns;
  }
  return made;
}

constexpr Actor xcs = actor(Role::xcs);
constexpr Actor dom1 = actor(Role::domain, 1);

std::vector<std::uint8_t> all_bytes() {
  std::vector<std::uint8_t> bytes(256);
  for (std::size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<std::uint8_t>(at);
  return bytes;
}

}  // namespace

TEST_CASE("every kind of entry is read back unchanged") {
  check_journey(xcs, [](Journal& journal) {
    journal.slot_written(1, ring::Ring::rx, 15, SlotUse::request, test::text_message("abc"));
    journal.slot_written(3, ring::Ring::tx, 2, SlotUse::response, {});
    journal.index_moved(1, ring::Ring::rx, IndexName::rsp_cons, 0xffffffff, 0);
    journal.bytes_written(1, ByteRing::out, 0xfffffff0, all_bytes());
    journal.bytes_found(1, ByteRing::in, 1023, all_bytes());
    journal.byte_index_moved(1, ByteIndex::out_prod, 0xffffffff, 0);
    journal.byte_index_moved(1, ByteIndex::in_cons, 0, 4);
    journal.byte_index_found(1, ByteIndex::out_cons, 0, 0xffffffff);
    journal.byte_index_found(1, ByteIndex::in_prod, 7, 8);
    journal.event_raised(1, dom1, 9, ring::Raised::already_selected);
    journal.event_raised(0, actor(Role::dom0), 3, ring::Raised::masked, EventSource::virq, 2);
    journal.event_taken(1, 1023);
    journal.mask_changed(1, 1023, MaskBit::set);
    journal.mask_changed(0, 2, MaskBit::clear);
    journal.frame_passed(1, actor(Role::client, 2), 9, 2, test::text_message("x"));
    journal.frame_passed(0, actor(Role::client, 65535), 77, 0, {});
    journal.frame_passed(0, actor(Role::client, 1), 1, 0, {}, 0xfedcba98, 3);
    journal.frame_passed(0, actor(Role::client, 1), 3, 0xefffffff, {}, 0, 0xfffffffe);
    journal.counted(1, Counter::overruns, 0, 4'000'000'000u);
    journal.quirk(1, Quirk::xcs_drop_when_full);
    journal.refused(1, actor(Role::user, 3), Refusal::failed, {}, "no \"room\"\\");
    journal.told(0, Fact::checked_step, {}, "listens");
    journal.bytes_passed(1, actor(Role::tty, 1), all_bytes());
  });
}

TEST_CASE("every subject of an entry is read back unchanged, with its numbers and its argument") {
  const Values numbers{1, 0, 0xffffffff, 4};
  check_journey(xcs, [&](Journal& journal) {
    for (unsigned at = 0; at <= static_cast<unsigned>(last_fact); ++at)
      journal.told(1, static_cast<Fact>(at), numbers, "a \"name\"\\\n");
    for (unsigned at = 0; at <= static_cast<unsigned>(last_refusal); ++at)
      journal.refused(1, dom1, static_cast<Refusal>(at), {0, 0, at}, "");
    for (unsigned at = 0; at <= static_cast<unsigned>(last_counter); ++at)
      journal.counted(1, static_cast<Counter>(at), at, at + 1);
    for (const QuirkAbout& known : quirks_known) journal.quirk(1, known.quirk);
  });
}

TEST_CASE("every actor is read back unchanged") {
  for (unsigned role = 0; role <= static_cast<unsigned>(last_role); ++role) {
    for (const unsigned number : {0u, 1u, 12u, 65535u}) {
      const Actor who = actor(static_cast<Role>(role), number);
      const auto read_back = actor_named(actor_name(who));
      const bool numbered = actor_name(who) != actor_name(actor(who.role));
      INFO(actor_name(who));
      REQUIRE(read_back);
      if (who.role == Role::domain && number == 0)
        CHECK(*read_back == actor(Role::dom0));
      else if (numbered || number == 0)
        CHECK(*read_back == who);
    }
  }
  for (const char* no_actor :
       {"", "dom", "dom01", "dom1.", "dom1.tt", "user0", "user01", "xcs1", "userx", "dom65536"}) {
    INFO(no_actor);
    CHECK_FALSE(actor_named(no_actor));
  }
}

TEST_CASE("bytes after a message's length are kept") {
  Entry entry;
  entry.kind = Kind::slot_written;
  entry.actor = dom1;
  entry.domain = 1;
  entry.message = test::text_message("secret of before");
  entry.message.length = 3;
  CHECK(to_json_line(entry, 1, 0).find("\"rest\":\"7265") != std::string::npos);
  CHECK(same(travelled(entry), entry));
  entry.message.length = 255;
  CHECK(same(travelled(entry), entry));
}

TEST_CASE("an invalid entry of a faulty process is read back as it was in memory") {
  Choice choice = Choice::seeded(11);
  for (int round = 0; round < 2000; ++round) {
    Entry entry;
    std::uint8_t bytes[sizeof entry];
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(choice.pick(256));
    std::memcpy(&entry, bytes, sizeof entry);
    entry.kind = static_cast<Kind>(round % 16);
    if (makes_sense(entry)) continue;
    REQUIRE(same(travelled(entry), entry));
  }
}

TEST_CASE("header and marks are read back, in their places") {
  JournalHeader header{
      .made_by = "ringside \"0\"", .mode = "sim", .controller = "xcs", .seed = 18446744073709551615u};
  header.domains = {{1, ring::Abi::sring, "web"}, {1024, ring::Abi::flat}};
  auto& [tx, rx] = header.domains.front().rings.emplace();
  tx = {.req_prod = 4294967295u, .rsp_prod = 7};
  rx.slots[7] = test::text_message("left");
  rx.slots[0].length = 255;
  header.quirks = {"xcs-drop-when-full"};
  header.scenario = {"a[N=1]",
                     "A title",
                     "dir/a.scn",
                     {"scenario \"A\"", "", "\t\"quoted\" # caf\xc3\xa9"},
                     "ringside run 'a b'"};
  std::vector<JournalMark> marks{
      {JournalMark::Kind::statement, 0, -5, 2, "", "xen boots dom1", 0, JournalMark::Act::boots},
      {JournalMark::Kind::statement, 0, -4, 2, "", "user types \"a\"", 0, JournalMark::Act::acts},
      {JournalMark::Kind::phase, 1, 10, 3, "", "Typing"},
      {JournalMark::Kind::fault, 1, 11, 4, "other.scn", "drop event xcs -> dom1"},
      {JournalMark::Kind::failure,
       2,
       12,
       9,
       "",
       "settled at 1",
       2,
       JournalMark::Act::none,
       "expect 2",
       {"it was \"full\"", ""}},
  };
  KeptEntries kept;
  Journal journal(kept, xcs);
  journal.told(0, Fact::checked_step, {}, "one");
  journal.told(0, Fact::checked_step, {}, "two");
  std::ostringstream file;
  write_journal(file, journaled(header, kept.entries, marks));
  const auto back = read(file.str());
  if (!back) FAIL(back.error().text());
  CHECK(back.value().header == header);
  CHECK(back.value().marks == marks);
  REQUIRE(back.value().steps.size() == 2);
  CHECK(back.value().steps.front().entry.time_ns == 0);
  // The fault is between the two entries.
  CHECK(file.str().find("other.scn") > file.str().find("\"one\""));
  CHECK(file.str().find("other.scn") < file.str().find("\"two\""));
}

TEST_CASE("times before the origin are read back") {
  Entry entry;
  entry.time_ns = 1000;
  const auto journal = read(std::string(good_header) + "\n" + to_json_line(entry, 1, 5000) + "\n");
  REQUIRE(journal);
  CHECK(static_cast<std::int64_t>(journal.value().steps.front().entry.time_ns) == -4000);
}

TEST_CASE("fields that a reader does not know are skipped") {
  CHECK(read(std::string(good_header) + "\n" +
             R"({"step":1,"time_ns":5,"kind":"told","actor":"xcs","is":"xcs_listens","colour":"red"})" +
             "\n"));
}

TEST_CASE("a file that is not a journal is refused") {
  CHECK(refusal({}).find("a.jsonl:1: it is empty (ringside run --journal writes one)") != std::string::npos);
  CHECK(refusal({"hello"}).find("a.jsonl:1: it is not a JSON object") != std::string::npos);
  CHECK(refusal({"[1]"}).find("it is not a JSON object") != std::string::npos);
  CHECK(refusal({"{}"}).find("\"format\" is missing") != std::string::npos);
  CHECK(refusal({R"({"format":"other"})"}).find("it is not a journal of ringside") != std::string::npos);
  CHECK(refusal({R"({"format":"ringside journal","version":1})"})
            .find("its version is 1, and this program reads version 4: an older ringside wrote it") !=
        std::string::npos);
  CHECK(refusal({good_step}).find("a.jsonl:1: \"format\" is missing") != std::string::npos);
  CHECK(refusal({good_header, good_step, good_step}).find("a.jsonl:3: step 1 comes after step 1") !=
        std::string::npos);
  CHECK(refusal({good_header, good_step, good_header}).find("a.jsonl:3: \"step\" is missing") !=
        std::string::npos);
}

TEST_CASE("the rings in a file's header have eight slots each") {
  const auto refusal_of = [](const std::string& rings) {
    std::string header = good_header;
    header.replace(header.find("[]"), 2, R"([{"id":1,"layout":"sring","rings":)" + rings + "}]");
    return refusal({header});
  };
  const std::string slots = R"("slots":[{"type":0,"subtype":0,"id":0,"length":0,"bytes":""}])";
  const std::string ring = R"({"req_prod":1,"rsp_prod":0,)" + slots + "}";
  CHECK(refusal_of("7").find("\"rings\" is not an object") != std::string::npos);
  CHECK(refusal_of(R"({"tx":)" + ring + "}").find("\"slots\" is not a list of 8") != std::string::npos);
  CHECK(refusal_of(R"({"tx":{"req_prod":1,"slots":[7,7,7,7,7,7,7,7]}})").find("\"rsp_prod\" is missing") !=
        std::string::npos);
  CHECK(refusal_of(R"({"tx":{"req_prod":1,"rsp_prod":1,"slots":[7,7,7,7,7,7,7,7]}})")
            .find("\"slots\" is not a list of objects") != std::string::npos);
}

TEST_CASE("the byte rings in a file's header are read back, with the bytes that wait") {
  JournalHeader header{.made_by = "test", .mode = "live", .controller = "xcs"};
  header.domains = {{1, ring::Abi::sring, "new"}};
  auto& [in, out] = header.domains.front().byte_rings.emplace();
  in = {.prod = 1, .cons = 0xfffffffe, .bytes = {'a', '"', 0}};
  out = {.prod = 5000, .cons = 1, .bytes = {}};  // impossible
  const auto again = read(to_json_line(header) + "\n");
  REQUIRE(again);
  CHECK(again.value().header == header);

  const auto header_with = [](const std::string& rings) {
    return refusal({R"({"format":"ringside journal","version":4,"made_by":"test","mode":"live","slots":8,)"
                    R"("domains":[{"id":1,"layout":"sring","byte_rings":)" +
                    rings + R"(}],"quirks":[]})"});
  };
  const std::string empty = R"({"cons":0,"prod":0,"bytes":""})";
  CHECK(header_with(R"({"in":)" + empty + R"(,"out":)" + empty + "}") == "it was taken");
  CHECK(header_with(R"({"in":)" + empty + "}").find("\"out\" is missing") != std::string::npos);
  CHECK(header_with(R"({"out":)" + empty + R"(,"in":{"cons":0,"prod":2,"bytes":"61"}})")
            .find("\"bytes\" are not as many as wait between \"cons\" and \"prod\"") != std::string::npos);
}

TEST_CASE("the error for a truncated file says how many lines are complete") {
  const auto journal =
      read(std::string(good_header) + "\n" + good_step + "\n" + std::string(good_step).substr(0, 20));
  REQUIRE_FALSE(journal);
  CHECK(journal.error().text() ==
        "cannot read a journal: a.jsonl:3: the file ends within this line: it was truncated (head -n 2 keeps "
        "the complete lines)");
}

TEST_CASE("an invalid line is named, with its first error") {
  CHECK(refusal_of_step(R"({"step":1,"time_ns":5,"kind":"tolled","actor":"xcs","text":"x"})") ==
        "\"kind\" is not the name of a kind");
  CHECK(refusal_of_step(R"({"step":-1,"time_ns":5,"kind":"told","actor":"xcs","is":"xcs_listens"})") ==
        "\"step\" is not a whole number from 0 to 18446744073709551615");
  CHECK(refusal_of_step(R"({"step":0,"time_ns":5,"kind":"told","actor":"xcs","is":"xcs_listens"})") ==
        "step 0 comes after step 0");
  CHECK(refusal_of_step(R"({"step":1,"time_ns":1e3,"kind":"told","actor":"xcs","is":"xcs_listens"})") ==
        "\"time_ns\" is not a whole number of nanoseconds");
  CHECK(refusal_of_step(R"({"step":1,"time_ns":5,"kind":"told","actor":"mallory","text":"x"})") ==
        "\"actor\" is not the name of an actor");
  CHECK(refusal_of_step(
            R"({"step":1,"time_ns":5,"kind":"told","actor":"xcs","is":"created","argument":"\\q"})") ==
        "\"argument\" is not escaped as the text form has it");
  CHECK(refusal_of_step(R"({"step":1,"time_ns":5,"kind":"told","actor":"xcs","is":"created","argument":")" +
                        std::string(61, 'a') + "\"}") == "\"argument\" is not at most 60 bytes long");
  CHECK(refusal_of_step(R"({"step":1,"time_ns":5,"kind":"told","actor":"xcs","is":"born","text":"x"})") ==
        "\"is\" is not the name of a fact");
  CHECK(
      refusal_of_step(
          R"({"step":1,"time_ns":5,"kind":"refused","actor":"xcs","peer":"dom1","is":"call","values":[-1]})") ==
      "\"values\" is not a list of at most 4 numbers");
  CHECK(refusal_of_step(
            R"({"step":1,"time_ns":5,"kind":"told","actor":"xen","is":"window","values":[1,2,3,4,5]})") ==
        "\"values\" is not a list of at most 4 numbers");
  CHECK(refusal_of_step(
            R"({"step":1,"time_ns":5,"kind":"bytes_passed","actor":"xcs","peer":"xend","bytes":"0G"})") ==
        "\"bytes\" is not at most 60 bytes, in two lower-case hexadecimal digits each");
  const std::string slot =
      R"({"step":1,"time_ns":5,"kind":"slot_written","actor":"xcs","domain":1,"ring":"rx","use":"request",)";
  CHECK(
      refusal_of_step(slot + R"("slot":8,"message":{"type":0,"subtype":0,"id":0,"length":0,"bytes":""}})") ==
      "\"slot\" is not a whole number from 0 to 7");
  CHECK(refusal_of_step(slot +
                        R"("slot":1,"message":{"type":0,"subtype":0,"id":0,"length":2,"bytes":"00"}})") ==
        "\"bytes\" are not as many as \"length\" says");
  CHECK(refusal_of_step(
            slot + R"("slot":1,"message":{"type":0,"subtype":0,"id":0,"length":1,"bytes":"00","rest":")" +
            std::string(120, '0') + "\"}}") == "\"rest\" is longer than a slot");
  CHECK(refusal_of_step(slot + R"("slot":1,"message":7})") == "\"message\" is not an object");
  CHECK(refusal_of_step(R"({"mark":"word","after":0,"time_ns":0,"line":1,"text":""})") ==
        "\"mark\" is not statement, phase, fault or failure");
}

TEST_CASE("an endless line is refused") {
  const auto journal = read(std::string(journal_line_bytes_max + 10, ' '));
  REQUIRE_FALSE(journal);
  CHECK(journal.error().text().find("journal_line_bytes_max") != std::string::npos);
}

TEST_CASE("deep nesting is refused") {
  const std::string deep = R"({"step":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  CHECK(refusal_of_step(deep).starts_with("\"step\" is not a whole number"));
}

TEST_CASE("a damaged journal never crashes its reader") {
  KeptEntries kept;
  Journal journal(kept, xcs);
  journal.slot_written(1, ring::Ring::rx, 15, SlotUse::request, test::text_message("abc"));
  journal.index_moved(1, ring::Ring::rx, IndexName::rsp_cons, 0, 1);
  journal.event_raised(1, dom1, 9, ring::Raised::kick, EventSource::virq, 3);
  journal.frame_passed(1, actor(Role::client, 2), 9, 2, test::text_message("x"));
  journal.told(1, Fact::ports_bound, {0, 2, 1, 1}, "x");
  journal.bytes_passed(1, actor(Role::tty, 1), all_bytes());
  std::ostringstream file;
  write_journal(file, journaled({.made_by = "t", .mode = "sim", .controller = ""}, kept.entries,
                                {{JournalMark::Kind::phase, 1, 0, 1, "", "x"}}));
  const std::string whole = file.str();
  const std::string sharp = "{}[]\",:0123456789-\\\n\x00\xff eE.untfalse"s;
  Choice choice = Choice::seeded(5);
  std::size_t refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string damaged = whole;
    for (std::uint32_t hits = choice.pick(3) + 1; hits > 0; --hits) {
      const std::size_t at = choice.pick(static_cast<std::uint32_t>(damaged.size()));
      const std::uint32_t how = choice.pick(3);
      if (how == 0)
        damaged[at] = sharp[choice.pick(static_cast<std::uint32_t>(sharp.size()))];
      else if (how == 1)
        damaged.erase(at, choice.pick(40));
      else
        damaged.insert(
            at, damaged.substr(choice.pick(static_cast<std::uint32_t>(damaged.size())), choice.pick(40)));
      if (damaged.empty()) break;
    }
    const auto read_back = read(damaged);
    if (read_back) continue;
    ++refused;
    REQUIRE(read_back.error().code == EINVAL);
    REQUIRE(read_back.error().text().starts_with("cannot read a journal: a.jsonl:"));
  }
  CHECK(refused > 2500);
}

}  // namespace journal_file_test
