// The journal of several processes, merged (emu/host/journal_log.h).
#include "emu/host/journal_log.h"

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

TEST_CASE("entries of others during a send come after the entry of that send") {
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
