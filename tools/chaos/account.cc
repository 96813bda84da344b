// Compares streams byte by byte.
#include "tools/chaos/account.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "emu/trace/text.h"

namespace ringside::chaos {

namespace {

/// The most bytes of the message that dom0 adds to the console of a crashed domain. They may be counted as
/// unread, too.
constexpr std::size_t crash_notice_bytes_max = 128;
/// A number and a space.
constexpr std::size_t token_bytes = 8;
/// This many bytes determine their position: they contain at least one whole number.
constexpr std::size_t certain_bytes = 2 * token_bytes;

std::string quoted(std::string_view text) {
  return trace::quoted({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

char printed_at(std::uint64_t at) {
  const std::size_t digit = at % token_bytes;
  if (digit == token_bytes - 1) return ' ';
  const std::uint64_t number = at / token_bytes;
  return "0123456789abcdef"[number >> 4 * (token_bytes - 2 - digit) & 15];
}

bool is_printed_at(std::string_view piece, std::uint64_t at) {
  for (std::size_t i = 0; i < piece.size(); ++i) {
    if (printed_at(at + i) != piece[i]) return false;
  }
  return true;
}

/// Whether the viewer was refused because another one was connected.
bool was_refused(const ViewerRecord& viewer) {
  return viewer.saw.starts_with("Cannot connect to console");
}

/// The console of a crashed domain ends with a message about the crash, on its own line and once for each
/// viewer. It is removed here.
std::string_view without_crash_notice(std::string_view text) {
  return text.substr(0, text.find("\r\n[ringside] "));
}

std::string output_mistake(const Account& account) {
  const std::string_view handed = without_crash_notice(account.handed);
  std::uint64_t at = 0;
  std::uint64_t missing = 0;
  for (std::size_t i = 0; i < handed.size();) {
    if (at < account.printed && printed_at(at) == handed[i]) {
      ++at;
      ++i;
      continue;
    }
    const std::string_view piece = handed.substr(i, certain_bytes);
    std::uint64_t next = at;
    while (next + piece.size() <= account.printed && !is_printed_at(piece, next)) ++next;
    if (next + piece.size() > account.printed)
      return fmt::format("printed byte {} should be next, but the daemon sent viewers {}", at,
                         quoted(handed.substr(i)));
    missing += next - at;
    at = next;
  }
  missing += account.printed - at;
  const std::uint64_t counted = account.discarded + account.unread;
  if (missing == counted ||
      (account.fate == DomainOutcome::cut && missing + crash_notice_bytes_max > counted))
    return {};
  return fmt::format(
      "of {} printed bytes {} were sent to viewers, {} were counted as discarded, {} as unread",
      account.printed, account.printed - missing, account.discarded, account.unread);
}

/// Viewers must have seen all bytes that were sent to them, except those lost with a connection.
std::string viewer_error(const Account& account) {
  const std::string_view handed = without_crash_notice(account.handed);
  std::size_t at = 0;
  bool gap = false;
  for (const ViewerRecord& viewer : account.viewers) {
    if (was_refused(viewer)) continue;
    const std::string_view saw = without_crash_notice(viewer.saw);
    // After a gap, a few bytes may fit at several places. The last viewer saw the end.
    const bool at_end = gap && &viewer == &account.viewers.back() && handed.substr(at).ends_with(saw);
    const std::size_t found = at_end ? handed.size() - saw.size() : gap ? handed.find(saw, at) : at;
    if (found == std::string_view::npos || handed.substr(found, saw.size()) != saw)
      return fmt::format("viewer {} saw {}, but was sent {}", viewer.connection, quoted(saw),
                         quoted(handed.substr(std::min(at, handed.size()))));
    at = found + saw.size();
    gap = (gap && saw.empty()) || viewer.output_lost;
  }
  if (at == handed.size() || gap) return {};
  return fmt::format("{} bytes were sent to a viewer that did not see them: {}", handed.size() - at,
                     quoted(handed.substr(at)));
}

/// The length of the common prefix of `reading` and `text`.
std::size_t common_bytes(std::string_view reading, std::string_view text) {
  const auto end = std::mismatch(reading.begin(), reading.end(), text.begin(), text.end());
  return static_cast<std::size_t>(end.first - reading.begin());
}

std::string input_mistake(const Account& account) {
  std::string_view rest = account.read;
  // Some refused viewers left before they received the refusal.
  auto untold = account.refused_viewers -
                static_cast<std::uint64_t>(std::ranges::count_if(account.viewers, was_refused));
  for (const ViewerRecord& viewer : account.viewers) {
    const std::size_t common = common_bytes(rest, viewer.typed);
    // All typed texts are alike up to the number of their connection. The bytes are this viewer's only if
    // they contain that number, or if the next byte begins another text or is missing.
    const bool named = common == viewer.typed.size() && viewer.typed.find(':') != std::string::npos;
    const bool its = named || common == rest.size() || rest[common] == '<';
    const std::size_t read = its ? common : 0;
    rest.remove_prefix(read);
    const bool may_miss = viewer.input_lost || was_refused(viewer) || account.fate != DomainOutcome::lives;
    if (read == viewer.typed.size() || may_miss) continue;
    if (read == 0 && viewer.left && viewer.saw.empty() && untold > 0)
      --untold;
    else
      return fmt::format("viewer {} typed {} bytes, and the program read {} of them; then it read {}",
                         viewer.connection, viewer.typed.size(), read, quoted(rest));
  }
  if (rest.empty()) return {};
  return fmt::format("the program read bytes that were not typed there: {}", quoted(rest));
}

/// All viewers together, one after another, against what was printed.
std::string seen_mistake(Account account) {
  account.handed.clear();
  for (const ViewerRecord& viewer : account.viewers) account.handed += viewer.saw;
  return output_mistake(account);
}

}  // namespace

std::string printed_text(std::uint64_t from, std::size_t count) {
  std::string text(count, ' ');
  for (std::size_t i = 0; i < count; ++i) text[i] = printed_at(from + i);
  return text;
}

std::string typed_text(std::uint32_t connection, std::uint64_t from, std::size_t count) {
  const std::string begin = fmt::format("<{}:", connection);
  std::string text;
  for (std::uint64_t at = from; at < from + count; ++at)
    text += at < begin.size() ? begin[at] : printed_at(at - begin.size());
  return text;
}

std::string mistake_in(const Account& account) {
  if (account.pty_stays) {
    const std::string mistake = seen_mistake(account);
    return mistake.empty() ? input_mistake(account) : mistake;
  }
  if (std::string mistake = output_mistake(account); !mistake.empty()) return mistake;
  if (std::string mistake = viewer_error(account); !mistake.empty()) return mistake;
  return input_mistake(account);
}

std::string mistake_in(Account account, const trace::Flow& flow, std::uint32_t domain) {
  const trace::FlowTotals up = flow.totals(domain, false);
  const trace::FlowTotals down = flow.totals(domain, true);
  account.discarded = up.lost(trace::Loss::discarded);
  account.unread = up.lost(trace::Loss::unread);
  if (account.pty_stays) {
    account.discarded += up.lost(trace::Loss::with_daemon);
    account.unread += up.lost(trace::Loss::with_viewer) + up.lost(trace::Loss::ended);
  }
  if (std::string mistake = mistake_in(account); !mistake.empty()) return mistake;
  std::uint64_t saw = 0;
  std::uint64_t typed = 0;
  for (const ViewerRecord& viewer : account.viewers) {
    saw += viewer.saw.size();
    typed += viewer.typed.size();
  }
  const std::uint64_t read = account.read.size();
  const bool lives = account.fate == DomainOutcome::lives;
  if (up.delivered != saw) return fmt::format("viewers saw {} bytes, the journal has {}", saw, up.delivered);
  if (down.said != typed) return fmt::format("{} bytes were typed, the journal has {}", typed, down.said);
  // A program that ends leaves bytes in its terminal.
  if (down.delivered < read || (lives && down.delivered != read))
    return fmt::format("the program read {} bytes, the journal has {}", read, down.delivered);
  const std::uint64_t under_way = flow.queued(domain, false) + flow.queued(domain, true);
  if (lives && under_way != 0)
    return fmt::format("the machine is at rest, but in the journal {} bytes are still on their way",
                       under_way);
  const std::vector<std::string> imbalances = flow.imbalances();
  return imbalances.empty() ? std::string() : imbalances.front();
}

}  // namespace ringside::chaos
