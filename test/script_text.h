// Scenarios from strings: files from a map, four example scenarios, and a reading together with its runs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "emu/script/script.h"
#include "test/catch.h"

namespace ringside::test {

using Files = std::map<std::string, std::string>;

inline script::Reader reader_of(const Files& files) {
  return [files](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return Error{ENOENT, "cannot read", path, "no such file", ""};
    return found->second;
  };
}

struct Parsed {
  script::Script script;
  std::vector<script::Scenario> runs;

  [[nodiscard]] std::string said() const { return script.diagnostics.text(script.sources); }
  [[nodiscard]] bool says(std::string_view words) const { return said().find(words) != std::string::npos; }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const script::Scenario& each : runs) all.push_back(each.name);
    return all;
  }
};

inline Parsed read_files(const Files& files, script::Mode mode = script::Mode::sim,
                         const script::Given& given = {}) {
  Parsed reading{script::read_script("test.scn", reader_of(files)), {}};
  reading.runs = script::runs_of(reading.script, mode, given);
  return reading;
}

inline Parsed read_text(const std::string& text, script::Mode mode = script::Mode::sim,
                        const script::Given& given = {}) {
  return read_files({{"test.scn", text}}, mode, given);
}

/// `lines` in a scenario with dom1 and a connected user.
inline Parsed read_lines(const std::string& lines) {
  return read_text("scenario \"t\"\nmode sim\nxen boots dom1\nuser connects to dom1\n" + lines + "\n");
}
inline constexpr std::size_t lines_before = 2;  ///< statements that read_lines adds in front

/// The only statement of a line, which must be valid. A client in it is connected first.
inline script::Statement statement_of(const std::string& line) {
  const bool has_client = line.find("client ") != std::string::npos;
  Parsed reading = read_lines((has_client ? "client connects\n" : "") + line);
  INFO(reading.said());
  REQUIRE(reading.script.diagnostics.errors() == 0);
  REQUIRE(reading.runs.size() == 1);
  REQUIRE(reading.runs[0].statements.size() == lines_before + (has_client ? 2 : 1));
  return std::move(reading.runs[0].statements.back());
}

template <class T>
T act_of(const std::string& line) {
  const script::Statement statement = statement_of(line);
  const auto* act = std::get_if<script::Act>(&statement.what);
  REQUIRE(act != nullptr);
  const T* wanted = std::get_if<T>(act);
  REQUIRE(wanted != nullptr);
  return *wanted;
}

/// The pattern after "expect".
template <class T>
T pattern_of(const std::string& line) {
  const script::Statement statement = statement_of("expect " + line);
  const auto* expect = std::get_if<script::Expect>(&statement.what);
  REQUIRE(expect != nullptr);
  const T* wanted = std::get_if<T>(&expect->pattern.what);
  REQUIRE(wanted != nullptr);
  return *wanted;
}

inline const std::string hello = R"scn(scenario "Hello, world"
xen boots dom1
user connects to dom1
dom1 prints "hello\n"
expect dom1.tx req_prod 1 rsp_prod 0
expect event dom1 -> xcs
expect xcs forwards request console length 6 "hello\n" from dom1 to xend
expect user sees "hello"
expect dom1.tx req_prod 1 rsp_prod 1             # the response is there; dom1 takes it and frees the slot
)scn";

inline const std::string long_input = R"scn(scenario "Typing more than the ring holds"
cases BYTES  LOST                                # 8 slots x 60 bytes = 480
      480    0
      481    1
      1000   9
param LOSS = on, off
quirk xcs-drop-when-full {LOSS}
quirk xend-no-input-limit on                     # as xend of 2005, which waits for no answer
xen boots dom1
user connects to dom1
xen pauses dom1                                  # the rx ring is not emptied now
user types {BYTES} bytes of "abc" in one write
expect dom1.rx settles at req_prod 8 rsp_prod 0
expect xcs.dropped settles at {LOST} when LOSS is on
expect xcs.dropped settles at 0 when LOSS is off
xen unpauses dom1
expect dom1 reads 480 bytes of "abc" when LOSS is on
expect dom1 reads {BYTES} bytes of "abc" when LOSS is off
expect no more bytes at dom1 for 50ms
)scn";

inline const std::string forged_index = R"scn(scenario "A guest that forges req_prod"
param TRUST = on, off
quirk stale-indices {TRUST}
xen boots dom1, dom2
user connects to dom2
dom1 writes tx[0] request console length 5 "hello"
dom1 sets tx.req_prod to 100                     # the true index is 1
dom1 notifies xcs
expect xcs forwards 1 real and 7 stale messages from dom1 when TRUST is on
expect xcs.refused settles at 1 when TRUST is off
dom2 prints "still here"
expect user sees "still here" within 20ms        # dom2 must not be affected
)scn";

inline const std::string pty = R"scn(scenario "Output waits for a pty"
xen boots dom1
never xenctld.lost changes
dom1 prints "Linux version 2.6.11-xenU\n"
expect xenctld.queued settles at 26
expect no bytes at pty for 100ms
xenctld attaches pty to dom1 as P
expect P shows "Linux version 2.6.11-xenU" within 10ms
expect xenctld.queued settles at 0
user types "root\n" at P
expect dom1 reads "root\n"
)scn";

/// Each form about the rings of bytes.
inline const std::string today = R"scn(scenario "Today"
controller xenconsoled
xen boots dom1, dom2
user connects to dom1
user[b] connects to dom2
never bytes at dom2.in
dom1 prints "hello"
expect dom1 writes out "hel"
expect dom1 writes out "l"...
expect dom1 writes out /o$/
expect dom1 moves out out_prod 0 -> 5
expect event dom1 -> xenconsoled
expect xenconsoled takes event
expect xenconsoled moves dom1.out.out_cons 0 -> 5
expect event xenconsoled -> dom1
expect dom1 takes event
expect dom1.out out_prod 5 out_cons 5
expect user sees "hello"
user types "abc" in one write
expect xenconsoled writes dom1.in "abc"
expect xenconsoled moves dom1.in in_prod 0 -> 3
expect dom1 moves in.in_cons 0 -> 3
expect dom1.in.in_prod >= 3
expect dom1 reads "abc"
expect dom1.in settles at in_prod 3 in_cons 3
expect no more bytes at dom1.out for 50ms
dom1 sets out.out_prod to 5000
dom1 adds 10 to out.out_prod
dom1 notifies xenconsoled
expect event dom1 -> xenconsoled
xenconsoled sets dom1.in.in_prod to 3000
xenconsoled notifies dom1
expect event xenconsoled -> dom1
expect dom1 refuses "impossible"
expect dom1.out settles at out_prod 5010 out_cons 5
dom2 prints "here"
expect user[b] sees "here"
)scn";

}  // namespace ringside::test
