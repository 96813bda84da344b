// idle -> settling -> open -> left; then it is the old pty, and a new one replaces it.
#include "emu/dom0/xenctld/console_pty.h"

#include <array>
#include <utility>
#include <vector>

namespace ringside::dom0 {

namespace {

/// Reads that look for remaining input before a pty is closed.
constexpr int dropped_reads_max = 64;

/// Returns the number of bytes that had been typed there.
std::uint32_t drop_input(Host& host, const Handle& terminal) {
  std::uint32_t typed = 0;
  std::array<std::uint8_t, 4096> piece;
  for (int reads = 0; reads < dropped_reads_max; ++reads) {
    const Io io = host.read(terminal, piece);
    if (io.state != Io::State::moved) break;
    typed += static_cast<std::uint32_t>(io.bytes);
  }
  return typed;
}

}  // namespace

ConsolePty::ConsolePty(Host& host, trace::Journal journal, DomainId domain, std::string link, Events events)
    : host_(host), journal_(journal), domain_(domain), link_(std::move(link)), events_(std::move(events)) {}

ConsolePty::~ConsolePty() {
  end_settling();
  end_waiting();
  if (!closed_ && state_ != State::none) host_.link_remove(link_);
}

bool ConsolePty::has_unread() const {
  return state_ == State::open && host_.pty_has_unread(pty_.terminal);
}

bool ConsolePty::has_output_in_device() const {
  return state_ == State::open || state_ == State::left || old_has_output();
}

// -- readers

Result<> ConsolePty::make() {
  auto made = prepare();
  if (!made) return made.error();
  return use(std::move(made).value());
}

Result<> ConsolePty::renew() {
  auto made = prepare();
  if (!made) return made.error();
  drop();
  return use(std::move(made).value());
}

Result<Host::Pty> ConsolePty::prepare() {
  auto made = host_.pty_create();
  if (!made) return made.error();
  const auto notice = [this, number = made->terminal.number()] {
    if (number == pty_.terminal.number()) {
      changed();
    } else {
      stream_ready({true, true});
    }
  };
  if (auto watched = host_.pty_watch(made->terminal, notice); !watched) return watched.error();
  return made;
}

/// On failure the previous pty, if there is one, stays in use.
Result<> ConsolePty::use(Host::Pty pty) {
  if (auto published = host_.link_make(link_, pty.path); !published) return published.error();
  pty_ = std::move(pty);
  state_ = State::idle;
  interest_ = {};
  host_.watch(pty_.terminal, {}, [this](Ready what) { stream_ready(what); });
  journal_.told(domain_, trace::Fact::pty_made);
  return Done{};
}

void ConsolePty::changed() {
  const bool is_open = host_.pty_is_open(pty_.terminal);
  if (is_open && (state_ == State::idle || state_ == State::left)) {
    opened();
  } else if (!is_open) {
    // Also from idle: a reader opened and closed it between two looks, and may have typed.
    left();
  } else {
    return;
  }
  stream_ready({true, true});
}

void ConsolePty::opened() {
  state_ = State::settling;
  journal_.told(domain_, trace::Fact::pty_opened);
  settle_timer_ = host_.timer_start(pty_settle_delay, [this] {
    settle_timer_ = 0;
    state_ = State::open;
    stream_ready({true, true});
  });
}

void ConsolePty::left() {
  end_settling();
  journal_.told(domain_, trace::Fact::pty_closed);
  const bool was_left = std::exchange(state_, State::left) == State::left;
  may_ = {true, true};
  apply_interest();
  if (!closed_) {
    replace();
  } else if (!was_left) {
    events_.unread(host_.pty_take_back(pty_.terminal));
  }
}

/// A reader of the bytes that are being taken back would break their order. So the link moves to a new pty
/// first, and then a program that had already looked up the old link has a moment to open it.
void ConsolePty::replace() {
  if (old_) return;
  auto made = prepare();
  if (!made) return host_.warn(made.error().text() + "; the previous pty stays in use");
  Host::Pty before = std::move(pty_);
  if (auto used = use(std::move(made).value()); !used) {
    pty_ = std::move(before);
    return host_.warn(used.error().text() + "; the previous pty stays in use");
  }
  keep_for_late_readers(std::move(before));
}

void ConsolePty::keep_for_late_readers(Host::Pty pty) {
  old_ = Old{std::move(pty), host_.timer_start(pty_settle_delay, [this] { end_of_old(); })};
}

void ConsolePty::end_of_old() {
  old_->timer = 0;
  const bool new_one_used = has_reader() || host_.pty_is_open(pty_.terminal);
  if (!new_one_used && host_.pty_is_open(old_->pty.terminal) &&
      (closed_ || host_.link_make(link_, old_->pty.path).ok())) {
    // The old pty has a reader; the new one had none.
    std::swap(pty_, old_->pty);
    opened();
    keep_for_late_readers(std::move(old_->pty));
  } else {
    events_.unread(host_.pty_take_back(old_->pty.terminal));
  }
  stream_ready({true, true});
}

/// All input typed there has been read, and its output has been taken back: it is not needed any more.
void ConsolePty::forget_old() {
  old_.reset();
  if (state_ == State::left && !closed_) replace();
}

void ConsolePty::drop() {
  if (state_ == State::none) return;
  end_settling();
  if (!closed_) host_.link_remove(link_);
  std::vector<Host::Pty> all;
  if (old_) {
    end_waiting();
    all.push_back(std::move(old_->pty));
    old_.reset();
  }
  all.push_back(std::move(pty_));
  state_ = State::none;
  std::vector<std::uint8_t> unread;
  std::uint32_t typed = 0;
  for (const Host::Pty& pty : all) {
    const auto taken = host_.pty_take_back(pty.terminal);
    unread.insert(unread.end(), taken.begin(), taken.end());
    typed += drop_input(host_, pty.terminal);
  }
  events_.unread(unread);
  journal_.counted(domain_, trace::Counter::typed_bytes_lost, 0, typed);
  if (typed != 0) host_.warn(fmt::format("domain {}: {} bytes typed at its pty are lost", domain_, typed));
}

void ConsolePty::end_settling() {
  if (settle_timer_ != 0) host_.timer_cancel(std::exchange(settle_timer_, 0));
}

void ConsolePty::end_waiting() {
  if (old_has_output()) host_.timer_cancel(std::exchange(old_->timer, 0));
}

void ConsolePty::close() {
  if (std::exchange(closed_, true)) return;
  if (state_ != State::none) host_.link_remove(link_);
  // Its reader has left, and no other pty could be made in its place.
  if (state_ == State::left) events_.unread(host_.pty_take_back(pty_.terminal));
}

// -- bytes

void ConsolePty::stream_ready(Ready what) {
  may_.read = may_.read || what.read;
  may_.write = may_.write || what.write;
  events_.ready();
}

Io ConsolePty::write(Bytes bytes) {
  if (!may_.write || !takes_output()) return {};
  const Io io = host_.write(pty_.terminal, bytes);
  may_.write = io.state == Io::State::moved;
  if (io.state != Io::State::closed) return io;
  changed();
  return {};
}

Io ConsolePty::read(std::span<std::uint8_t> into) {
  if (!may_.read) return {};
  // Input typed there is older.
  while (old_) {
    const Io io = host_.read(old_->pty.terminal, into);
    if (io.state == Io::State::moved) return io;
    if (old_has_output()) break;
    forget_old();
  }
  if (state_ == State::none || state_ == State::idle) return {};
  const Io io = host_.read(pty_.terminal, into);
  if (io.state == Io::State::moved) return io;
  may_.read = false;
  if (io.state == Io::State::closed && state_ != State::left && !host_.pty_is_open(pty_.terminal)) left();
  return {};
}

void ConsolePty::want(Ready wanted) {
  wanted_ = wanted;
  apply_interest();
}

void ConsolePty::apply_interest() {
  const Ready interest{.read = has_reader() && wanted_.read, .write = takes_output() && wanted_.write};
  if (state_ == State::none || (interest.read == interest_.read && interest.write == interest_.write)) return;
  interest_ = interest;
  host_.watch_interest(pty_.terminal, interest);
}

}  // namespace ringside::dom0
