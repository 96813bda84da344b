// The keyboard of a page of `watch --web`: a client of one domain's console. What the user types goes there;
// the output that comes back is only recorded, and the page shows it from the journal.
//
// A console has one viewer at a time. Until use() the keyboard is none. If another viewer has it then, or
// dom0's daemon does not run, the keyboard opens it again when the journal tells that it is free. why() says
// at any time what keeps typed bytes from the guest. Runs in the process of the watch; nothing blocks, and at
// most web_typed_waiting_bytes_max wait.
#pragma once

#include <functional>
#include <string>

#include "emu/base/byte_queue.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "tools/watch/life.h"

namespace ringside::tools {

inline constexpr std::size_t web_typed_waiting_bytes_max = 65'536;

class WebKeyboard {
 public:
  struct Console {
    DomainId domain = 0;
    std::string name;  ///< of the domain
    std::string path;  ///< a socket, or a pty; empty: no daemon keeps a console for the domain
    bool pty = false;
    trace::Actor daemon = trace::actor(trace::Role::xend);  ///< dom0 stands for xenconsoled
  };
  enum class Line : std::uint8_t {
    open,
    viewed,   ///< another viewer has the console
    taken,    ///< this one was disconnected for another viewer
    to_file,  ///< the console is attached to a file
    silent,   ///< nothing listens there, or it has closed the connection
    none,     ///< there is no console
  };

  /// `line`: `open` means that the console is free. `changed` gets each new value of why().
  WebKeyboard(Host& host, trace::Journal journal, Console console, Line line, Life life,
              std::function<void(const std::string& why)> changed);

  /// Becomes the console's viewer, now if it is free. A second call does nothing.
  void use();
  /// An entry of the machine's journal.
  void take(const trace::Entry& entry);
  /// No entries came for some time: this is the domain's life now.
  void renew(Life life);

  /// Returns why the bytes were not taken; empty: they were.
  [[nodiscard]] std::string type(Bytes bytes);
  /// Why typed bytes do not reach the guest now; empty: they do.
  [[nodiscard]] std::string why() const;

 private:
  void open();
  void set(Line line, Life life);
  void ready(Ready ready);
  void read();
  void write();

  Host& host_;
  trace::Journal journal_;
  Console console_;
  std::function<void(const std::string&)> changed_;
  Line line_;
  Life life_;
  bool used_ = false;
  Handle stream_;
  bool first_read_ = true;  ///< a console that has a viewer says so first, and closes the connection
  ByteQueue typed_;
};

}  // namespace ringside::tools
