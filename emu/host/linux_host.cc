// The common part of the linux host: the loop's calls, handles, the end.
#include "emu/host/linux_host.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_faults.h"
#include "emu/host/linux_files.h"
#include "emu/host/linux_hypercall.h"
#include "emu/host/linux_loop.h"
#include "emu/host/linux_memory.h"

namespace ringside {

LinuxHost::LinuxHost(std::string name, Machine machine)
    : name_(std::move(name)),
      machine_(std::move(machine)),
      loop_(std::make_unique<LinuxLoop>()),
      memory_(std::make_unique<Memory>()),
      callers_(std::make_unique<Callers>()),
      calls_(std::make_unique<Calls>()),
      files_(std::make_unique<Files>(*loop_)),
      spare_fd_(open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

LinuxHost::~LinuxHost() {
  faults_.reset();
  callers_.reset();
  if (spare_fd_ >= 0) close(spare_fd_);
}

int LinuxHost::run() {
  const int status = loop_->run();
  kick_all_due();  // the process may end now, and then no timer runs
  return status;
}
void LinuxHost::stop(int exit_status) {
  loop_->stop(exit_status);
}

void LinuxHost::on_signal(int signal_number, std::function<void()> received) {
  loop_->on_signal(signal_number, std::move(received));
}

void LinuxHost::warn(const std::string& line) {
  const std::string text = "ringside: " + name_ + ": " + line + "\n";
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

Time LinuxHost::now() const {
  return std::chrono::duration_cast<Time>(std::chrono::steady_clock::now().time_since_epoch());
}

Host::TimerId LinuxHost::timer_start(Duration delay, std::function<void()> run) {
  return loop_->timer_start(delay, std::move(run));
}

void LinuxHost::timer_cancel(TimerId timer) {
  loop_->timer_cancel(timer);
}

Handle LinuxHost::adopt(int fd) {
  return {*this, fd};
}

void LinuxHost::handle_close(int number) {
  loop_->unwatch(number);
  kick_if_due(number);
  slow_kicks_.erase(number);
  calls_->by_fd.erase(number);
  calls_->hypercalls.closed(number);
  files_->closing(number);
  if (faults_ != nullptr) faults_->closing(number);
  if (children_.erase(number) != 0) waitid(P_PIDFD, static_cast<id_t>(number), nullptr, WEXITED | WNOHANG);
  const std::lock_guard lock(fork_lock());
  if (const auto path = listening_paths_.find(number); path != listening_paths_.end()) {
    path->second.remove();
    listening_paths_.erase(path);
    close_listener(number);
  } else if (sockets_.erase(number) != 0) {
    close_socket(number);
  } else {
    close(number);
  }
}

Result<Handle> LinuxHost::handle_duplicate(const Handle& handle) {
  const int fd = fcntl(handle.number(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return system_error("cannot duplicate a handle", "");
  return adopt(fd);
}

void LinuxHost::kicks_watch(const Handle& kicks, std::function<void()> woken) {
  loop_->kicks_watch(kicks.number(), std::move(woken));
}

Host::WaitId LinuxHost::ring_wait_start(const Handle& kicks, RingWait wait) {
  return loop_->ring_wait_start(kicks.number(), std::move(wait));
}

void LinuxHost::ring_wait_expect(WaitId wait) {
  loop_->ring_wait_expect(wait);
}
void LinuxHost::ring_wait_end(WaitId wait) {
  loop_->ring_wait_end(wait);
}

void LinuxHost::watch(const Handle& stream, Ready interest, std::function<void(Ready)> ready) {
  loop_->watch(stream.number(), interest, std::move(ready));
}

void LinuxHost::watch_interest(const Handle& stream, Ready interest) {
  loop_->watch_interest(stream.number(), interest);
}

}  // namespace ringside
