// The keys of xen's console: one function for each key, and 'h', which lists them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace ringside::xen {

class KeyHandlers {
 public:
  using Print = std::function<void(std::string_view line)>;
  /// Prints with `print`, and adds 'h' and '*'.
  explicit KeyHandlers(Print print);
  KeyHandlers(const KeyHandlers&) = delete;
  KeyHandlers& operator=(const KeyHandlers&) = delete;

  /// `harmless`: it only shows something, and '*' runs it too. A key has one handler.
  void add(char key, std::string what, bool harmless, std::function<void()> run);
  /// A key without a handler has no effect.
  void press(std::uint8_t key);

 private:
  struct Handler {
    std::string what;
    bool harmless = false;
    std::function<void()> run;
  };

  void list() const;
  void run_harmless();

  Print print_;
  std::map<std::uint8_t, Handler> handlers_;
};

}  // namespace ringside::xen
