// The journal as a file, which is a contract with other programs: JSON lines, the first of which describes
// the rest. `ringside view --schema` prints its schema, journal_schema.json.
//
// Two sorts of lines follow the first one. Entries have a `step` (json.h). Marks have a `mark`: the position
// of the run in its scenario when the entries after it were written. The order of the lines is that of the
// run.
//
// A reader refuses a file that does not follow the schema, and reports the line. It skips unknown fields: new
// fields may be added without a new version; any other change is a new version.
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
inline constexpr std::uint64_t journal_version = 4;

inline constexpr std::size_t journal_line_bytes_max = std::size_t{8}
                                                      << 20;  ///< the first line contains a scenario
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

/// A byte ring of a domain of today, as its frame shows it.
struct JournalByteRing {
  ring::Index prod = 0;
  ring::Index cons = 0;
  std::vector<std::uint8_t> bytes = {};  ///< those that wait; none if an index is impossible

  friend bool operator==(const JournalByteRing&, const JournalByteRing&) = default;
};

struct JournalDomain {
  std::uint32_t id = 0;
  ring::Abi layout = ring::Abi::sring;
  std::string name = {};
  /// tx and rx of a domain that was running when the file was begun; empty: both rings were empty.
  std::optional<std::array<JournalRing, 2>> rings = {};
  /// Of a domain of today instead, by ByteRing.
  std::optional<std::array<JournalByteRing, 2>> byte_rings = {};

  friend bool operator==(const JournalDomain&, const JournalDomain&) = default;
};

struct JournalScenario {
  std::string name;  ///< "typing[BYTES=481]"
  std::string title;
  std::string path;
  std::vector<std::string> lines;  ///< the whole file; empty: not available
  std::string again = {};          ///< the command that repeats the run; empty: not known

  friend bool operator==(const JournalScenario&, const JournalScenario&) = default;
};

/// The first line.
struct JournalHeader {
  std::string made_by;      ///< "ringside 0.1.0"
  std::string mode;         ///< "sim", "real": of a scenario; "live": a running machine
  std::string controller;   ///< "xcs", "xenctld": the daemon at the dom0 end; empty: not known
  std::string answer = {};  ///< "xend", "xcs": the one that answers console messages; empty: not known
  std::optional<std::uint64_t> seed = {};
  std::vector<JournalDomain> domains = {};  ///< those known when the file was begun
  std::vector<std::string> quirks = {};     ///< that are on
  std::optional<JournalScenario> scenario = {};

  friend bool operator==(const JournalHeader&, const JournalHeader&) = default;
};

/// An event of the scenario, between two entries.
struct JournalMark {
  enum class Kind : std::uint8_t {
    statement,  ///< comes into force
    phase,      ///< begins
    fault,      ///< a statement about faults
    failure,    ///< of an expectation; `text` reports what happened instead
  };
  enum class Act : std::uint8_t {
    none,   ///< it only expects something
    boots,  ///< it creates or boots domains, which has many effects that are alike in every run
    acts,   ///< it does anything else
  };
  Kind kind = Kind::statement;
  std::uint64_t after = 0;            ///< the last step before it; 0: none
  std::int64_t time_ns = 0;           ///< since the journal's origin
  std::uint32_t line = 0;             ///< of the scenario's file, from 1
  std::string file = {};              ///< the file, if the line is not in the scenario's own
  std::string text = {};              ///< the line, without its comment; of a phase its title
  std::uint64_t focus = 0;            ///< of a failure: the entry that decided; 0: none
  Act act = Act::none;                ///< of a statement
  std::string expected = {};          ///< of a failure: the line that was not met
  std::vector<std::string> why = {};  ///< of a failure: the circumstances, a sentence each

  friend bool operator==(const JournalMark&, const JournalMark&) = default;
};

struct JournalStep {
  std::uint64_t step = 0;
  Entry entry;  ///< its time_ns is since the journal's origin; negative: before it
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

/// Reads a whole journal. `name` is the file's name in errors. Holds one line at a time, besides what was
/// read.
[[nodiscard]] Result<Journaled> read_journal(std::istream& file, const std::string& name);

}  // namespace ringside::trace
