// The states of the console, and the bytes to and from it.
#include "tools/watch/web_keyboard.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "emu/trace/text.h"

namespace ringside::tools {

using trace::Fact;
using trace::Role;

namespace {

/// xend's first words to a second viewer.
constexpr std::string_view refusal_begins = "Cannot connect to console ";

/// The console may be free after these.
constexpr Fact freeing[] = {Fact::viewer_left,     Fact::viewer_saw_end,  Fact::console_listens,
                            Fact::console_adopted, Fact::console_resumed, Fact::pty_made,
                            Fact::pty_closed,      Fact::file_detached};

}  // namespace

WebKeyboard::WebKeyboard(Host& host, trace::Journal journal, Console console, Line line, Life life,
                         std::function<void(const std::string&)> changed)
    : host_(host),
      journal_(journal),
      console_(std::move(console)),
      changed_(std::move(changed)),
      line_(line),
      life_(life),
      typed_(web_typed_waiting_bytes_max) {}

void WebKeyboard::use() {
  if (!std::exchange(used_, true) && line_ == Line::open) open();
}

void WebKeyboard::set(Line line, Life life) {
  const std::string before = why();
  line_ = line;
  life_ = life;
  if (line_ != Line::open) stream_.close();
  if (const std::string now = why(); now != before) changed_(now);
}

void WebKeyboard::open() {
  if (stream_.valid() || line_ == Line::none || has_ended(life_)) return;
  if (!used_) return set(Line::open, life_);
  const auto stream = [this]() -> Result<Handle> {
    if (!console_.pty) return host_.connect_local(console_.path);
    auto terminal = host_.file_open(console_.path, Host::FileUse::output);
    if (!terminal) return terminal.error();
    return std::move(terminal->handle);
  };
  auto opened = stream();
  if (!opened) return set(Line::silent, life_);
  stream_ = std::move(*opened);
  first_read_ = true;
  host_.watch(stream_, {.read = true, .write = !typed_.empty()}, [this](Ready now) { ready(now); });
  set(Line::open, life_);
}

void WebKeyboard::take(const trace::Entry& entry) {
  if (entry.domain != console_.domain) return;
  if (const auto life = life_after(entry)) return set(line_, *life);
  const bool daemon = entry.actor.role == Role::xend || entry.actor.role == Role::xenctld;
  if (entry.kind != trace::Kind::told || !daemon) return;
  const Fact fact = trace::fact_of(entry);
  // The connection may have ended before this entry is read, but its end does not tell why.
  if (fact == Fact::viewer_sent_away && used_ && (line_ == Line::open || line_ == Line::silent))
    return set(Line::taken, life_);
  if (fact == Fact::file_attached) return set(Line::to_file, life_);
  if (std::ranges::find(freeing, fact) != std::end(freeing)) open();
}

void WebKeyboard::renew(Life life) {
  set(line_, life);
  open();
}

std::string WebKeyboard::type(Bytes bytes) {
  use();
  if (line_ == Line::taken) {
    // The other viewer may not have connected. Requests the console again; the user sees the answer.
    std::string was = why();
    open();
    return was;
  }
  if (line_ != Line::open || has_ended(life_)) return why();
  if (bytes.size() > typed_.room())
    return fmt::format("{} typed bytes wait: the guest takes none", typed_.size());
  typed_.push(bytes);
  write();
  return "";
}

std::string WebKeyboard::why() const {
  const auto& [domain, name, path, pty, daemon] = console_;
  if (has_ended(life_)) return fmt::format("{} has ended", name);
  switch (line_) {
    case Line::open:
      break;
    case Line::viewed:
      return "another viewer has this console; it comes back here when that viewer leaves";
    case Line::taken:
      return "another viewer has taken this console; it comes back here when that viewer leaves";
    case Line::to_file:
      return fmt::format("this console is attached to a file; `ringside detach {}` returns it", name);
    case Line::silent:
      if (daemon.role == Role::xenconsoled) return "xenconsoled has closed the pty of this console";
      return fmt::format("{} serves no console here; this page tries again when it does",
                         trace::actor_name(daemon));
    case Line::none:
      return "dom0 keeps no console for this domain";
  }
  if (life_ == Life::paused)
    return fmt::format("{} is paused: what you type waits for `ringside unpause {}`", name, name);
  if (life_ == Life::suspended)
    return fmt::format("{} is suspended: what you type waits for `ringside resume {}`", name, name);
  return "";
}

void WebKeyboard::ready(Ready now) {
  if (now.write) write();
  if (now.read && stream_.valid()) read();
}

void WebKeyboard::read() {
  std::array<std::uint8_t, 16'384> bytes;
  const auto moment = journal_.moment();
  const Io io = host_.read(stream_, bytes);
  if (io.state == Io::State::closed) return set(Line::silent, life_);
  const Bytes came = std::span(bytes).first(io.bytes);
  const std::string_view text(reinterpret_cast<const char*>(came.data()), came.size());
  if (std::exchange(first_read_, came.empty() && first_read_) && text.starts_with(refusal_begins))
    return set(Line::viewed, life_);
  journal_.bytes_passed(console_.domain, trace::actor(Role::user), came, moment);
}

void WebKeyboard::write() {
  while (!typed_.empty()) {
    const auto moment = journal_.moment();
    const Io io = host_.write(stream_, typed_.front());
    if (io.state != Io::State::moved) break;
    journal_.as(trace::actor(Role::user))
        .bytes_passed(console_.domain, console_.daemon, typed_.front().first(io.bytes), moment);
    typed_.drop(io.bytes);
  }
  host_.watch_interest(stream_, {.read = true, .write = !typed_.empty()});
}

}  // namespace ringside::tools
