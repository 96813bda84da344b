// The account of a console's bytes: what was printed and typed, compared with what arrived. Pure functions
// without a machine.
//
// Each piece of a stream shows its position. Output is one endless text of numbers; the program of a domain
// prints its beginning. What is typed on one connection begins with '<', which occurs nowhere else in typed
// text, and the number of the connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emu/trace/flow.h"

namespace ringside::chaos {

/// Bytes [from, from + count) of the text that all programs print.
[[nodiscard]] std::string printed_text(std::uint64_t from, std::size_t count);
/// Bytes [from, from + count) of what is typed on the connection of this number.
[[nodiscard]] std::string typed_text(std::uint32_t connection, std::uint64_t from, std::size_t count);

/// How a domain ended.
enum class DomainOutcome : std::uint8_t {
  lives,
  ended,  ///< its program ended, and so did the domain; everything printed must be shown or counted
  cut,    ///< killed or destroyed; what was on its own side of the console is lost
};

/// One viewer's connection.
struct ViewerRecord {
  std::uint32_t connection = 0;
  std::string saw;
  std::string typed;         ///< what the connection accepted
  bool left = false;         ///< the viewer closed it
  bool output_lost = false;  ///< output in it that the viewer had not read may be lost
  bool input_lost = false;   ///< typed bytes that the daemon had not taken when it died may be lost
};

/// One domain, from its creation on.
struct Account {
  DomainOutcome fate = DomainOutcome::lives;
  std::uint64_t printed = 0;  ///< bytes that its program was told to print
  std::string
      handed;  ///< what the console's daemon sent to viewers, in order, without bytes that it took back
  std::uint64_t discarded = 0;        ///< bytes discarded without a viewer, as the daemon counted them
  std::uint64_t unread = 0;           ///< output left when the domain was gone, as the daemon counted it
  std::uint64_t refused_viewers = 0;  ///< viewers refused by the daemon because another one was connected
  std::string read;                   ///< what its program read
  /// xenconsoled's: what a viewer has not read in the pty is for the next one, and is lost with the daemon.
  bool pty_stays = false;
  std::vector<ViewerRecord> viewers;  ///< in the order in which they connected
};

/// Describes the first error in the account. Empty if each byte has arrived, or is lost for a reason in the
/// account.
[[nodiscard]] std::string mistake_in(const Account& account);
/// The same, with the losses from the journal. If that finds no error, describes the first difference between
/// the journal and what the viewers and the program counted, or an imbalance of any domain.
[[nodiscard]] std::string mistake_in(Account account, const trace::Flow& flow, std::uint32_t domain);

}  // namespace ringside::chaos
