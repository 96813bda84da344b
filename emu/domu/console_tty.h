// The guest's console driver: between the program's terminal and the control channel.
//
// There is one per guest, owned by the domain, on the host's one thread; it owns the terminal. Both
// directions use back-pressure and lose nothing: the program's output is read only while the transmit buffer
// has room, and an input message is answered only when the terminal has taken all its bytes, so that at most
// the ring's 8 messages wait here, and 8 more after a suspension. Only the kernel's own messages are dropped
// when the buffer is full, and counted.
//
// It does not translate or edit: the terminal's line discipline does that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>

#include "emu/base/byte_queue.h"
#include "emu/domu/ctrl_if.h"
#include "emu/domu/guest_console.h"
#include "emu/domu/guest_terminal.h"

namespace ringside::domu {

inline constexpr std::size_t transmit_buffer_bytes_default = 4096;
inline constexpr std::size_t transmit_buffer_bytes_min = 2;
inline constexpr std::size_t transmit_buffer_bytes_max = std::size_t{1} << 20;
/// Input messages that may wait for the terminal. At most 8 requests are unanswered; as many again may have
/// been answered early, before the page was given up.
inline constexpr std::size_t input_messages_max = 2 * ring::slots_per_ring;

class ConsoleTty final : public GuestConsole {
 public:
  struct Setup {
    /// The size of the buffer that kernel messages and the program share; rounded up to a power of two.
    std::size_t buffer_bytes = transmit_buffer_bytes_default;
    /// Called after reads or writes of the terminal that did not happen within CtrlIf::serve(). May be empty.
    std::function<void()> terminal_moved;
    Quirks quirks = {};  ///< kcons_lfcr
  };

  /// It is the receiver of CMSG_CONSOLE while it lives.
  ConsoleTty(Host& host, trace::Journal journal, DomainId domain, CtrlIf& ctrl_if, Setup setup);
  ~ConsoleTty() override;
  ConsoleTty(const ConsoleTty&) = delete;
  ConsoleTty& operator=(const ConsoleTty&) = delete;

  // -- output

  /// Prints a kernel message: each '\n' becomes CR LF. The buffer's last byte stays free; what does not fit
  /// is dropped and counted.
  void print(std::string_view text) override;
  /// Takes output of the tty, as much as fits. Returns how many bytes.
  std::size_t write(Bytes bytes);
  /// Bytes that wait for room in the ring.
  [[nodiscard]] std::size_t buffered_bytes() const { return transmit_.size(); }

  // -- flow control of a tty that has IXOFF

  void set_ixoff(bool on) { ixoff_ = on; }
  /// The tty's input is filling up: asks the user to stop typing, with a message of its own before all other
  /// output.
  void throttle() { send_flow_character(xoff); }
  /// There is room again.
  void unthrottle() { send_flow_character(xon); }

  // -- the terminal

  /// Starts reading the program's output and writing typed input.
  void open(Handle terminal) override;
  void resize(std::uint16_t rows, std::uint16_t columns) override { terminal_.resize(rows, columns); }
  /// The program reads no more input: waiting and later input is answered, dropped and counted. Output
  /// continues until the terminal is closed.
  void hang_up_input() override;
  /// Writes the input that has arrived to the terminal. Call it after each CtrlIf::serve, in the same batch:
  /// input is collected until then, so that it takes one write.
  void deliver_input();

  // -- suspension

  /// Stops (or resumes) putting output into the ring. Meanwhile output waits in the buffer; when it is full,
  /// the program blocks.
  void hold_output(bool hold);
  /// True when answer_all() may be called: this bounds the input kept here, however often a guest is
  /// suspended.
  [[nodiscard]] bool can_answer_all() const { return input_.size() <= ring::slots_per_ring; }
  /// Answers every input message before the terminal has taken its bytes; the bytes stay here.
  void answer_all();

  /// True when no output is left: the terminal is not open (never opened, or closed and read to its end), and
  /// the buffer is empty.
  [[nodiscard]] bool output_ended() const override {
    return transmit_.empty() && !flow_character_ && terminal_.state() != GuestTerminal::State::open;
  }

  [[nodiscard]] std::uint32_t dropped_message_bytes() const { return dropped_message_bytes_; }
  [[nodiscard]] std::uint32_t dropped_input_bytes() const { return dropped_input_bytes_; }

  static constexpr std::uint8_t xon = 0x11;
  static constexpr std::uint8_t xoff = 0x13;

 private:
  struct Input {
    ring::ControlMessage message;
    std::optional<Request> request;  ///< answered when its bytes are taken; empty if it was answered before
    std::size_t taken_bytes = 0;     ///< how much of its payload the terminal has taken
  };

  void received(Request request);
  void space_in_ring();
  void terminal_ready(Ready ready);
  void read_terminal();
  void input_taken(std::size_t bytes);
  void drop_input();
  void flush();
  void record_added(std::size_t before);
  std::size_t print_lf_cr(std::string_view text);
  [[nodiscard]] bool send_chunk(Bytes chunk);
  void send_flow_character(std::uint8_t character);
  void update_watch();
  void drop_input(std::size_t bytes);
  void count_dropped(trace::Counter counter, std::uint32_t& total, std::size_t bytes);

  trace::Journal journal_;
  DomainId domain_;
  CtrlIf& ctrl_if_;
  std::function<void()> terminal_moved_;
  Quirks quirks_;

  ByteQueue transmit_;
  std::optional<std::uint8_t> flow_character_;  ///< is sent before the contents of transmit_
  bool ixoff_ = false;
  bool waiting_for_space_ = false;
  bool output_held_ = false;
  std::uint32_t dropped_message_bytes_ = 0;

  GuestTerminal terminal_;
  bool read_wanted_ = false;  ///< transmit_ has been half empty since it was last full

  std::deque<Input> input_;  ///< oldest first
  std::uint32_t dropped_input_bytes_ = 0;
};

}  // namespace ringside::domu
