// Single-producer rings of entries in mapped files, and their merge.
//
// The disk space for a ring's entries is allocated only when there is a reader: a full disk makes a reader
// fail, and never kills a writer. The space for its header is allocated from the beginning.
//
// Readers are registered twice: as byte k of the file "readers", locked by reader k for as long as it lives
// (so that its death is detected), and as bit k of `listeners` in each ring (so that a writer asks with one
// load). A writer locks a byte of that file, too: its process id would not do, since the id of a killed
// process stays in use until its parent has reaped it, and is used again later.
#include "emu/host/journal_log.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

#include "emu/host/linux_descriptors.h"
#include "emu/host/process_table.h"

namespace ringside {

namespace bip = boost::interprocess;
namespace fs = std::filesystem;
using Memory = ring::NativeMemory;

namespace {

// Little-endian "1RINGER2". The last character is the version of the entries.
constexpr std::uint64_t log_magic = 0x325245474e495231;
constexpr std::chrono::seconds stall_limit{5};
/// An announcement that is older than this may be that of a stopped process.
constexpr std::chrono::nanoseconds announced_max = std::chrono::milliseconds(100);
constexpr char log_suffix[] = ".ring";

struct Header {
  std::uint64_t magic;
  std::int32_t process;
  std::uint32_t ended;  ///< the writer has finished
  std::uint64_t place;  ///< the byte of the file "readers" that the writer keeps locked
  std::uint8_t reserved0[40];
  std::uint32_t listeners;  ///< bit k: reader k listens
  std::uint8_t reserved1[60];
  std::uint64_t tail;     ///< entries written, ever
  std::uint64_t writing;  ///< time before which no further entry will be stamped; 0 = none is being written
  std::uint8_t reserved2[48];
  struct Reader {
    std::uint64_t head;  ///< entries read, ever
    std::uint64_t lost;
    std::uint8_t reserved[48];
  } readers[journal_readers_max];
};
static_assert(sizeof(Header) % 64 == 0);

constexpr std::size_t log_bytes = sizeof(Header) + journal_entries_per_process * sizeof(trace::Entry);

std::uint64_t monotonic_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// A mapped ring.
struct Log {
  bip::mapped_region region;
  std::string path;

  [[nodiscard]] Header& header() const { return *static_cast<Header*>(region.get_address()); }
  [[nodiscard]] trace::Entry& entry(std::uint64_t number) const {
    auto* first =
        reinterpret_cast<trace::Entry*>(static_cast<std::byte*>(region.get_address()) + sizeof(Header));
    return first[number % journal_entries_per_process];
  }
};

constexpr const char* cannot_listen = "cannot listen to the journal";

/// Allocates the whole ring; space that is allocated already stays as it is.
Result<> allocate_log(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  errno = file.valid() ? allocate_file(file.get(), 0, log_bytes) : errno;
  if (errno == 0) return Done{};
  return system_error(cannot_listen, path, fmt::format("it needs {} KiB for each process", log_bytes / 1024));
}

std::optional<Log> map_log(const std::string& path) {
  std::error_code ignored;
  if (fs::file_size(path, ignored) != log_bytes) return std::nullopt;
  try {
    const bip::file_mapping file(path.c_str(), bip::read_write);
    return Log{bip::mapped_region(file, bip::read_write, 0, log_bytes), path};
  } catch (const bip::interprocess_exception&) {
    return std::nullopt;  // it was just removed
  }
}

Result<Fd> open_readers(const std::string& folder) {
  const std::string path = folder + "/readers";
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return system_error("cannot open the journal", path, "is a machine running there?");
  return fd;
}

struct flock lock_of(std::uint64_t place) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(place);
  lock.l_len = 1;
  return lock;
}

/// Tries to lock a byte for as long as `readers` is open.
bool take_place(const Fd& readers, std::uint64_t place) {
  struct flock lock = lock_of(place);
  return fcntl(readers.get(), F_OFD_SETLK, &lock) == 0;
}

/// Whether another descriptor has the byte locked.
bool is_taken(const Fd& readers, std::uint64_t place) {
  struct flock lock = lock_of(place);
  return fcntl(readers.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool has_ended(const Header& header, const Fd& readers) {
  return Memory::load(&header.ended) != 0 || !is_taken(readers, header.place);
}

/// By a signal, or by a debugger.
bool is_stopped(const Header& header) {
  const char state = process_state(header.process);
  return state == 'T' || state == 't';
}

/// Removes the rings of processes that have ended, unless there is a reader, which may still read them.
void remove_finished(const std::string& folder, const Fd& readers) {
  for (std::size_t k = 0; k < journal_readers_max; ++k) {
    if (is_taken(readers, k)) return;
  }
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(folder, ignored)) {
    if (file.path().extension() != log_suffix) continue;
    const auto log = map_log(file.path().string());
    if (log && log->header().magic == log_magic && has_ended(log->header(), readers))
      unlink(file.path().c_str());
  }
}

}  // namespace

// -- writer

struct JournalWriter::Shared {
  Log log;
  Fd readers;
};

Result<std::unique_ptr<JournalWriter>> JournalWriter::open(const std::string& folder,
                                                           const std::string& name) {
  auto readers = open_readers(folder);
  if (!readers) return readers.error();
  remove_finished(folder, *readers);
  const std::string path = fmt::format("{}/{}-{}-{}{}", folder, name, getpid(), monotonic_ns(), log_suffix);
  const std::string hidden = path + ".new";
  {
    const Fd file(::open(hidden.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const int failed = file.valid() ? posix_fallocate(file.get(), 0, sizeof(Header)) : errno;
    errno = failed;
    if (failed != 0 || ftruncate(file.get(), static_cast<off_t>(log_bytes)) != 0) {
      const Error error = system_error("cannot make a journal", path);
      unlink(hidden.c_str());
      return error;
    }
  }
  auto log = map_log(hidden);
  if (!log) return system_error("cannot map a journal", hidden);
  Header& header = log->header();
  header.magic = log_magic;
  header.process = getpid();
  header.place = journal_readers_max + monotonic_ns();
  while (!take_place(*readers, header.place)) {
    if (errno != EAGAIN && errno != EACCES) {
      const Error error =
          system_error("cannot make a journal", path, "its folder must be on a file system with locks");
      unlink(hidden.c_str());
      return error;
    }
    ++header.place;  // another process began in the same nanosecond
  }
  // A reader that locks its byte after this check finds the file by name; one that did so before is seen
  // here.
  fs::rename(hidden, path);
  log->path = path;
  std::uint32_t listeners = 0;
  for (std::size_t k = 0; k < journal_readers_max; ++k) {
    if (is_taken(*readers, k)) listeners |= 1u << k;
  }
  // Without space no entries are written for the reader; the reader finds that out.
  if (listeners != 0 && allocate_log(path)) Memory::set_bits(&header.listeners, listeners);
  auto shared = std::make_unique<Shared>(Shared{std::move(*log), std::move(*readers)});
  return std::unique_ptr<JournalWriter>(new JournalWriter(std::move(shared)));
}

JournalWriter::JournalWriter(std::unique_ptr<Shared> shared)
    : Sink(&shared->log.header().listeners), shared_(std::move(shared)) {}

JournalWriter::~JournalWriter() {
  Memory::store(&shared_->log.header().ended, 1u);
  // With readers, one that has read it to the end removes it.
  if (!listening()) unlink(shared_->log.path.c_str());
}

std::uint64_t JournalWriter::now_ns() const {
  return monotonic_ns();
}

std::uint64_t JournalWriter::announce() {
  if (announcements_++ == 0) {
    announced_ = monotonic_ns();
    Memory::store(&shared_->log.header().writing, announced_);
    Memory::mb();
  }
  return monotonic_ns();
}

void JournalWriter::withdraw() {
  if (--announcements_ != 0) return;
  announced_ = 0;
  Memory::wmb();
  Memory::store(&shared_->log.header().writing, std::uint64_t{0});
}

void JournalWriter::write(trace::Entry& entry) {
  Header& header = shared_->log.header();
  wait_for_room();
  Memory::store(&header.writing, announced_ != 0 ? announced_ : monotonic_ns());
  // The announcement is visible before the clock is read. So a reader that sees none knows that later entries
  // are stamped later than its own reading of the clock.
  Memory::mb();
  if (entry.time_ns == 0) entry.time_ns = monotonic_ns();
  const std::uint64_t number = Memory::load(&header.tail);
  shared_->log.entry(number) = entry;
  Memory::wmb();
  Memory::store(&header.tail, number + 1);
  Memory::wmb();
  Memory::store(&header.writing, announced_);
}

void JournalWriter::wait_for_room() {
  Header& header = shared_->log.header();
  const auto slowest = [&] {
    std::size_t found = journal_readers_max;
    for (std::size_t k = 0; k < journal_readers_max; ++k) {
      const bool listens = (Memory::load(&header.listeners) & (1u << k)) != 0;
      const std::uint64_t behind = Memory::load(&header.tail) - Memory::load(&header.readers[k].head);
      if (listens && behind >= journal_entries_per_process) found = k;
    }
    return found;
  };
  std::size_t reader = slowest();
  if (reader == journal_readers_max) return;
  // A reader that waited for the announced entry would never make room.
  Memory::store(&header.writing, std::uint64_t{0});
  const auto head_of = [&](std::size_t k) { return Memory::load(&header.readers[k].head); };
  auto seen = head_of(reader);
  auto moved_at = std::chrono::steady_clock::now();
  for (; reader != journal_readers_max; reader = slowest()) {
    const auto now = std::chrono::steady_clock::now();
    if (head_of(reader) != seen) {
      seen = head_of(reader);
      moved_at = now;
    }
    const bool alive = is_taken(shared_->readers, reader);
    if (!alive || now - moved_at > stall_limit) {
      Memory::clear_bits(&header.listeners, 1u << reader);
      if (alive) Memory::store(&header.readers[reader].lost, Memory::load(&header.readers[reader].lost) + 1);
      continue;
    }
    const timespec moment{0, 50'000};
    nanosleep(&moment, nullptr);
  }
}

// -- reader

struct JournalReader::State {
  std::string folder;
  Fd readers;
  std::size_t number = 0;
  std::map<std::string, Log> logs;
  std::optional<Error> failure;
  std::uint64_t latest = 0;  ///< the time of the latest entry that was passed on

  ~State() {
    for (auto& [path, log] : logs) Memory::clear_bits(&log.header().listeners, bit());
  }
  [[nodiscard]] std::uint32_t bit() const { return 1u << number; }

  /// Finds new rings. The writer of a ring made after our lock was taken sets our bit, from its first entry
  /// on.
  void find_logs(bool at_start) {
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(folder, ignored)) {
      const std::string path = file.path().string();
      if (file.path().extension() != log_suffix || logs.contains(path)) continue;
      auto log = map_log(path);
      if (!log) continue;
      if (const std::uint64_t differs = log->header().magic ^ log_magic; differs != 0) {
        if (differs << 8 == 0)
          failure = Error{EPROTO, cannot_listen, path, "another version of ringside writes this journal",
                          "stop the machine with ringside down, and start it again"};
        continue;
      }
      if (auto allocated = allocate_log(path); !allocated) {
        if (allocated.error().code != ENOENT) failure = allocated.error();
        continue;
      }
      Header& header = log->header();
      if (at_start) {
        // An earlier reader of this number may have left its position and its losses.
        Memory::store(&header.readers[number].head, Memory::load(&header.tail));
        Memory::store(&header.readers[number].lost, std::uint64_t{0});
      }
      Memory::wmb();
      Memory::set_bits(&header.listeners, bit());
      logs.emplace(path, std::move(*log));
    }
  }

  void forget_finished() {
    std::erase_if(logs, [&](const auto& item) {
      const Header& header = item.second.header();
      const bool over = has_ended(header, readers);
      Memory::rmb();
      if (!over || Memory::load(&header.tail) != Memory::load(&header.readers[number].head)) return false;
      unlink(item.first.c_str());
      return true;
    });
  }
};

Result<std::unique_ptr<JournalReader>> JournalReader::open(const std::string& folder) {
  auto readers = open_readers(folder);
  if (!readers) return readers.error();
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->readers = std::move(*readers);
  for (std::size_t k = 0; k < journal_readers_max; ++k) {
    if (!take_place(state->readers, k)) continue;
    state->number = k;
    state->find_logs(true);
    if (state->failure) return *std::move(state->failure);
    return std::unique_ptr<JournalReader>(new JournalReader(std::move(state)));
  }
  return Error{EBUSY, cannot_listen, folder, fmt::format("{} listen already", journal_readers_max),
               "end one of them"};
}

JournalReader::JournalReader(std::unique_ptr<State> state) : state_(std::move(state)) {}

JournalReader::~JournalReader() = default;

const std::optional<Error>& JournalReader::failure() const {
  return state_->failure;
}

std::size_t JournalReader::read(const std::function<void(const trace::Entry&)>& take) {
  struct Source {
    const Log* log;
    std::uint64_t next;
    std::uint64_t tail;
  };
  // Any entry stamped before this moment is visible below, or is announced as being written.
  const std::uint64_t now = monotonic_ns();
  std::uint64_t complete_until = now;
  Memory::mb();
  state_->find_logs(false);
  std::vector<Source> sources;
  for (const auto& [path, log] : state_->logs) {
    const Header& header = log.header();
    const std::uint64_t writing = Memory::load(&header.writing);
    Memory::rmb();
    const bool waits = writing != 0 && !has_ended(header, state_->readers) &&
                       (now < writing + announced_max.count() || !is_stopped(header));
    if (waits) complete_until = std::min(complete_until, writing);
    sources.push_back({&log, Memory::load(&header.readers[state_->number].head), Memory::load(&header.tail)});
  }
  Memory::rmb();
  std::size_t count = 0;
  for (;;) {
    Source* first = nullptr;
    for (Source& source : sources) {
      if (source.next == source.tail) continue;
      if (first == nullptr ||
          source.log->entry(source.next).time_ns < first->log->entry(first->next).time_ns) {
        first = &source;
      }
    }
    if (first == nullptr || first->log->entry(first->next).time_ns >= complete_until) break;
    trace::Entry entry = first->log->entry(first->next);
    // The entry of a process that was stopped while it wrote comes after later ones.
    entry.time_ns = state_->latest = std::max(entry.time_ns, state_->latest);
    take(entry);
    ++first->next;
    ++count;
    Memory::mb();  // the entry is copied out before its place is freed
    Memory::store(&first->log->header().readers[state_->number].head, first->next);
  }
  state_->forget_finished();
  return count;
}

std::uint64_t JournalReader::lost() const {
  std::uint64_t sum = 0;
  for (const auto& [path, log] : state_->logs)
    sum += Memory::load(&log.header().readers[state_->number].lost);
  return sum;
}

}  // namespace ringside
