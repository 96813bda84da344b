// What a console must not lose when its daemon dies: output that nobody has read, input that the guest has
// not answered, and how far each had come. It lies in a file that the daemon maps (Host::memory_keep), and
// the next daemon goes on where this one stopped.
//
// One per console, owned by it. Each call below that changes something is a commit: a process killed between
// any two instructions leaves either the state before the call or the one after it. The bytes of the queues
// are written where the committed state has none, then the new state beside the old one, and one store of one
// word makes it the valid one.
//
// Output is numbered by the ring index of the request that brought it, so that a request that comes again is
// known. Input is numbered by tags, which go with the requests, so that whoever has the ring knows them again
// (Channel). It decides nothing: what is kept, discarded or sent is the console's business.
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

/// Input taken from a viewer while the guest is busy, what it has not answered included; beyond it whoever
/// types has to wait.
inline constexpr std::size_t console_input_bytes_max = 4096;
/// Input requests that the guest has not answered. One less than the ring holds, so that another kind of
/// request still finds a slot.
inline constexpr unsigned console_input_window = 7;

class ConsoleStore {
 public:
  struct Shape {
    std::size_t output_bytes_max;
    /// The most that one call adds to the output.
    std::size_t output_step_bytes_max = 4096;
  };

  /// For the domain whose shared_info has that frame number: as it was left, or empty when the file is
  /// another domain's, is new or makes no sense.
  [[nodiscard]] static Result<ConsoleStore> make(Host& host, const std::string& path, const Shape& shape,
                                                 std::uint32_t frame);
  /// What a daemon that died has left for that domain, unless it had given the console up.
  [[nodiscard]] static std::optional<ConsoleStore> find(Host& host, const std::string& path,
                                                        const Shape& shape, std::uint32_t frame);

  /// What was kept for domains that ended while no daemon was there, `all` being those that there are: counts
  /// it in the journal, removes the files, and calls `buried` for each.
  static void bury_gone(Host& host, trace::Journal& journal, const std::vector<DomainInfo>& all,
                        const Shape& shape, const std::function<std::string(DomainId)>& path_of,
                        const std::function<void(DomainId)>& buried);

  /// The domain is about to get another frame, with all that its rings hold. If the daemon dies before
  /// moved(), find() takes any frame for the new one.
  void moves();
  /// The domain has this frame now.
  void moved(std::uint32_t frame);
  /// Nobody is to take this console up by itself. What it holds stays for who asks for it.
  void give_up();
  [[nodiscard]] bool given_up() const { return header_->given_up != 0; }

  /// A number of the owner's; 0 at first.
  [[nodiscard]] std::uint16_t port() const { return header_->port; }
  void set_port(std::uint16_t port) { header_->port = port; }
  /// Another one.
  [[nodiscard]] std::uint16_t telnet_port() const { return header_->telnet_port; }
  void set_telnet_port(std::uint16_t port) { header_->telnet_port = port; }

  // -- output
  [[nodiscard]] std::size_t output_bytes() const { return output_.size(); }
  [[nodiscard]] std::size_t output_room() const {
    return output_.size() < shape_.output_bytes_max ? shape_.output_bytes_max - output_.size() : 0;
  }
  [[nodiscard]] std::uint64_t output_discarded() const { return state_.output_discarded; }
  /// The oldest bytes that lie in one piece.
  [[nodiscard]] Bytes output_front() const { return output_.front(); }
  /// Whether the newest bytes are these.
  [[nodiscard]] bool output_ends_with(std::string_view text) const;
  /// Was the request at that ring index here before? So it was if it is not above the last one.
  [[nodiscard]] bool output_known(ring::Index index) const;
  /// Adds what the request at `index` brought, and discards the oldest bytes beyond the maximum. Answers how
  /// many those were. Nothing for `index`: the bytes came from elsewhere.
  std::size_t output_take(Bytes bytes, std::optional<ring::Index> index);
  void output_drop(std::size_t bytes);
  /// The oldest so many are about to be handed to somebody; output_drop() says how many were. A daemon that
  /// dies in between leaves the next one not knowing.
  void output_offer(std::size_t bytes);
  /// Says so, if an earlier daemon has died there: the bytes will be handed to somebody once more.
  void warn_of_repeat(Host& host, trace::Journal journal, DomainId domain);
  /// Puts back what had been dropped last.
  void output_return(Bytes bytes);

  // -- input
  [[nodiscard]] std::size_t input_room() const { return input_.room(); }
  void input_take(Bytes bytes);
  struct Input {
    std::uint32_t tag;  ///< never 0
    ring::ControlMessage message;
  };
  /// There are bytes that were never sent, and fewer than console_input_window requests are in flight.
  [[nodiscard]] bool input_sendable() const;
  /// The next request: from here on it is in flight. Precondition: input_sendable().
  Input input_send();
  [[nodiscard]] unsigned input_in_flight() const { return state_.in_flight; }
  /// Once more the one that is in flight behind `place` others.
  [[nodiscard]] Input input_sent(unsigned place) const;
  /// The guest has answered the one with that tag, and so those before it; 0 = the oldest one in flight.
  /// Nothing happens when there is none.
  void input_answered(std::uint32_t tag);
  // -- the end of the domain: what goes with it is counted in the journal
  /// Nobody will take input any more.
  void input_end(trace::Journal& journal, DomainId domain);
  /// Nobody will read output any more. Nothing goes of a console that was given up.
  void output_end(trace::Journal& journal, DomainId domain) const;

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
    std::uint16_t moves;  ///< not 0: `frame` may be the one before
    std::uint16_t reserved[5];
    State states[2];
  };

  ConsoleStore(Mapping memory, const Shape& shape, const State& state);
  [[nodiscard]] static bool bury(Host& host, trace::Journal& journal, const std::string& path,
                                 const Shape& shape, DomainId domain);
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
