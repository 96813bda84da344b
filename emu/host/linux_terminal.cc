// termios and the window's size.
#include "emu/host/linux_terminal.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace ringside {

struct RawTerminal::Saved {
  termios mode;
};

std::optional<WindowSize> window_size(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return std::nullopt;
  return WindowSize{size.ws_row, size.ws_col};
}

bool is_terminal(int fd) {
  return isatty(fd) != 0;
}

bool is_pipe(int fd) {
  struct stat what {};
  return fstat(fd, &what) == 0 && (S_ISFIFO(what.st_mode) || S_ISSOCK(what.st_mode));
}

RawTerminal::RawTerminal(int fd, When when) : fd_(fd), when_(when == When::now ? TCSANOW : TCSADRAIN) {
  termios mode{};
  if (tcgetattr(fd, &mode) != 0) return;
  saved_ = std::make_unique<Saved>(Saved{mode});
  take();
}

RawTerminal::~RawTerminal() {
  give_back();
}

void RawTerminal::give_back() {
  if (saved_) tcsetattr(fd_, when_, &saved_->mode);
}

void RawTerminal::take() {
  if (!saved_) return;
  termios mode = saved_->mode;
  cfmakeraw(&mode);
  tcsetattr(fd_, when_, &mode);
}

}  // namespace ringside
