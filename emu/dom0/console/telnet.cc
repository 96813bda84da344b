// Telnet: commands, options, and the translation of bytes.
#include "emu/dom0/console/telnet.h"

#include <algorithm>
#include <utility>

namespace ringside::dom0 {

namespace {

// RFC 854.
constexpr std::uint8_t iac = 255;
constexpr std::uint8_t dont = 254;
constexpr std::uint8_t do_ = 253;
constexpr std::uint8_t wont = 252;
constexpr std::uint8_t will = 251;
constexpr std::uint8_t subnegotiation_begin = 250;
constexpr std::uint8_t erase_line = 248;
constexpr std::uint8_t erase_character = 247;
constexpr std::uint8_t are_you_there = 246;
constexpr std::uint8_t interrupt_process = 244;
constexpr std::uint8_t subnegotiation_end = 240;
// RFC 1184.
constexpr std::uint8_t abort_process = 238;
constexpr std::uint8_t suspend_process = 237;
constexpr std::uint8_t end_of_file = 236;

// Options.
constexpr std::uint8_t binary = 0;             // RFC 856
constexpr std::uint8_t echo = 1;               // RFC 857
constexpr std::uint8_t suppress_go_ahead = 3;  // RFC 858
constexpr std::uint8_t window_size = 31;       // RFC 1073: NAWS
/// The highest number of an option that clients in use send first (NEW-ENVIRON, RFC 1572).
constexpr std::uint8_t option_max = 39;

constexpr std::size_t window_bytes = 4;

bool is_option_request(std::uint8_t command) {
  return command >= will && command <= dont;
}

/// Whether the bytes begin with commands, and one of these is an option request.
bool has_option_request(Bytes bytes) {
  while (bytes.size() >= 2 && bytes[0] == iac) {
    if (is_option_request(bytes[1])) return bytes.size() >= 3 && bytes[2] <= option_max;
    if (bytes[1] < end_of_file || bytes[1] >= subnegotiation_begin) return false;
    bytes = bytes.subspan(2);
  }
  return false;
}

/// The length of the character at the front in UTF-8; 0: it is no text, or it is not whole.
std::size_t text_bytes(Bytes bytes) {
  if (bytes.empty() || bytes[0] == 0) return 0;
  const std::size_t length = bytes[0] < 0x80                      ? 1
                             : bytes[0] < 0xc2 || bytes[0] > 0xf4 ? 0
                             : bytes[0] < 0xe0                    ? 2
                             : bytes[0] < 0xf0                    ? 3
                                                                  : 4;
  if (length > bytes.size()) return 0;
  const Bytes whole = bytes.first(length);
  const auto continues = [](std::uint8_t byte) { return (byte & 0xc0) == 0x80; };
  return length != 0 && std::all_of(whole.begin() + 1, whole.end(), continues) ? whole.size() : 0;
}

}  // namespace

FirstBytes first_bytes(Bytes read) {
  std::size_t at = 0;
  while (const std::size_t bytes = text_bytes(read.subspan(at))) at += bytes;
  if (at == read.size()) return {};
  const bool telnet = has_option_request(read.subspan(at));
  return {.telnet_at = telnet ? std::optional(at) : std::nullopt, .text = false};
}

Telnet::Telnet(Window window)
    : window_(std::move(window)),
      options_{{{.code = echo, .side = Side::server},
                {.code = suppress_go_ahead, .side = Side::server},
                {.code = suppress_go_ahead, .side = Side::client},
                {.code = binary, .side = Side::server},
                {.code = binary, .side = Side::client},
                {.code = window_size, .side = Side::client}}} {
  for (const Option& option : options_) say(option.side == Side::server ? will : do_, option.code);
}

void Telnet::say(std::uint8_t command, std::uint8_t code) {
  for (const std::uint8_t byte : {iac, command, code}) commands_ += static_cast<char>(byte);
}

Telnet::Option* Telnet::find(Side side, std::uint8_t code) {
  const auto found = std::find_if(options_.begin(), options_.end(),
                                  [&](const Option& each) { return each.side == side && each.code == code; });
  return found == options_.end() ? nullptr : &*found;
}

bool Telnet::is_on(Side side, std::uint8_t code) const {
  return std::any_of(options_.begin(), options_.end(),
                     [&](const Option& each) { return each.side == side && each.code == code && each.on; });
}

// -- from the client

std::size_t Telnet::take(std::span<std::uint8_t> bytes) {
  std::size_t kept = 0;
  std::string to_guest;
  for (const std::uint8_t byte : bytes) {
    switch (expects_) {
      case Expects::data: {
        const bool after_return = std::exchange(return_taken_, false);
        if (byte == iac) {
          expects_ = Expects::command;
          return_taken_ = after_return;
          break;
        }
        if (!is_on(Side::client, binary)) {
          // The return key is CR NUL or CR LF.
          if (after_return && (byte == '\0' || byte == '\n')) break;
          return_taken_ = byte == '\r';
        }
        bytes[kept++] = byte;
        break;
      }
      case Expects::command:
        to_guest.clear();
        take_command(byte, to_guest);
        for (const char each : to_guest) bytes[kept++] = static_cast<std::uint8_t>(each);
        return_taken_ = return_taken_ && to_guest.empty();
        break;
      case Expects::option:
        expects_ = Expects::data;
        take_option(byte);
        break;
      case Expects::subnegotiation:
        if (byte == iac) {
          expects_ = Expects::subnegotiation_command;
        } else if (subnegotiation_.size() <= 1 + window_bytes) {
          subnegotiation_ += static_cast<char>(byte);
        }
        break;
      case Expects::subnegotiation_command:
        expects_ = byte == subnegotiation_end ? Expects::data : Expects::subnegotiation;
        if (byte == subnegotiation_end) {
          take_subnegotiation();
        } else if (byte == iac && subnegotiation_.size() <= 1 + window_bytes) {
          subnegotiation_ += static_cast<char>(byte);
        }
        break;
    }
  }
  return kept;
}

/// `to_guest`: the key that a terminal sends for it. At most one byte, for the two bytes that were taken.
void Telnet::take_command(std::uint8_t command, std::string& to_guest) {
  expects_ = Expects::data;
  if (is_option_request(command)) {
    expects_ = Expects::option;
    command_ = command;
    return;
  }
  switch (command) {
    case iac:
      to_guest = '\xff';
      break;
    case subnegotiation_begin:
      expects_ = Expects::subnegotiation;
      subnegotiation_.clear();
      break;
    case interrupt_process:
      to_guest = '\x03';
      break;
    case erase_character:
      to_guest = '\x7f';
      break;
    case erase_line:
      to_guest = '\x15';
      break;
    case abort_process:
      to_guest = '\x1c';
      break;
    case suspend_process:
      to_guest = '\x1a';
      break;
    case end_of_file:
      to_guest = '\x04';
      break;
    case are_you_there:
      commands_ += "\r\n[yes]\r\n";
      break;
    default:
      break;  // a break, a mark, a no-op: no effect on a console
  }
}

/// An answer to our own request gets no answer, and neither does a request that changes nothing, so that the
/// two ends do not answer each other for ever.
void Telnet::take_option(std::uint8_t code) {
  const Side side = command_ == do_ || command_ == dont ? Side::server : Side::client;
  const bool wanted = command_ == do_ || command_ == will;
  const std::uint8_t yes = side == Side::server ? will : do_;
  const std::uint8_t no = side == Side::server ? wont : dont;
  Option* option = find(side, code);
  if (option == nullptr) {
    if (wanted) say(no, code);
    return;
  }
  const bool was_asked = std::exchange(option->asked, false);
  if (std::exchange(option->on, wanted) != wanted && !was_asked) say(wanted ? yes : no, code);
}

void Telnet::take_subnegotiation() {
  const auto word = [&](std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<std::uint8_t>(subnegotiation_[at]) << 8 |
                                      static_cast<std::uint8_t>(subnegotiation_[at + 1]));
  };
  if (subnegotiation_.size() != 1 + window_bytes || subnegotiation_[0] != window_size) return;
  const std::uint16_t columns = word(1);
  const std::uint16_t rows = word(3);
  if (rows != 0 && columns != 0) window_(rows, columns);  // 0: the client does not know
}

// -- to the client

std::string Telnet::encoded_byte(std::uint8_t byte, bool after_return) const {
  std::string bytes;
  if (after_return && byte != '\n' && !is_on(Side::server, binary)) bytes += '\0';
  bytes += static_cast<char>(byte);
  if (byte == iac) bytes += static_cast<char>(iac);
  return bytes;
}

std::string Telnet::encoded(Bytes output) const {
  std::string bytes;
  bytes.reserve(output.size() + output.size() / 8);
  bool after_return = return_written_;
  for (const std::uint8_t byte : output) {
    bytes += encoded_byte(byte, after_return);
    after_return = byte == '\r';
  }
  return bytes;
}

std::size_t Telnet::wrote(Bytes output, std::size_t written) {
  std::size_t taken = 0;
  while (written > 0) {
    const std::string bytes = encoded_byte(output[taken], return_written_);
    return_written_ = output[taken] == '\r';
    ++taken;
    commands_ += bytes.substr(std::min(written, bytes.size()));
    written -= std::min(written, bytes.size());
  }
  return taken;
}

}  // namespace ringside::dom0
