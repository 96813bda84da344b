// A pty: idle -> settling -> open -> left, and then old, with a new one in its place. A file: from attach to
// detach, or until its other end is gone.
#include "emu/dom0/console_device.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace ringside::dom0 {

namespace {

/// Reads that look for forgotten input, or for what a pipe still holds, before it is left behind.
constexpr int last_reads_max = 64;

bool differs(Ready one, Ready other) {
  return one.read != other.read || one.write != other.write;
}

}  // namespace

ConsoleDevice::ConsoleDevice(Host& host, trace::Journal journal, DomainId domain, std::string link,
                             Events events)
    : host_(host), journal_(journal), domain_(domain), link_(std::move(link)), events_(std::move(events)) {}

ConsoleDevice::~ConsoleDevice() {
  end_settling();
  if (old_ && old_->timer != 0) host_.timer_cancel(old_->timer);
  if (!closed_ && pty_state_ != Pty::none) host_.link_remove(link_);
}

ConsoleDevice::Status ConsoleDevice::status() const {
  if (file_) return Status::attached;
  return has_reader() ? Status::connected : Status::waiting;
}

std::string_view ConsoleDevice::status_name() const {
  switch (status()) {
    case Status::waiting:
      return "waiting";
    case Status::connected:
      return "connected";
    case Status::attached:
      return "attached";
  }
  return "";
}

bool ConsoleDevice::has_reader() const {
  return file_ || pty_state_ == Pty::settling || pty_state_ == Pty::open;
}

bool ConsoleDevice::has_unread() const {
  return pty_state_ == Pty::open && host_.pty_has_unread(pty_.terminal);
}

bool ConsoleDevice::has_lent() const {
  if (file_) return file_->kind == Host::FileKind::pipe;
  return pty_state_ == Pty::open || pty_state_ == Pty::left || old_has_output();
}

bool ConsoleDevice::old_has_output() const {
  return old_ && old_->timer != 0;
}

bool ConsoleDevice::pty_takes_output() const {
  return pty_state_ == Pty::open && !old_has_output();
}

// -- the pty

Result<> ConsoleDevice::start() {
  return make_pty();
}

Result<> ConsoleDevice::make_pty() {
  auto made = prepare_pty();
  if (!made) return made.error();
  return use_pty(std::move(made).value());
}

Result<Host::Pty> ConsoleDevice::prepare_pty() {
  auto made = host_.pty_create();
  if (!made) return made.error();
  const auto changed = [this, number = made->terminal.number()] {
    if (number == pty_.terminal.number()) {
      pty_changed();
    } else {
      stream_ready({true, true});
    }
  };
  if (auto watched = host_.pty_watch(made->terminal, changed); !watched) return watched.error();
  return made;
}

/// On failure the pty of before, if there is one, stays in charge.
Result<> ConsoleDevice::use_pty(Host::Pty pty) {
  if (auto published = host_.link_make(link_, pty.path); !published) return published.error();
  pty_ = std::move(pty);
  pty_state_ = Pty::idle;
  pty_interest_ = {};
  host_.watch(pty_.terminal, {}, [this](Ready what) { stream_ready(what); });
  journal_.told(domain_, "console on a new pty");
  return Done{};
}

void ConsoleDevice::pty_changed() {
  const bool is_open = host_.pty_is_open(pty_.terminal);
  if (is_open && (pty_state_ == Pty::idle || pty_state_ == Pty::left)) {
    pty_opened();
  } else if (!is_open) {
    // Also from idle: he came and went between two looks, and may have typed.
    pty_left();
  } else {
    return;
  }
  stream_ready({true, true});
}

void ConsoleDevice::pty_opened() {
  pty_state_ = Pty::settling;
  journal_.told(domain_, "console pty opened");
  settle_timer_ = host_.timer_start(device_settle_delay, [this] {
    settle_timer_ = 0;
    pty_state_ = Pty::open;
    stream_ready({true, true});
  });
}

void ConsoleDevice::pty_left() {
  end_settling();
  journal_.told(domain_, "console pty closed by its reader");
  const bool was_left = std::exchange(pty_state_, Pty::left) == Pty::left;
  may_ = {true, true};
  apply_interest();
  if (!closed_) {
    replace_pty();
  } else if (!was_left) {
    give_back(host_.pty_take_back(pty_.terminal));
  }
}

/// Who reads what is being taken back would break its order. So the link goes to a new pty first, and then
/// whoever was on his way to the old one has a moment to arrive.
void ConsoleDevice::replace_pty() {
  if (old_) return;
  auto made = prepare_pty();
  if (!made) return host_.warn(made.error().text() + "; the pty of before goes on");
  Host::Pty before = std::move(pty_);
  if (auto used = use_pty(std::move(made).value()); !used) {
    pty_ = std::move(before);
    return host_.warn(used.error().text() + "; the pty of before goes on");
  }
  await_latecomers(std::move(before));
}

void ConsoleDevice::await_latecomers(Host::Pty pty) {
  old_ = OldPty{std::move(pty), host_.timer_start(device_settle_delay, [this] { end_of_old_pty(); })};
}

void ConsoleDevice::end_of_old_pty() {
  old_->timer = 0;
  const bool new_one_used = has_reader() || host_.pty_is_open(pty_.terminal);
  if (!new_one_used && host_.pty_is_open(old_->pty.terminal) &&
      (closed_ || host_.link_make(link_, old_->pty.path).ok())) {
    // It is the one that has a reader; the new one was for nobody.
    std::swap(pty_, old_->pty);
    pty_opened();
    await_latecomers(std::move(old_->pty));
  } else {
    give_back(host_.pty_take_back(old_->pty.terminal));
  }
  stream_ready({true, true});
}

/// All that was typed there has been read, and its output is back: it is of no use to anybody.
void ConsoleDevice::forget_old_pty() {
  old_.reset();
  if (pty_state_ == Pty::left && !closed_) replace_pty();
}

void ConsoleDevice::drop_ptys() {
  if (pty_state_ == Pty::none) return;
  end_settling();
  if (!closed_) host_.link_remove(link_);
  std::vector<Host::Pty> all;
  if (old_) {
    if (old_->timer != 0) host_.timer_cancel(old_->timer);
    all.push_back(std::move(old_->pty));
    old_.reset();
  }
  all.push_back(std::move(pty_));
  pty_state_ = Pty::none;
  std::vector<std::uint8_t> unread;
  std::uint32_t typed = 0;
  for (const Host::Pty& pty : all) {
    const auto taken = host_.pty_take_back(pty.terminal);
    unread.insert(unread.end(), taken.begin(), taken.end());
    typed += drop_input(pty.terminal);
  }
  give_back(unread);
  journal_.counted(domain_, "typed bytes lost", 0, typed);
  if (typed != 0) host_.warn(fmt::format("domain {}: {} bytes typed at its pty are lost", domain_, typed));
}

/// Returns how many bytes had been typed there.
std::uint32_t ConsoleDevice::drop_input(const Handle& terminal) {
  std::uint32_t typed = 0;
  std::array<std::uint8_t, 4096> piece;
  for (int reads = 0; reads < last_reads_max; ++reads) {
    const Io io = host_.read(terminal, piece);
    if (io.state != Io::State::moved) break;
    typed += static_cast<std::uint32_t>(io.bytes);
  }
  return typed;
}

void ConsoleDevice::end_settling() {
  if (settle_timer_ != 0) host_.timer_cancel(std::exchange(settle_timer_, 0));
}

void ConsoleDevice::give_back(Bytes unread) {
  if (!unread.empty()) journal_.told(domain_, fmt::format("{} bytes come back unread", unread.size()));
  const std::size_t excess = unread.size() - std::min(unread.size(), device_unread_bytes_max);
  if (excess != 0) {
    host_.warn(fmt::format("domain {}: {} bytes of output that came back are lost", domain_, excess));
    unread = unread.subspan(excess);
  }
  events_.unread(unread);
}

// -- a file

Result<> ConsoleDevice::attach(const std::string& path, const std::string& input_path) {
  auto opened = host_.file_open(path, Host::FileUse::output);
  if (!opened) return opened.error();
  File file{path, std::move(opened->handle), opened->kind, {}, {}, false};
  if (!input_path.empty()) {
    auto input = host_.file_open(input_path, Host::FileUse::input);
    if (!input) return input.error();
    file.input = std::move(input->handle);
  }
  drop_file();
  drop_ptys();
  file_ = std::move(file);
  journal_.told(domain_, "console attached to a file");
  may_ = {true, true};
  watch_file();
  return Done{};
}

Result<> ConsoleDevice::detach() {
  if (!file_ && pty_state_ != Pty::none)
    return Error{ENOENT, "cannot detach", fmt::format("domain {}", domain_), "no file is attached", ""};
  if (auto made = make_pty(); !made) return made;
  drop_file();
  return Done{};
}

const Handle& ConsoleDevice::file_input() const {
  return file_->kind == Host::FileKind::terminal && !file_->input.valid() ? file_->handle : file_->input;
}

void ConsoleDevice::watch_file() {
  host_.watch(file_->handle, {}, [this](Ready what) { stream_ready(what); });
  if (file_->input.valid()) host_.watch(file_->input, {}, [this](Ready what) { stream_ready(what); });
  apply_interest();
}

void ConsoleDevice::drop_file() {
  if (!file_) return;
  File file = std::move(*file_);
  file_.reset();
  journal_.told(domain_, "console detached from a file");
  std::vector<std::uint8_t> unread(file.kind == Host::FileKind::pipe ? device_unread_bytes_max : 0);
  std::size_t count = 0;
  for (int reads = 0; reads < last_reads_max && count < unread.size(); ++reads) {
    const Io io = host_.read(file.handle, std::span(unread).subspan(count));
    if (io.state != Io::State::moved) break;
    count += io.bytes;
  }
  give_back(Bytes(unread).first(count));
}

void ConsoleDevice::lost_file(std::string_view why) {
  host_.warn(fmt::format("domain {} is detached from {}: {}", domain_, file_->path, why));
  drop_file();
  if (closed_) return;
  if (auto made = make_pty(); !made) host_.warn(made.error().text() + "; attach a file again");
}

// -- bytes

void ConsoleDevice::stream_ready(Ready what) {
  may_.read = may_.read || what.read;
  may_.write = may_.write || what.write;
  events_.ready();
}

Io ConsoleDevice::write(Bytes bytes) {
  if (!may_.write || (!file_ && !pty_takes_output())) return {};
  const Io io = host_.write(file_ ? file_->handle : pty_.terminal, bytes);
  may_.write = io.state == Io::State::moved;
  if (io.state != Io::State::closed) return io;
  if (file_) {
    lost_file("it takes no more");
  } else {
    pty_changed();
  }
  return {};
}

Io ConsoleDevice::read(std::span<std::uint8_t> into) {
  if (!may_.read) return {};
  if (file_) return read_file(into);
  // What was typed there was typed earlier.
  while (old_) {
    const Io io = host_.read(old_->pty.terminal, into);
    if (io.state == Io::State::moved) return io;
    if (old_has_output()) break;
    forget_old_pty();
  }
  if (pty_state_ == Pty::none || pty_state_ == Pty::idle) return {};
  const Io io = host_.read(pty_.terminal, into);
  if (io.state == Io::State::moved) return io;
  may_.read = false;
  if (io.state == Io::State::closed && pty_state_ != Pty::left && !host_.pty_is_open(pty_.terminal))
    pty_left();
  return {};
}

Io ConsoleDevice::read_file(std::span<std::uint8_t> into) {
  if (!file_input().valid()) return {};
  const Io io = host_.read(file_input(), into);
  may_.read = io.state == Io::State::moved;
  if (io.state != Io::State::closed) return io;
  if (file_->input.valid()) {
    journal_.told(domain_, "the end of the console's input file");
    file_->input.close();
  } else {
    lost_file("it was hung up");
  }
  return {};
}

void ConsoleDevice::want(Ready wanted) {
  wanted_ = wanted;
  apply_interest();
}

void ConsoleDevice::apply_interest() {
  if (!file_) {
    const bool reads = pty_state_ == Pty::settling || pty_state_ == Pty::open;
    const Ready interest{.read = reads && wanted_.read, .write = pty_takes_output() && wanted_.write};
    if (pty_state_ == Pty::none || !differs(interest, pty_interest_)) return;
    pty_interest_ = interest;
    host_.watch_interest(pty_.terminal, interest);
    return;
  }
  const bool both_ways = &file_input() == &file_->handle;
  const Ready interest{.read = both_ways && wanted_.read, .write = wanted_.write};
  if (differs(interest, file_->interest)) {
    file_->interest = interest;
    host_.watch_interest(file_->handle, interest);
  }
  if (file_->input.valid() && file_->input_wanted != wanted_.read) {
    file_->input_wanted = wanted_.read;
    host_.watch_interest(file_->input, {.read = wanted_.read});
  }
}

// -- the end

void ConsoleDevice::close() {
  if (std::exchange(closed_, true)) return;
  if (pty_state_ != Pty::none) host_.link_remove(link_);
}

void ConsoleDevice::let_go() {
  if (closed_) drop_file();
  if (file_) return;
  drop_ptys();
  if (closed_) return;
  if (auto made = make_pty(); !made) host_.warn(made.error().text());
}

}  // namespace ringside::dom0
