// The bytes of a console that must survive its daemon: output that was not read, input that the guest has not
// answered, and the position in each. They are in a file that the daemon maps (Host::memory_keep), and the
// next daemon continues from it.
//
// One per console, owned by it. Each call below that changes something is a commit: a process killed between
// any two instructions leaves either the state before the call or the state after it. A commit writes queue
// bytes where the committed state has none, then the new state beside the old one, and then one word that
// makes the new state valid.
//
// Output is numbered by the ring index of the request that brought it, so that a repeated request is
// recognised. Input is numbered by tags, which go with the requests, so that the owner of the ring recognises
// repeated input (Channel). The console decides what to keep, discard or send; the store does not.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emu/base/byte_queue.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "ring/index.h"
#include "ring/message.h"

namespace ringside::dom0 {

/// Input taken from a viewer while the guest is busy, including unanswered input; when it is full, the viewer
/// waits.
inline constexpr std::size_t console_input_bytes_max = 4096;
/// Unanswered input requests. One less than the ring holds, so that a request of another kind still finds a
/// slot.
inline constexpr unsigned console_input_window = 7;

class ConsoleStore {
 public:
  struct Shape {
    std::size_t output_bytes_max;
    /// The most output that one call adds.
    std::size_t output_step_bytes_max = 4096;
  };

  /// For the domain whose shared_info has that frame number: as the last daemon left it, or empty when the
  /// file belongs to another domain, is new or makes no sense.
  [[nodiscard]] static Result<ConsoleStore> make(Host& host, const std::string& path, const Shape& shape,
                                                 std::uint32_t frame);
  /// The name of the file that keeps a domain's console.
  [[nodiscard]] static std::string file_name(DomainId domain);

  /// The store that a dead daemon left for that domain, unless it had given the console up.
  [[nodiscard]] static std::optional<ConsoleStore> find(Host& host, const std::string& path,
                                                        const Shape& shape, std::uint32_t frame);

  /// The actions for a domain that ended while no daemon was running.
  struct Gone {
    /// Counts the bytes of output that are kept elsewhere and were never here, and removes them there.
    std::function<std::size_t(DomainId, const ConsoleStore&)> elsewhere;
    std::function<void(DomainId)> removed;
  };
  /// For domains that ended while no daemon was running (`all` are those that exist): counts their bytes in
  /// the journal, and removes their files in `directory`.
  static void clean_up_gone(Host& host, trace::Journal& journal, const std::vector<DomainInfo>& all,
                            const Shape& shape, const std::string& directory, const Gone& gone);

  /// The domain is about to get another frame, with the contents of its rings. If the daemon dies before
  /// moved(), find() takes any frame for the new one.
  void moves();
  /// The domain has this frame now.
  void moved(std::uint32_t frame);
  /// The next daemon does not take over this console unless it is asked to. Its contents stay until then.
  void give_up();
  [[nodiscard]] bool given_up() const { return header_->given_up != 0; }

  /// A number for the owner's use; 0 at first.
  [[nodiscard]] std::uint16_t port() const { return header_->port; }
  void set_port(std::uint16_t port) { header_->port = port; }
  /// A second such number.
  [[nodiscard]] std::uint16_t telnet_port() const { return header_->telnet_port; }
  void set_telnet_port(std::uint16_t port) { header_->telnet_port = port; }

  // -- output
  [[nodiscard]] std::size_t output_bytes() const { return output_.size(); }
  [[nodiscard]] std::size_t output_room() const {
    return output_.size() < shape_.output_bytes_max ? shape_.output_bytes_max - output_.size() : 0;
  }
  [[nodiscard]] std::uint64_t output_discarded() const { return state_.output_discarded; }
  /// The oldest bytes that are contiguous.
  [[nodiscard]] Bytes output_front() const { return output_.front(); }
  /// True if the newest bytes are these.
  [[nodiscard]] bool output_ends_with(std::string_view text) const;
  /// True if the request at that ring index was here before: it is not above the last one. `under_way_max`:
  /// how many requests before the last one may come again.
  [[nodiscard]] bool output_known(ring::Index index,
                                  std::uint32_t under_way_max = ring::slots_per_ring) const;
  /// Adds the output of the request at `index`, and discards the oldest bytes beyond the maximum. Returns the
  /// number of discarded bytes. `index` is empty if the bytes come from elsewhere. `beyond_limit`: the last
  /// output of a domain may exceed the maximum, by less than `output_step_bytes_max`.
  std::size_t output_take(Bytes bytes, std::optional<ring::Index> index, bool beyond_limit = false);
  void output_drop(std::size_t bytes);
  /// The oldest `count` bytes are about to be handed to a reader; output_drop() says how many it took. A
  /// daemon that dies in between leaves this unknown to the next one.
  void output_offer(std::size_t bytes);
  /// Reports if an earlier daemon died at that point: the bytes will be handed to a reader again.
  void warn_of_repeat(Host& host, trace::Journal journal, DomainId domain);
  /// Puts back the bytes that were dropped last.
  void output_return(Bytes bytes);

  // -- input
  [[nodiscard]] std::size_t input_room() const { return input_.room(); }
  void input_take(Bytes bytes);
  struct Input {
    std::uint32_t tag;  ///< never 0
    ring::ControlMessage message;
  };
  /// True if there are unsent bytes, and fewer than console_input_window requests are in flight.
  [[nodiscard]] bool input_sendable() const;
  /// The next request, in flight from now on. Precondition: input_sendable().
  Input input_send();
  [[nodiscard]] unsigned input_in_flight() const { return state_.in_flight; }
  /// Returns the request in flight at position `place` again.
  [[nodiscard]] Input input_sent(unsigned place) const;
  /// The guest has answered the request with that tag, and so all earlier ones; 0 = the oldest in flight.
  /// Does nothing when there is none.
  void input_answered(std::uint32_t tag);
  /// For the journal: the bytes not yet sent, those sent and not answered, and the tag of the first of those.
  [[nodiscard]] trace::Values input_kept() const;
  // -- the end of the domain: bytes lost with it are counted in the journal
  /// No input will be taken any more.
  void input_end(trace::Journal& journal, DomainId domain);
  /// No output will be read any more. `more` bytes were lost before they reached the store. Does nothing for
  /// a console that was given up.
  void output_end(trace::Journal& journal, DomainId domain, std::size_t more = 0) const;

 private:
  struct State {
    std::uint64_t output_first = 0;
    std::uint64_t output_size = 0;
    std::uint64_t output_discarded = 0;
    std::uint64_t output_offered = 0;
    std::uint64_t input_first = 0;
    std::uint64_t input_size = 0;
    std::uint32_t output_next = 0;  ///< the index of the request after the last one taken
    std::uint32_t output_seen = 0;  ///< 1 once there was one
    std::uint32_t next_tag = 1;
    std::uint32_t in_flight = 0;
    std::uint8_t lengths[8] = {};  ///< of the requests in flight, oldest first
  };
  struct Header {
    std::uint32_t magic;
    std::uint32_t frame;
    std::uint32_t active;  ///< which of `states` is valid
    std::uint32_t given_up;
    std::uint16_t port;
    std::uint16_t telnet_port;
    std::uint16_t moves;  ///< not 0: `frame` may be the previous one
    std::uint16_t reserved[5];
    State states[2];
  };

  ConsoleStore(Mapping memory, const Shape& shape, const State& state);
  [[nodiscard]] static bool count_and_remove(Host& host, trace::Journal& journal, const std::string& path,
                                             const Shape& shape, DomainId domain, const Gone& gone);
  [[nodiscard]] static std::size_t file_bytes(const Shape& shape);
  [[nodiscard]] static std::optional<State> valid_state(const Mapping& memory, const Shape& shape,
                                                        std::uint32_t frame);
  [[nodiscard]] std::size_t in_flight_bytes(unsigned requests) const;
  [[nodiscard]] Input input_at(std::size_t offset, std::size_t bytes, std::uint32_t tag) const;
  void commit();

  Mapping memory_;
  Shape shape_;
  Header* header_;
  State state_;
  ByteQueue output_;
  ByteQueue input_;
};

}  // namespace ringside::dom0
