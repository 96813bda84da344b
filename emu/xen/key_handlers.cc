// The table of keys.
#include "emu/xen/key_handlers.h"

#include <fmt/format.h>

#include "emu/base/check.h"

namespace ringside::xen {

KeyHandlers::KeyHandlers(Print print) : print_(std::move(print)) {
  add('h', "show this list", false, [this] { list(); });
  add('*', "run every key that only shows something", false, [this] { run_harmless(); });
}

void KeyHandlers::add(char key, std::string what, bool harmless, std::function<void()> run) {
  const auto number = static_cast<std::uint8_t>(key);
  RS_CHECK(!handlers_.contains(number));
  handlers_[number] = {std::move(what), harmless, std::move(run)};
}

void KeyHandlers::press(std::uint8_t key) {
  const auto found = handlers_.find(key);
  if (found != handlers_.end()) found->second.run();
}

void KeyHandlers::list() const {
  print_("'h' pressed: keys and what they do");
  for (const auto& [key, handler] : handlers_) {
    print_(fmt::format(" key '{}' (ascii '{:02x}') => {}", static_cast<char>(key), key, handler.what));
  }
}

void KeyHandlers::run_harmless() {
  print_("'*' pressed: every key that only shows something");
  for (const auto& [key, handler] : handlers_) {
    if (handler.harmless) handler.run();
  }
}

}  // namespace ringside::xen
