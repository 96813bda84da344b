// The console driver of a guest of today (hvc, in Linux): between the program's terminal and the byte rings
// that it shares with xenconsoled.
//
// There is one per guest, owned by the domain, on the host's one thread; it owns the terminal. Neither
// direction loses a byte: the program's output is read only while the ring `out` has room, and input stays in
// the ring `in` until the terminal has taken it. There is no buffer but the rings; only kernel messages wait
// here when `out` is full, and the program's output waits behind them.
//
// xenconsoled reports nothing to the journal. So the journal has what the guest does, and, as found, what
// xenconsoled has done since the guest last looked: it has moved out_cons, or written bytes and moved
// in_prod.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "emu/domu/guest_console.h"
#include "emu/domu/guest_terminal.h"
#include "ring/byte_ring.h"
#include "ring/channel_words.h"

namespace ringside::domu {

class HvcTty final : public GuestConsole {
 public:
  struct Setup {
    std::byte* rings;              ///< the frame of the byte rings
    ring::ChannelWords* words;     ///< in the domain's shared_info frame: counts lost input
    std::function<void()> notify;  ///< sends an event to xenconsoled
    /// Called after reads or writes of the terminal that did not happen within serve(). May be empty.
    std::function<void()> terminal_moved;
  };

  /// Both frames must outlive it.
  HvcTty(Host& host, trace::Journal journal, DomainId domain, Setup setup);
  HvcTty(const HvcTty&) = delete;
  HvcTty& operator=(const HvcTty&) = delete;

  void print(std::string_view text) override;
  void open(Handle terminal) override;
  void resize(std::uint16_t rows, std::uint16_t columns) override { terminal_.resize(rows, columns); }
  void hang_up_input() override;
  /// xenconsoled has also taken all bytes: what is in the rings of a domain that has ended is lost.
  [[nodiscard]] bool output_ended() const override;

  /// After an event: moves what can be moved, in both directions.
  void serve();

 private:
  void terminal_ready(Ready ready);
  void move_output();
  void read_terminal();
  void move_input();
  void drop_input();
  void put(Bytes bytes);
  [[nodiscard]] std::optional<std::size_t> room();
  [[nodiscard]] std::optional<std::size_t> input_bytes();
  void report_input(std::size_t waiting);
  void take(std::size_t bytes);
  void check_indices();
  void announce();
  void update_watch();

  trace::Journal journal_;
  DomainId domain_;
  Setup setup_;
  ring::ByteFront<> front_;
  GuestTerminal terminal_;
  std::string messages_;           ///< of the kernel, not in the ring yet
  bool moved_ = false;             ///< an index has moved since the last event
  bool indices_reported_ = false;  ///< that xenconsoled's index is impossible
  // What the journal has of xenconsoled's indices, and of the bytes before in_prod.
  ring::Index reported_out_cons_;
  ring::Index reported_in_prod_;
  ring::Index reported_input_end_;
  std::uint32_t dropped_input_bytes_ = 0;
};

}  // namespace ringside::domu
