// Ptys and files of the simulated host. A pty is a pair of streams of which one has a path; its contents stay
// when that side is closed.
#include <cerrno>

#include "emu/host/sim_objects.h"

namespace ringside {

void SimWorld::file(const std::string& path, std::string_view content) {
  auto& made = create<SimFile>(1);
  made.holds = 1;
  made.content = content;
  files_[path] = &made;
}

std::string SimWorld::file_content(const std::string& path) const {
  return dynamic_cast<const SimFile&>(*files_.at(path)).content;
}

std::vector<std::string> SimWorld::kept_files() const {
  std::vector<std::string> paths;
  for (const auto& [path, memory] : kept_) paths.push_back(path);
  return paths;
}

void SimWorld::exhaust_descriptors(SimHost& component, bool exhausted) {
  component.exhausted_ = exhausted;
}

void SimWorld::pipe(const std::string& path, std::size_t bytes) {
  RS_CHECK(bytes > 1);
  auto& made = create<SimFile>(bytes);
  made.holds = 1;
  files_[path] = &made;
}

std::optional<std::string> SimWorld::link_target(const std::string& path) const {
  const auto at = links_.find(path);
  return at == links_.end() ? std::nullopt : std::optional(at->second);
}

/// The other side was opened or closed: the holder of the pty's controlling side is told.
void SimWorld::users_changed(SimObject& object) {
  const auto* side = dynamic_cast<SimStream*>(&object);
  if (side == nullptr || !side->pty || side->path.empty() || side->peer == nullptr) return;
  for (const int number : side->peer->slots) post_woken(number);
}

Io SimWorld::read(SimFile& file, std::span<std::uint8_t> into) {
  RS_CHECK(!into.empty());
  std::size_t done = 0;
  if (file.is_pipe()) {
    const auto piece = file.pipe.front().first(std::min(file.pipe.front().size(), into.size()));
    std::copy(piece.begin(), piece.end(), into.begin());
    file.pipe.drop(done = piece.size());
    if (done != 0) changed(file);
    return {.state = done != 0 ? Io::State::moved : Io::State::blocked, .bytes = done};
  }
  done = file.content.copy(reinterpret_cast<char*>(into.data()), into.size(), file.read_at);
  file.read_at += done;
  return {.state = done != 0 ? Io::State::moved : Io::State::closed, .bytes = done};
}

Io SimWorld::write(SimFile& file, Bytes bytes) {
  RS_CHECK(!bytes.empty());
  if (file.is_pipe()) {
    const std::size_t done = file.pipe.push(bytes);
    if (done != 0) changed(file);
    return {.state = done != 0 ? Io::State::moved : Io::State::blocked, .bytes = done};
  }
  file.content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {.state = Io::State::moved, .bytes = bytes.size()};
}

Result<Host::Pty> SimHost::pty_create() {
  if (auto failed = no_descriptor("a pty")) return *failed;
  std::string path = fmt::format("/dev/pts/{}", world_.next_pty_);
  if (world_.ptys_refused_) return Error{ENOSPC, "cannot make a pty", path, "there are no more", ""};
  ++world_.next_pty_;
  const auto [terminal, side] = world_.stream_pair(world_.terminal_bytes_);
  terminal->pty = side->pty = true;
  side->path = path;
  side->holds = 1;
  world_.files_[path] = side;
  return Pty{world_.open(*this, *terminal), std::move(path)};
}

Result<> SimHost::pty_watch(const Handle& terminal, std::function<void()> changed) {
  SimSlot& watched = slot(terminal);
  watched.wakes = true;
  watched.woken = std::move(changed);
  return Done{};
}

bool SimHost::pty_is_open(const Handle& terminal) {
  return !object<SimStream>(terminal).peer->slots.empty();
}

bool SimHost::pty_has_unread(const Handle& terminal) {
  return !object<SimStream>(terminal).peer->in.empty();
}

std::vector<std::uint8_t> SimHost::pty_take_back(const Handle& terminal) {
  SimStream& written = object<SimStream>(terminal);
  std::vector<std::uint8_t> unread;
  while (!written.peer->in.empty()) {
    const auto piece = written.peer->in.front();
    unread.insert(unread.end(), piece.begin(), piece.end());
    written.peer->in.drop(piece.size());
  }
  world_.changed(written);
  return unread;
}

Result<Host::File> SimHost::file_open(const std::string& path, FileUse use) {
  if (auto failed = no_descriptor(path)) return *failed;
  const auto link = world_.links_.find(path);
  const auto at = world_.files_.find(link == world_.links_.end() ? path : link->second);
  if (at == world_.files_.end()) return Error{ENOENT, "cannot open", path, "No such file or directory", ""};
  auto* file = dynamic_cast<SimFile*>(at->second);
  if (file != nullptr && use == FileUse::input) file->read_at = 0;
  const FileKind kind = file == nullptr   ? FileKind::terminal
                        : file->is_pipe() ? FileKind::pipe
                                          : FileKind::regular;
  return File{world_.open(*this, *at->second), kind};
}

Result<> SimHost::link_make(const std::string& path, const std::string& target) {
  world_.links_[path] = target;
  return Done{};
}

void SimHost::link_remove(const std::string& path) {
  world_.links_.erase(path);
}

}  // namespace ringside
