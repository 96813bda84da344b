// A pty: idle -> settling -> open -> left -> (a new one) idle. A file: from attach to detach, or until its
// other end is gone.
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
  return file_ ? file_->kind == Host::FileKind::pipe : pty_state_ == Pty::open;
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
  if (auto watched = host_.pty_watch(made->terminal, [this] { pty_changed(); }); !watched)
    return watched.error();
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
    pty_state_ = Pty::settling;
    journal_.told(domain_, "console pty opened");
    settle_timer_ = host_.timer_start(device_settle_delay, [this] {
      settle_timer_ = 0;
      pty_state_ = Pty::open;
      stream_ready({true, true});
    });
  } else if (!is_open && pty_state_ != Pty::left && pty_state_ != Pty::none) {
    // Also from idle: he came and went between two looks, and may have typed.
    pty_left();
  } else {
    return;
  }
  stream_ready({true, true});
}

void ConsoleDevice::pty_left() {
  end_settling();
  journal_.told(domain_, "console pty closed by its reader");
  pty_state_ = Pty::left;
  may_ = {true, true};
  apply_interest();
  // Who reads what is being taken back would break its order: so nobody is to find the pty meanwhile.
  if (!closed_) host_.link_remove(link_);
  const bool is_open = host_.pty_is_open(pty_.terminal);
  if (!is_open) give_back(host_.pty_take_back(pty_.terminal));
  publish_again();
  if (is_open) pty_changed();
}

void ConsoleDevice::publish_again() {
  if (closed_) return;
  if (auto published = host_.link_make(link_, pty_.path); !published) host_.warn(published.error().text());
}

/// All that was typed has been read: what is left of the old pty is of no use to anybody.
void ConsoleDevice::renew_pty() {
  if (closed_) return;
  auto made = prepare_pty();
  if (!made) {
    host_.warn(made.error().text() + "; the pty of before goes on");
    pty_state_ = Pty::idle;
    return;
  }
  host_.link_remove(link_);
  // Somebody may have found it just before.
  const bool is_open = host_.pty_is_open(pty_.terminal);
  if (!is_open && use_pty(std::move(made).value())) return;
  pty_state_ = Pty::idle;
  publish_again();
  if (is_open) pty_changed();
}

void ConsoleDevice::drop_pty() {
  if (pty_state_ == Pty::none) return;
  end_settling();
  if (!closed_) host_.link_remove(link_);
  give_back(host_.pty_take_back(pty_.terminal));
  std::uint32_t lost = 0;
  std::array<std::uint8_t, 4096> piece;
  for (int reads = 0; reads < last_reads_max; ++reads) {
    const Io io = host_.read(pty_.terminal, piece);
    if (io.state != Io::State::moved) break;
    lost += static_cast<std::uint32_t>(io.bytes);
  }
  journal_.counted(domain_, "typed bytes lost", 0, lost);
  if (lost != 0) host_.warn(fmt::format("domain {}: {} bytes typed at its pty are lost", domain_, lost));
  pty_.terminal.close();
  pty_state_ = Pty::none;
}

void ConsoleDevice::end_settling() {
  if (settle_timer_ != 0) host_.timer_cancel(std::exchange(settle_timer_, 0));
}

void ConsoleDevice::give_back(Bytes unread) {
  if (unread.empty()) return;
  journal_.told(domain_, fmt::format("{} bytes come back unread", unread.size()));
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
  drop_pty();
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
  if (file.kind != Host::FileKind::pipe) return;
  std::vector<std::uint8_t> unread(device_unread_bytes_max);
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
  if (!may_.write || (!file_ && pty_state_ != Pty::open)) return {};
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
  if (pty_state_ == Pty::none || pty_state_ == Pty::idle) return {};
  const Io io = host_.read(pty_.terminal, into);
  if (io.state == Io::State::moved) return io;
  may_.read = false;
  if (io.state == Io::State::closed && pty_state_ != Pty::left && !host_.pty_is_open(pty_.terminal))
    pty_left();
  if (pty_state_ == Pty::left) renew_pty();
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
    const Ready interest{.read = reads && wanted_.read, .write = pty_state_ == Pty::open && wanted_.write};
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
  drop_pty();
  if (closed_) return;
  if (auto made = make_pty(); !made) host_.warn(made.error().text());
}

}  // namespace ringside::dom0
