// The journal of several processes, merged (emu/host/journal_log.h).
#include "emu/host/journal_log.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "emu/trace/journal.h"
#include "test/catch.h"

using namespace ringside;

namespace {

/// A folder for one test.
class Folder {
 public:
  Folder() { RS_CHECK(mkdtemp(path_.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = std::filesystem::temp_directory_path() / "rs-journal-XXXXXX";
};

std::vector<std::string> read(JournalReader& reader) {
  std::vector<std::string> texts;
  reader.read([&](const trace::Entry& entry) { texts.emplace_back(trace::text_of(entry)); });
  return texts;
}

constexpr trace::Actor viewer = trace::actor(trace::Role::user);

void pass(trace::Journal& journal, std::string_view text, std::uint64_t at = 0) {
  journal.bytes_passed(1, viewer, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, at);
}

/// A process that announces an entry, gets the signal, and writes the entry if it goes on.
pid_t start_sender(const Folder& folder, int signal) {
  const pid_t child = fork();
  if (child != 0) return child;
  auto writer = JournalWriter::open(folder.path(), "child");
  trace::Journal journal(**writer, viewer);
  const auto moment = journal.moment();
  raise(signal);
  pass(journal, "question", moment);
  _exit(0);
}

}  // namespace

TEST_CASE("a journal that another version of ringside writes is refused") {
  const Folder folder;
  const auto writer = JournalWriter::open(folder.path(), "old");
  REQUIRE(writer);
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    if (file.path().extension() != ".ring") continue;
    std::fstream ring(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    ring.seekp(7);
    ring.put('1');
  }
  const auto reader = JournalReader::open(folder.path());
  REQUIRE_FALSE(reader);
  CHECK(reader.error().why == "another version of ringside writes this journal");
}

TEST_CASE("entries of other processes during a send come after the entry of that send") {
  const Folder folder;
  auto first = JournalWriter::open(folder.path(), "first");
  auto second = JournalWriter::open(folder.path(), "second");
  auto reader = JournalReader::open(folder.path());
  REQUIRE((first && second && reader));
  trace::Journal sender(**first, viewer);
  trace::Journal receiver(**second, viewer);
  {
    const auto moment = sender.moment();
    pass(receiver, "answer");
    CHECK(read(**reader).empty());
    pass(sender, "question", moment);
    CHECK(read(**reader).empty());
  }
  CHECK(read(**reader) == std::vector<std::string>{"question", "answer"});
  // An announcement without an entry delays no reader.
  static_cast<void>(sender.moment());
  pass(receiver, "more");
  CHECK(read(**reader) == std::vector<std::string>{"more"});
}

TEST_CASE("a process that announces and fills its ring is still read") {
  const Folder folder;
  auto writer = JournalWriter::open(folder.path(), "writer");
  auto reader = JournalReader::open(folder.path());
  REQUIRE((writer && reader));
  constexpr std::size_t entries = 2 * journal_entries_per_process;
  std::thread sends([&] {
    trace::Journal journal(**writer, viewer);
    const auto moment = journal.moment();
    for (std::size_t i = 0; i < entries; ++i) pass(journal, "x");
  });
  std::size_t count = 0;
  while (count < entries && (*reader)->lost() == 0) count += read(**reader).size();
  sends.join();
  CHECK(count == entries);
}

TEST_CASE("a process that was killed while it wrote delays no reader, even before its parent has reaped it") {
  const Folder folder;
  auto reader = JournalReader::open(folder.path());
  auto writer = JournalWriter::open(folder.path(), "writer");
  REQUIRE((reader && writer));
  const pid_t child = start_sender(folder, SIGKILL);
  siginfo_t ended{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
  trace::Journal journal(**writer, viewer);
  pass(journal, "more");
  CHECK(read(**reader) == std::vector<std::string>{"more"});
  CHECK(waitpid(child, nullptr, 0) == child);
}

TEST_CASE("a process that is stopped while it writes delays no reader, and its entry comes later") {
  const Folder folder;
  auto reader = JournalReader::open(folder.path());
  auto writer = JournalWriter::open(folder.path(), "writer");
  REQUIRE((reader && writer));
  const pid_t child = start_sender(folder, SIGSTOP);
  REQUIRE(waitpid(child, nullptr, WUNTRACED) == child);
  trace::Journal journal(**writer, viewer);
  pass(journal, "more");
  std::vector<std::string> texts;
  while (texts.empty()) texts = read(**reader);
  CHECK(texts == std::vector<std::string>{"more"});

  kill(child, SIGCONT);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  std::vector<std::uint64_t> times;
  pass(journal, "end");
  (*reader)->read([&](const trace::Entry& entry) {
    texts.emplace_back(trace::text_of(entry));
    times.push_back(entry.time_ns);
  });
  CHECK(texts == std::vector<std::string>{"more", "question", "end"});
  CHECK(std::ranges::is_sorted(times));
}
