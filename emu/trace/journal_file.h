// The journal as a file, and as a contract with other programs: JSON lines, the first of which says what the
// rest is. `ringside view --schema` prints its schema, journal_schema.json.
//
// Three sorts of lines follow the first one. Entries have a `step` (json.h). Marks have a `mark`: where a run
// stood in its scenario when the entries behind them were written. Their order is that of the run.
//
// A reader refuses what is not as it should be, and says in which line. It skips fields that it does not
// know: they may be added without a new version; whatever else changes is a new version.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "emu/base/check.h"
#include "emu/trace/event.h"

namespace ringside::trace {

inline constexpr std::string_view journal_format = "ringside journal";
inline constexpr std::uint64_t journal_version = 1;

inline constexpr std::size_t journal_line_bytes_max = std::size_t{8}
                                                      << 20;  ///< the first one has a scenario in it
inline constexpr std::size_t journal_entries_max = std::size_t{1} << 22;
inline constexpr std::size_t journal_marks_max = std::size_t{1} << 20;

/// A ring as its page shows it.
struct JournalRing {
  ring::Index req_prod = 0;
  ring::Index rsp_prod = 0;
  std::array<ring::ControlMessage, ring::slots_per_ring> slots = {};

  friend bool operator==(const JournalRing& one, const JournalRing& other) {
    return std::memcmp(&one, &other, sizeof one) == 0;
  }
};
static_assert(std::has_unique_object_representations_v<JournalRing>);

struct JournalDomain {
  std::uint32_t id = 0;
  ring::Abi layout = ring::Abi::sring;
  std::string name = {};
  /// tx and rx, of a domain that had been at work when the file was begun; nothing: both were empty.
  std::optional<std::array<JournalRing, 2>> rings = {};

  friend bool operator==(const JournalDomain&, const JournalDomain&) = default;
};

struct JournalScenario {
  std::string name;  ///< "typing[BYTES=481]"
  std::string title;
  std::string path;
  std::vector<std::string> lines;  ///< the whole file; empty: not at hand

  friend bool operator==(const JournalScenario&, const JournalScenario&) = default;
};

/// The first line.
struct JournalHeader {
  std::string made_by;     ///< "ringside 0.1.0"
  std::string mode;        ///< "sim", "real": of a scenario; "live": a machine at work
  std::string controller;  ///< "xcs", "xenctld": who is at the dom0 end; empty: not known
  std::optional<std::uint64_t> seed = {};
  std::vector<JournalDomain> domains = {};  ///< those known when the file was begun
  std::vector<std::string> quirks = {};     ///< that are on
  std::optional<JournalScenario> scenario = {};

  friend bool operator==(const JournalHeader&, const JournalHeader&) = default;
};

/// Something of the scenario, between two entries.
struct JournalMark {
  enum class Kind : std::uint8_t {
    statement,  ///< comes into force
    phase,      ///< begins
    fault,      ///< a statement that has to do with faults
    failure,    ///< of an expectation; `text` says what there was instead
  };
  Kind kind = Kind::statement;
  std::uint64_t after = 0;   ///< the last step before it; 0: none
  std::int64_t time_ns = 0;  ///< since the journal's origin
  std::uint32_t line = 0;    ///< of the scenario's file, from 1
  std::string file = {};     ///< the file, if the line is not in the scenario's own
  std::string text = {};     ///< the line, without its comment; of a phase its title
  std::uint64_t focus = 0;   ///< of a failure: the entry that decided; 0: none

  friend bool operator==(const JournalMark&, const JournalMark&) = default;
};

struct JournalStep {
  std::uint64_t step = 0;
  Entry entry;  ///< its time_ns is since the journal's origin, and may be before it: a negative number
};

struct Journaled {
  JournalHeader header;
  std::vector<JournalStep> steps;
  std::vector<JournalMark> marks;
};

// -- writing; all without a newline, entries by to_json_line()
[[nodiscard]] std::string to_json_line(const JournalHeader& header);
[[nodiscard]] std::string to_json_line(const JournalMark& mark);

/// A whole file.
void write_journal(std::ostream& file, const Journaled& journal);

/// Reads a whole journal. `name` is what errors call it. Never more than one line is held besides what was
/// read.
[[nodiscard]] Result<Journaled> read_journal(std::istream& file, const std::string& name);

}  // namespace ringside::trace
