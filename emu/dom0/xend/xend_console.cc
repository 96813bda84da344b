// The listeners, and the viewer's input and output.
#include "emu/dom0/xend/xend_console.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace ringside::dom0 {

namespace {

constexpr int discards_before_close_max = 16;
/// Output that is escaped at a time.
constexpr std::size_t telnet_piece_bytes_max = 4096;
/// A viewer that causes telnet answers and does not read them is not read either.
constexpr std::size_t telnet_commands_bytes_max = 4096;

}  // namespace

XendConsole::XendConsole(Host& host, trace::Journal journal, DomainId domain, ConsoleStore store,
                         ConsoleGuest guest, XendViewers viewers)
    : Console(host, journal, domain, std::move(store), std::move(guest)),
      options_(std::move(viewers)),
      tcp_(host, [this](Handle stream) { welcome(std::move(stream), Speaks::either); }),
      telnet_listener_(host, [this](Handle stream) { welcome(std::move(stream), Speaks::telnet); }),
      local_(host, [this](Handle stream) { welcome(std::move(stream), Speaks::bytes); }) {}

Result<Host::TcpListener> XendConsole::listen_on(std::uint16_t before, std::uint16_t port,
                                                 std::string_view what) {
  auto listener = host_.listen_tcp(before != 0 ? before : port);
  if (listener) return listener;
  Error error = listener.error();
  if (before != 0 && error.code == EADDRINUSE) {
    listener = host_.listen_tcp(0);
    if (!listener) return listener;
    host_.warn(fmt::format("domain {}: another program has {} port {}: its console has port {} now", domain_,
                           what, before, listener->port));
    return listener;
  }
  error.object = fmt::format("{} port {} of the console of domain {}", what, port, domain_);
  error.advice = "start the machine with another --console-port-base; 0 takes any free port";
  return error;
}

Result<> XendConsole::listen(std::uint16_t tcp_port, const std::string& directory) {
  RS_CHECK(status() == Status::fresh);
  auto tcp = listen_on(store_.port(), tcp_port, "TCP");
  if (!tcp) return tcp.error();
  const bool fixed = tcp_port != 0 && tcp_port <= 65'535 - console_telnet_offset;
  const std::uint16_t telnet_port = fixed ? static_cast<std::uint16_t>(tcp_port + console_telnet_offset) : 0;
  auto telnet = listen_on(store_.telnet_port(), telnet_port, "telnet");
  if (!telnet) return telnet.error();
  std::string path = fmt::format("{}/console-{}", directory, tcp->port);
  auto local = host_.listen_local(path);
  if (!local) return local.error();
  tcp_port_ = tcp->port;
  store_.set_port(tcp_port_);
  telnet_port_ = telnet->port;
  store_.set_telnet_port(telnet_port_);
  path_ = std::move(path);
  tcp_.start(std::move(tcp->handle));
  telnet_listener_.start(std::move(telnet->handle));
  local_.start(std::move(local).value());
  journal_.told(domain_, trace::Fact::console_listens, {tcp_port_});
  return Done{};
}

XendConsole::Status XendConsole::status() const {
  if (viewer_.valid()) return Status::connected;
  if (tcp_.open()) return Status::listening;
  return tcp_port_ == 0 ? Status::fresh : Status::closed;
}

std::string_view XendConsole::status_name() const {
  switch (status()) {
    case Status::fresh:
      return "new";
    case Status::listening:
      return "listening";
    case Status::connected:
      return "connected";
    case Status::closed:
      return "closed";
  }
  return "";
}

bool XendConsole::must_wait(std::size_t bytes) const {
  return has_reader() && store_.output_room() < bytes;
}

void XendConsole::settle() {
  if (has_reader() && !blocked_) write_viewer();
  // After the end there is no guest that could take the input.
  if (output_closed_ && finished()) release_viewer(trace::Fact::viewer_left);
  send_input();
  if (viewer_.valid()) update_interest();
}

void XendConsole::disconnect_viewer() {
  if (viewer_.valid()) release_viewer(trace::Fact::viewer_sent_away);
  settle();
}

Result<> XendConsole::ask(const Dom0Request& request) {
  if (request.verb != Dom0Request::Verb::take) {
    return Error{ENOTSUP, "this machine runs xcs and xend; files are attached under xenctld", "", "",
                 "ringside up --dom0 xenctld"};
  }
  disconnect_viewer();
  return Done{};
}

void XendConsole::close() {
  if (!tcp_.open()) return;
  tcp_.close();
  telnet_listener_.close();
  local_.close();
  journal_.told(domain_, trace::Fact::console_closed);
}

// -- events of the viewer

void XendConsole::welcome(Handle stream, Speaks speaks) {
  if (viewer_.valid()) return refuse_viewer(std::move(stream));
  viewer_ = std::move(stream);
  telnet_.reset();
  if (speaks == Speaks::telnet) telnet_.emplace(options_.window);
  may_begin_telnet_ = speaks == Speaks::either;
  ++viewers_;
  blocked_ = output_closed_ = false;
  interest_ = {};
  journal_.told(domain_, trace::Fact::viewer_came, {viewers_});
  host_.watch(viewer_, interest_, [this](Ready ready) { viewer_ready(ready); });
  repeat_crash_notice();
  settle();
  guest_.flush();
}

void XendConsole::refuse_viewer(Handle stream) {
  const std::string text = fmt::format("Cannot connect to console {} on domain {}\n", tcp_port_, domain_);
  Bytes rest{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  // The viewer may report the line before this process does.
  const auto moment = journal_.moment();
  // A new connection has room for a line. If it does not, the rest of the line is dropped.
  while (!rest.empty()) {
    const Io io = host_.write(stream, rest);
    if (io.state != Io::State::moved) break;
    rest = rest.subspan(io.bytes);
  }
  journal_.refused(domain_, trace::actor(trace::Role::client, viewers_ + 1), trace::Refusal::viewer_there,
                   {static_cast<std::uint32_t>(text.size() - rest.size())}, {}, moment);
}

void XendConsole::viewer_ready(Ready ready) {
  if (ready.write) blocked_ = false;
  if (ready.read) read_viewer();
  settle();
  guest_.flush();
}

void XendConsole::read_viewer() {
  if (!takes_input()) return;
  std::array<std::uint8_t, console_input_bytes_max> bytes;
  const Io io = host_.read(viewer_, std::span(bytes).first(store_.input_room()));
  if (io.state == Io::State::closed) return release_viewer(trace::Fact::viewer_left);
  // After the end input has no destination, but it is read: a connection that is closed with unread bytes is
  // reset, and a reset may overtake the last output.
  if (io.state == Io::State::blocked || finished()) return;
  std::span<std::uint8_t> came = std::span(bytes).first(io.bytes);
  std::size_t raw = telnet_ ? 0 : came.size();
  if (may_begin_telnet_) {
    const FirstBytes first = first_bytes(came);
    if (first.telnet_at) {
      telnet_.emplace(options_.window);
      raw = *first.telnet_at;
    }
    // Once it speaks telnet, or has sent arbitrary bytes, the mode is final.
    may_begin_telnet_ = first.text;
  }
  if (telnet_) came = came.first(raw + telnet_->take(came.subspan(raw)));
  if (telnet_ && output_closed_) telnet_->commands().clear();
  // These bytes need no journal entry here: a sender that is a part of ringside has reported them, and the
  // frame that carries them will be reported.
  if (options_.unlimited) return send_at_once(came);
  store_.input_take(came);
}

void XendConsole::send_at_once(Bytes bytes) {
  journal_.quirk(domain_, Quirk::xend_no_input_limit);
  while (!bytes.empty() && guest_.has_room()) {
    const auto message = ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, bytes);
    if (guest_.send(message, 0) == ConsoleGuest::Sent::full) return;
    bytes = bytes.subspan(message.length);
  }
}

/// Writes the commands until none is left or the viewer takes no more.
Io::State XendConsole::write_commands() {
  while (commands_wait()) {
    std::string& commands = telnet_->commands();
    const Io io =
        host_.write(viewer_, {reinterpret_cast<const std::uint8_t*>(commands.data()), commands.size()});
    if (io.state != Io::State::moved) return io.state;
    commands.erase(0, io.bytes);
  }
  return Io::State::moved;
}

/// Returns how many bytes of output were written, before escaping.
Io XendConsole::write_output(Bytes bytes) {
  const Io::State state = write_commands();
  if (state != Io::State::moved) return {.state = state, .bytes = 0};
  if (!telnet_) return host_.write(viewer_, bytes);
  const Bytes piece = bytes.first(std::min(bytes.size(), telnet_piece_bytes_max));
  const std::string encoded = telnet_->encoded(piece);
  Io io = host_.write(viewer_, {reinterpret_cast<const std::uint8_t*>(encoded.data()), encoded.size()});
  if (io.state == Io::State::moved) io.bytes = telnet_->wrote(piece, io.bytes);
  return io;
}

void XendConsole::write_viewer() {
  const Io::State delivered = deliver([this](Bytes bytes) { return write_output(bytes); }, viewer_actor());
  if (delivered == Io::State::closed) return viewer_stopped_reading();
  blocked_ = delivered == Io::State::blocked;
  if (blocked_) return;
  const Io::State state = write_commands();
  if (state == Io::State::closed) return viewer_stopped_reading();
  blocked_ = state == Io::State::blocked;
  if (finished() && store_.output_bytes() == 0 && !blocked_) {
    for (int reads = 0; viewer_.valid() && reads < discards_before_close_max; ++reads) {
      std::array<std::uint8_t, console_input_bytes_max> unread;
      if (host_.read(viewer_, unread).state != Io::State::moved) break;
    }
    release_viewer(trace::Fact::viewer_saw_end);
  }
}

/// The viewer's input is still taken. Output is kept as without a viewer.
void XendConsole::viewer_stopped_reading() {
  output_closed_ = true;
  blocked_ = false;
  if (telnet_) telnet_->commands().clear();
  answer_owed();
}

void XendConsole::release_viewer(trace::Fact why) {
  viewer_.close();
  blocked_ = output_closed_ = false;
  journal_.told(domain_, why, {viewers_});
  // Without a viewer, discarding makes room, so no answer is withheld.
  answer_owed();
  guest_.reader_left();
}

bool XendConsole::takes_input() const {
  const bool answers_wait = telnet_ && telnet_->commands().size() > telnet_commands_bytes_max;
  return store_.input_room() > 0 && !answers_wait;
}

void XendConsole::update_interest() {
  const Ready wanted{.read = takes_input(),
                     .write = !output_closed_ && (blocked_ || store_.output_bytes() > 0)};
  if (wanted.read == interest_.read && wanted.write == interest_.write) return;
  interest_ = wanted;
  host_.watch_interest(viewer_, wanted);
}

}  // namespace ringside::dom0
