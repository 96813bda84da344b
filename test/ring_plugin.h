// The plug-ins of emu/check/plugins as tests load them: by name, from the folder in PLUGINS.
#pragma once

#include <dlfcn.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "emu/check/pair.h"
#include "test/catch.h"

namespace ringside::test {

class Plugin {
 public:
  explicit Plugin(const std::string& name) {
    const std::string path = std::string(std::getenv("PLUGINS")) + "/" + name + ".so";
    library_.reset(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
    INFO(path << ": " << (library_ ? "" : dlerror()));
    REQUIRE(library_);
    auto* table = reinterpret_cast<const ring_check_ring* (*)()>(dlsym(library_.get(), "ring_check_plugin"));
    REQUIRE(table != nullptr);
    ring_ = table();
  }
  [[nodiscard]] check::Subject subject() const { return {ring_, nullptr}; }

 private:
  struct Close {
    void operator()(void* library) const { dlclose(library); }
  };
  std::unique_ptr<void, Close> library_;
  const ring_check_ring* ring_ = nullptr;
};

/// The correct ones, at any optimization.
inline std::vector<std::string> right_rings() {
  return {
      "plain_2",
      "plain_8",
      "event_index_2",
      "event_index_8",
      "locked_2",
      "tagged_2",
      "atomic_spinning_2",
      "atomic_sleeping_2",
      "own_sring_tx_x86",
      "own_sring_rx_x86",
      "own_flat_tx_x86",
      "own_flat_rx_x86",
      "own_sring_tx_portable",
      "own_sring_rx_portable",
      "own_flat_tx_portable",
      "own_flat_rx_portable",
  };
}

}  // namespace ringside::test
