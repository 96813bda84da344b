// A pty or a file: a file from attach to detach, or until its other end is gone.
#include "emu/dom0/xenctld/console_device.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace ringside::dom0 {

namespace {

/// Reads that look for the remaining bytes of a pipe before it is closed.
constexpr int last_reads_max = 64;

}  // namespace

ConsoleDevice::ConsoleDevice(Host& host, trace::Journal journal, DomainId domain, std::string link,
                             Events events)
    : host_(host),
      journal_(journal),
      domain_(domain),
      events_(std::move(events)),
      pty_(host, journal, domain, std::move(link),
           {.ready = [this] { events_.ready(); }, .unread = [this](Bytes unread) { give_back(unread); }}) {}

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

bool ConsoleDevice::has_output_in_device() const {
  return file_ ? file_->kind == Host::FileKind::pipe : pty_.has_output_in_device();
}

void ConsoleDevice::give_back(Bytes unread) {
  const std::size_t excess = unread.size() - std::min(unread.size(), device_unread_bytes_max);
  if (!unread.empty())
    journal_.told(domain_, trace::Fact::output_returned,
                  {static_cast<std::uint32_t>(unread.size()), static_cast<std::uint32_t>(excess)});
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
  pty_.drop();
  file_ = std::move(file);
  journal_.told(domain_, trace::Fact::file_attached);
  watch_file();
  return Done{};
}

Result<> ConsoleDevice::detach() {
  if (!file_ && pty_.exists())
    return Error{ENOENT, "cannot detach", fmt::format("domain {}", domain_), "no file is attached", ""};
  if (auto made = pty_.make(); !made) return made;
  drop_file();
  return Done{};
}

const Handle& ConsoleDevice::file_input() const {
  return file_->kind == Host::FileKind::terminal && !file_->input.valid() ? file_->handle : file_->input;
}

void ConsoleDevice::watch_file() {
  host_.watch(file_->handle, {}, [this](Ready what) { file_ready(what); });
  if (file_->input.valid()) host_.watch(file_->input, {}, [this](Ready what) { file_ready(what); });
  apply_interest();
}

void ConsoleDevice::drop_file() {
  if (!file_) return;
  File file = std::move(*file_);
  file_.reset();
  journal_.told(domain_, trace::Fact::file_detached);
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
  if (auto made = pty_.make(); !made) host_.warn(made.error().text() + "; attach a file again");
}

// -- bytes

void ConsoleDevice::file_ready(Ready what) {
  if (file_) file_->may = {.read = file_->may.read || what.read, .write = file_->may.write || what.write};
  events_.ready();
}

Io ConsoleDevice::write(Bytes bytes) {
  return file_ ? write_file(bytes) : pty_.write(bytes);
}

Io ConsoleDevice::read(std::span<std::uint8_t> into) {
  return file_ ? read_file(into) : pty_.read(into);
}

Io ConsoleDevice::write_file(Bytes bytes) {
  if (!file_->may.write) return {};
  const Io io = host_.write(file_->handle, bytes);
  file_->may.write = io.state == Io::State::moved;
  if (io.state != Io::State::closed) return io;
  lost_file("it takes no more");
  return {};
}

Io ConsoleDevice::read_file(std::span<std::uint8_t> into) {
  if (!file_->may.read || !file_input().valid()) return {};
  const Io io = host_.read(file_input(), into);
  file_->may.read = io.state == Io::State::moved;
  if (io.state != Io::State::closed) return io;
  if (file_->input.valid()) {
    journal_.told(domain_, trace::Fact::input_file_ended);
    file_->input.close();
  } else {
    lost_file("it was hung up");
  }
  return {};
}

void ConsoleDevice::want(Ready wanted) {
  wanted_ = wanted;
  pty_.want(wanted);
  apply_interest();
}

void ConsoleDevice::apply_interest() {
  if (!file_) return;
  const bool both_ways = &file_input() == &file_->handle;
  const Ready interest{.read = both_ways && wanted_.read, .write = wanted_.write};
  if (interest.read != file_->interest.read || interest.write != file_->interest.write) {
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
  closed_ = true;
  pty_.close();
}

void ConsoleDevice::release_reader() {
  if (closed_) drop_file();
  if (file_) return;
  if (closed_) return pty_.drop();
  const auto renewed = pty_.renew();
  // The console tries again at its next look.
  if (!renewed && !renewal_failed_) host_.warn(renewed.error().text() + "; the reader keeps its pty");
  renewal_failed_ = !renewed.ok();
}

}  // namespace ringside::dom0
