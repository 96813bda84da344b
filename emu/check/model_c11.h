// The C11 memory model as RC11 has it, without load buffering, in the form of views.
//
// Every word, or part of one, keeps all its stores in their modification order (store_orders.h). A store may
// come before others that were executed earlier, if its fiber has not seen them; that is one of its options.
// Nothing comes between an update and the store that it replaces. A fiber's view says from which store on
// it may read each word. A store carries the view that its fiber released; a load that acquires takes that
// view over, a relaxed one keeps it for the next acquire fence. Payload has no old values: its accesses must
// be ordered, or they race.
#pragma once

#include <vector>

#include "emu/check/model.h"
#include "emu/check/store_orders.h"

namespace ringside::check {

class ModelC11 final : public Model {
 public:
  explicit ModelC11(const Space& space);

  void begin(std::uint32_t fiber_count) override;
  void place(Op& op) const override;
  [[nodiscard]] bool divide(const Op& op) override;
  [[nodiscard]] bool has_spurious_failures() const override { return true; }
  [[nodiscard]] std::uint32_t options(std::uint32_t fiber, const Op& op, const Clock* past) const override;
  void before(std::uint32_t fiber, const Op& op, std::uint32_t option, std::uint32_t number) override;
  void after(std::uint32_t fiber, const Op& op, std::uint32_t number) override;
  [[nodiscard]] std::uint32_t steps_known(std::uint32_t fiber, std::uint32_t other) const override {
    const Frontier& known = threads_[fiber].current;
    return std::min(known.loads[other], known.stores[other]);
  }
  void peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const override;

 private:
  /// What somebody knows: of each part of a word the oldest store that he may still read; of each fiber up to
  /// which of its steps all loads and all stores happened before. Only barriers for one of the two tell them
  /// apart.
  struct Frontier {
    std::array<std::uint16_t, words_max> seen = {};
    std::array<std::uint16_t, fibers_max> loads = {};
    std::array<std::uint16_t, fibers_max> stores = {};
  };
  struct Stored : StoreBase {
    bool is_update = false;  ///< tied to the store before it
    bool is_seq_cst = false;
    Frontier message;
  };
  struct Thread {
    Frontier current;
    Frontier to_acquire;      ///< what its next acquire fence brings
    Frontier wrote;           ///< its own stores, and what they carry: what a barrier for stores releases
    Frontier released;        ///< as of its last release fence
    Frontier read;            ///< of an update: what the value that it replaces carries
    Parts parts;              ///< what its access touches
    Way way = {};             ///< of a store: those after which it comes
    bool has_failed = false;  ///< of an update: it has compared, and stores nothing
  };
  /// Who touched a byte of payload last. A fiber's load that its own store to that byte follows is covered
  /// by it: coherence orders the two, whatever the barriers do.
  struct Touched {
    std::uint16_t write_number = 0;
    std::uint8_t writer = 0;
    std::array<std::uint16_t, fibers_max> read_numbers = {};
  };

  /// `to` learns what `from` knows.
  void join(Frontier& to, const Frontier& from) const;
  void barrier(std::uint32_t fiber, Order order);
  void check_payload(std::uint32_t fiber, const Op& op, std::uint32_t from, std::uint32_t to,
                     std::uint32_t number);
  template <class Each>
  void each_frontier(Each each);
  /// The oldest store of the part that an operation of this order may find.
  [[nodiscard]] std::uint32_t oldest(std::uint32_t fiber, std::uint32_t part, Order order) const;
  [[nodiscard]] std::uint32_t ways_to_load(std::uint32_t fiber, const Op& op, std::uint32_t part,
                                           const Clock* past) const;
  [[nodiscard]] std::uint32_t ways_to_store(std::uint32_t fiber, const Op& op, const Parts& parts,
                                            const Clock* past) const;
  [[nodiscard]] bool is_one_load(const Parts& parts, const Way& way) const;
  [[nodiscard]] bool may_store(const Op& op, std::uint32_t part, std::uint32_t index,
                               std::uint32_t oldest) const;
  /// Calls each(way) for each way of a load to find stores; of a store, those behind which it may come, or of
  /// one that compares, which it may find and then store nothing; the plain one first, until it says false.
  template <class Each>
  void each_way(std::uint32_t fiber, const Op& op, const Parts& parts, Each each) const;
  [[nodiscard]] Way way_of(std::uint32_t fiber, const Op& op, const Parts& parts, std::uint32_t option) const;
  void insert(std::uint32_t part, std::uint32_t index, Stored stored);

  StoreOrders<Stored> orders_;
  std::array<Thread, fibers_max> threads_;
  std::array<Frontier, 2> events_;
  Frontier barriers_;  ///< what all full barriers so far have seen
  std::vector<Touched> touched_;
  std::vector<std::uint32_t> touched_list_;
};

}  // namespace ringside::check
