// The console messages of one domain that xcs has answered before its client did, in a file that outlives xcs
// (Host::memory_keep).
//
// The promise of early answers comes from here: a message is in the file before its answer is in the ring,
// and leaves the file only when the client, which by then has the message in a store of its own, answers it.
// If xcs dies in between, the next xcs finds the message here and offers it again, and the client recognises
// it by its ring index. If there is no next xcs before the domain is gone, the client reads the file itself.
//
// xcs writes it, through its Channel. A client reads it, and changes its header, only while xcs has no
// channel to the domain. Each change of a message is committed by one word: a process that is killed between
// any two instructions leaves the state before or after the change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "emu/base/answer.h"
#include "emu/host/host.h"
#include "ring/index.h"
#include "ring/message.h"

namespace ringside::dom0 {

class EarlyStore {
 public:
  struct Kept {
    ring::Index index = 0;  ///< in the tx ring
    ring::ControlMessage message;
  };

  /// The name of a domain's file.
  [[nodiscard]] static std::string file_name(DomainId domain);
  /// Whether a domain's file may have that name.
  [[nodiscard]] static bool is_file_name(const std::string& name);
  /// For the domain whose shared_info has that frame number: as the last xcs left it, or empty when the file
  /// belongs to another domain, is new or makes no sense.
  [[nodiscard]] static Result<EarlyStore> make(Host& host, const std::string& path, std::uint32_t frame);
  /// The same for an existing file, without changing it.
  [[nodiscard]] static std::optional<EarlyStore> find(Host& host, const std::string& path);

  /// Oldest first.
  [[nodiscard]] std::vector<Kept> kept() const;
  [[nodiscard]] bool has(ring::Index index) const { return place_of(index).has_value(); }
  [[nodiscard]] bool full() const { return count_ == early_answers_max; }
  /// Precondition: not full(), and not has(index).
  void keep(const Kept& message);
  void drop(ring::Index index);

  /// Whether the domain has that frame, or is about to get another one.
  [[nodiscard]] bool belongs_to(std::uint32_t frame) const;
  /// As ConsoleStore's. moves(): the domain is about to get another frame. moved(): it has `frame` now;
  /// empty: it has kept its frame.
  void moves();
  void moved(std::optional<std::uint32_t> frame);

 private:
  struct Slot {
    std::uint32_t stamp;  ///< counts the messages; 0: the slot is free
    ring::Index index;
    ring::ControlMessage message;
  };
  struct File {
    std::uint32_t magic;
    std::uint32_t frame;
    std::uint32_t moves;  ///< not 0: `frame` may be the previous one
    std::uint32_t reserved;
    Slot slots[early_answers_max];
  };

  explicit EarlyStore(Mapping memory);
  [[nodiscard]] std::optional<std::size_t> place_of(ring::Index index) const;

  Mapping memory_;
  File* file_;
  std::uint32_t next_stamp_ = 1;
  std::uint32_t count_ = 0;
};

}  // namespace ringside::dom0
