// Output: guest_request -> owed_ -> store -> viewer. Input: viewer -> store -> at most seven requests ->
// guest.
#include "emu/dom0/xend/xend_console.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace ringside::dom0 {

namespace {

/// A viewer is written to in pieces of up to the whole buffer; more come only when withheld output moves up.
constexpr int viewer_writes_per_turn_max = 16;
constexpr int discards_before_close_max = 16;
/// Output that is escaped at a time.
constexpr std::size_t telnet_piece_bytes_max = 4096;
/// Who makes telnet answer and does not read the answers is not read either.
constexpr std::size_t telnet_commands_bytes_max = 4096;

/// As a person types it, in ASCII.
bool is_text(Bytes bytes) {
  return std::none_of(bytes.begin(), bytes.end(),
                      [](std::uint8_t byte) { return byte == 0 || byte >= 0x80; });
}

}  // namespace

XendConsole::XendConsole(Host& host, trace::Journal journal, DomainId domain, ConsoleStore store,
                         ConsoleWire wire)
    : host_(host),
      journal_(journal),
      domain_(domain),
      wire_(std::move(wire)),
      tcp_(host, [this](Handle stream) { welcome(std::move(stream), Speaks::either); }),
      telnet_listener_(host, [this](Handle stream) { welcome(std::move(stream), Speaks::telnet); }),
      local_(host, [this](Handle stream) { welcome(std::move(stream), Speaks::bytes); }),
      store_(std::move(store)),
      to_resend_(store_.input_in_flight()) {}

Result<Host::TcpListener> XendConsole::listen_on(std::uint16_t port, std::string_view what) {
  auto listener = host_.listen_tcp(port);
  if (listener) return listener;
  Error error = listener.error();
  error.object = fmt::format("{} port {} of the console of domain {}", what, port, domain_);
  error.advice = "start the machine with another --console-port-base; 0 takes any free port";
  return error;
}

Result<> XendConsole::listen(std::uint16_t tcp_port, const std::string& directory) {
  RS_CHECK(status() == Status::fresh);
  auto tcp = listen_on(store_.port() != 0 ? store_.port() : tcp_port, "TCP");
  if (!tcp) return tcp.error();
  const bool fixed = tcp_port != 0 && tcp_port <= 65'535 - console_telnet_offset;
  const std::uint16_t telnet_port = fixed ? static_cast<std::uint16_t>(tcp_port + console_telnet_offset) : 0;
  auto telnet = listen_on(store_.telnet_port() != 0 ? store_.telnet_port() : telnet_port, "telnet");
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
  journal_.told(domain_, fmt::format("console listening on port {}", tcp_port_));
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

// -- the guest's side

void XendConsole::guest_request(const ring::ControlMessage& request, std::uint32_t number) {
  const auto same = [number](const Owed& owed) { return owed.number == number; };
  if (wire_.numbers() && std::any_of(owed_.begin(), owed_.end(), same)) return;
  if (owed_.size() == console_owed_max) {
    // A ring holds no more: whoever sends this has left the protocol, and what it says has no slot to be
    // answered in.
    journal_.refused(domain_, trace::actor(trace::Role::xcs),
                     "more than 8 unanswered requests of one domain");
    return;
  }
  owed_.push_back({request, number, false});
  answer_owed();
}

void XendConsole::answer_owed() {
  bool output_waits = false;
  std::size_t kept = 0;
  for (std::size_t at = 0; at < owed_.size(); ++at) {
    Owed request = owed_[at];
    // After the end nobody waits for answers, and the bytes are wanted all the same.
    bool answerable = finished_ || wire_.has_room();
    if (answerable && ring::is_console_data(request.message) && !request.kept) {
      answerable = request.kept = !output_waits && keep_output(request);
    }
    if (!answerable || (answers_withheld_ && !finished_)) {
      // Output stays in order among itself; other kinds do not wait for it.
      output_waits = output_waits || (ring::is_console_data(request.message) && !request.kept);
      owed_[kept++] = request;
    } else if (wire_.has_room()) {
      // The answer is the request itself, in its full length, as xend always gave it.
      wire_.send(XCS_RESPONSE, request.message, request.number);
    }
  }
  owed_.resize(kept);
  if (owed_.empty() && last_words_due_) say_last_words();
}

void XendConsole::say_last_words() {
  if (is_read() && store_.output_room() < last_words_.size()) return;
  last_words_due_ = false;
  (void)store_.output_take({reinterpret_cast<const std::uint8_t*>(last_words_.data()), last_words_.size()},
                           std::nullopt);
}

bool XendConsole::keep_output(const Owed& request) {
  // Only its answer was lost on the way.
  if (wire_.numbers() && store_.output_known(request.number)) return true;
  const Bytes bytes = request.message.payload();
  if (is_read() && store_.output_room() < bytes.size()) return false;
  const auto before = static_cast<std::uint32_t>(discarded_bytes());
  store_.output_take(bytes, wire_.numbers() ? std::optional<ring::Index>(request.number) : std::nullopt);
  journal_.counted(domain_, "console bytes discarded", before, static_cast<std::uint32_t>(discarded_bytes()));
  return true;
}

void XendConsole::guest_response(std::uint32_t number) {
  store_.input_answered(wire_.numbers() ? number : 0);
  to_resend_ = std::min(to_resend_, store_.input_in_flight());
}

void XendConsole::settle() {
  if (is_read() && !blocked_) write_viewer();
  // After the end nobody takes what it has typed.
  if (deaf_ && finished_) release_viewer("left");
  send_input();
  if (viewer_.valid()) update_interest();
}

void XendConsole::wire_ready() {
  answer_owed();
  settle();
}

void XendConsole::wire_lost() {
  to_resend_ = store_.input_in_flight();
  // What was not answered is still in the guest's ring, and comes again from whoever serves that ring next.
  owed_.clear();
}

void XendConsole::withhold_answers(bool withhold) {
  answers_withheld_ = withhold;
  if (withhold) return;
  answer_owed();
  settle();
  wire_.flush();
}

void XendConsole::hold_input(bool hold) {
  input_held_ = hold;
  if (!hold) send_input();
}

void XendConsole::finish(std::string last_words) {
  if (finished_) return;
  finished_ = true;
  last_words_ = std::move(last_words);
  // An earlier daemon may have written them already: then they are kept, and no viewer has read them.
  last_words_due_ = !last_words_.empty() && !store_.output_ends_with(last_words_);
  store_.input_end(journal_, domain_);
  to_resend_ = 0;
  answer_owed();
  settle();
}

void XendConsole::send_away() {
  if (viewer_.valid()) release_viewer("was sent away");
  settle();
}

void XendConsole::close() {
  if (!tcp_.open()) return;
  tcp_.close();
  telnet_listener_.close();
  local_.close();
  journal_.told(domain_, "console closed");
}

void XendConsole::send_input() {
  if (finished_ || input_held_) return;
  resend_input();
  while (to_resend_ == 0 && store_.input_sendable() && wire_.has_room()) {
    const ConsoleStore::Input input = store_.input_send();
    wire_.send(XCS_REQUEST, input.message, input.tag);
  }
}

/// What may have got lost with an xcs: the next one knows what it has already.
void XendConsole::resend_input() {
  if (to_resend_ == 0 || !wire_.has_room()) return;
  if (!wire_.numbers()) {
    // This one does not, and twice is worse than not at all.
    host_.warn(fmt::format("domain {}: {} pieces of input may be lost with the xcs that had them", domain_,
                           to_resend_));
    for (; to_resend_ > 0; --to_resend_) store_.input_answered(0);
    return;
  }
  for (; to_resend_ > 0 && wire_.has_room(); --to_resend_) {
    const ConsoleStore::Input input = store_.input_sent(store_.input_in_flight() - to_resend_);
    wire_.send(XCS_REQUEST, input.message, input.tag);
  }
}

// -- the viewer's side

void XendConsole::welcome(Handle stream, Speaks speaks) {
  if (viewer_.valid()) return turn_away(std::move(stream));
  viewer_ = std::move(stream);
  telnet_.reset();
  if (speaks == Speaks::telnet) telnet_.emplace(wire_.window);
  may_begin_telnet_ = speaks == Speaks::either;
  ++viewers_;
  blocked_ = deaf_ = false;
  interest_ = {};
  journal_.told(domain_, fmt::format("console connected: viewer {}", viewers_));
  host_.watch(viewer_, interest_, [this](Ready ready) { viewer_ready(ready); });
  if (finished_ && store_.output_bytes() == 0 && !last_words_.empty()) say_last_words();
  settle();
  wire_.flush();
}

void XendConsole::turn_away(Handle stream) {
  const std::string text = fmt::format("Cannot connect to console {} on domain {}\n", tcp_port_, domain_);
  // One write: a connection this young has room for a line, and nobody waits for it if it has not.
  (void)host_.write(stream, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  journal_.refused(domain_, trace::actor(trace::Role::client, viewers_ + 1),
                   "the console has a viewer already");
}

void XendConsole::viewer_ready(Ready ready) {
  if (ready.write) blocked_ = false;
  if (ready.read) read_viewer();
  settle();
  wire_.flush();
}

void XendConsole::read_viewer() {
  if (!takes_input()) return;
  std::array<std::uint8_t, console_input_bytes_max> bytes;
  const Io io = host_.read(viewer_, std::span(bytes).first(store_.input_room()));
  if (io.state == Io::State::closed) return release_viewer("left");
  // After the end input has nowhere to go, but is taken: a connection closed on unread bytes is reset, and a
  // reset may overtake the last output.
  if (io.state == Io::State::blocked || finished_) return;
  std::span<std::uint8_t> came = std::span(bytes).first(io.bytes);
  if (may_begin_telnet_ && begins_telnet(came)) telnet_.emplace(wire_.window);
  // Once telnet, or a stream of any bytes, for good.
  may_begin_telnet_ = may_begin_telnet_ && !telnet_ && is_text(came);
  if (telnet_) came = came.first(telnet_->take(came));
  if (telnet_ && deaf_) telnet_->commands().clear();
  // The journal hears of it from who gave it, if that is one of ours, and when it goes on in a frame.
  if (wire_.unlimited) return send_at_once(came);
  store_.input_take(came);
}

void XendConsole::send_at_once(Bytes bytes) {
  journal_.quirk(domain_, Quirk::xend_no_input_limit);
  while (!bytes.empty() && wire_.has_room()) {
    const auto message = ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, bytes);
    wire_.send(XCS_REQUEST, message, 0);
    bytes = bytes.subspan(message.length);
  }
}

/// To the end, or until the viewer takes no more.
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

/// Answers how many bytes of output were written, however many they became on the way.
Io XendConsole::write_output() {
  const Io::State state = write_commands();
  if (state != Io::State::moved) return {.state = state, .bytes = 0};
  if (!telnet_) return host_.write(viewer_, store_.output_front());
  const Bytes piece =
      store_.output_front().first(std::min(store_.output_front().size(), telnet_piece_bytes_max));
  const std::string bytes = telnet_->encoded(piece);
  Io io = host_.write(viewer_, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  if (io.state == Io::State::moved) io.bytes = telnet_->wrote(piece, io.bytes);
  return io;
}

void XendConsole::write_viewer() {
  for (int writes = 0; writes < viewer_writes_per_turn_max && store_.output_bytes() > 0; ++writes) {
    store_.output_offer(store_.output_front().size());
    const auto moment = journal_.moment();
    const Io io = write_output();
    if (io.state != Io::State::moved) store_.output_offer(0);
    if (io.state == Io::State::closed) return viewer_stopped_reading();
    blocked_ = io.state == Io::State::blocked;
    if (blocked_) return;
    journal_.bytes_passed(domain_, viewer_actor(), store_.output_front().first(io.bytes), moment);
    store_.output_drop(io.bytes);
    // There is room now for what was withheld.
    answer_owed();
  }
  const Io::State state = write_commands();
  if (state == Io::State::closed) return viewer_stopped_reading();
  blocked_ = state == Io::State::blocked;
  if (finished_ && store_.output_bytes() == 0 && !blocked_) {
    for (int reads = 0; viewer_.valid() && reads < discards_before_close_max; ++reads) {
      std::array<std::uint8_t, console_input_bytes_max> unread;
      if (host_.read(viewer_, unread).state != Io::State::moved) break;
    }
    release_viewer("has seen the end");
  }
}

/// What the viewer has typed is still taken. Output is kept as without a viewer.
void XendConsole::viewer_stopped_reading() {
  deaf_ = true;
  blocked_ = false;
  if (telnet_) telnet_->commands().clear();
  answer_owed();
}

void XendConsole::release_viewer(std::string_view why) {
  viewer_.close();
  blocked_ = deaf_ = false;
  journal_.told(domain_, fmt::format("console viewer {} {}", viewers_, why));
  // With nobody there, room is made by discarding: nothing is withheld any longer.
  answer_owed();
  wire_.left();
}

bool XendConsole::takes_input() const {
  const bool answers_wait = telnet_ && telnet_->commands().size() > telnet_commands_bytes_max;
  return store_.input_room() > 0 && !answers_wait;
}

void XendConsole::update_interest() {
  const Ready wanted{.read = takes_input(), .write = !deaf_ && (blocked_ || store_.output_bytes() > 0)};
  if (wanted.read == interest_.read && wanted.write == interest_.write) return;
  interest_ = wanted;
  host_.watch_interest(viewer_, wanted);
}

}  // namespace ringside::dom0
