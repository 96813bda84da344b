// The C11 memory model as defined by RC11, without load buffering, in the form of views.
//
// Every word, or part of one, keeps all its stores in their modification order (store_orders.h). A store may
// come before stores that were executed earlier if its fiber has not seen them; that is one of its options.
// No store comes between an update and the store that it replaces. A fiber's view has, for each word, the
// first store that it may read. A store carries the view that its fiber released; an acquiring load joins
// that view, a relaxed one keeps it for the next acquire fence. Payload has no old values: its accesses must
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
  [[nodiscard]] bool await_sees_newest() const override { return true; }
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
  /// A view: for each part of a word, the oldest store that may still be read; for each fiber, the step up to
  /// which all its loads, and all its stores, happened before. Only barriers for loads or for stores alone
  /// make these two differ.
  struct Frontier {
    std::array<std::uint16_t, words_max> seen = {};
    std::array<std::uint16_t, fibers_max> loads = {};
    std::array<std::uint16_t, fibers_max> stores = {};
  };
  struct Stored : StoreBase {
    bool is_update = false;  ///< directly after the store before it
    bool is_seq_cst = false;
    Frontier message;
  };
  struct Thread {
    Frontier current;
    Frontier to_acquire;      ///< the view that its next acquire fence joins
    Frontier wrote;           ///< its own stores and their views: a barrier for stores releases this
    Frontier released;        ///< the view of its last release fence
    Frontier read;            ///< of an update: the view of the store that it replaces
    Parts parts;              ///< the parts that its access touches
    Way way = {};             ///< of a store: those after which it comes
    bool has_failed = false;  ///< of an update: it has compared, and stores nothing
  };
  /// The last accesses to a byte of payload. If a fiber stores to a byte after loading it, the store covers
  /// the load: coherence orders the two independently of barriers.
  struct Touched {
    std::uint16_t write_number = 0;
    std::uint8_t writer = 0;
    std::array<std::uint16_t, fibers_max> read_numbers = {};
  };

  /// Joins the view `from` to `to`.
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
  /// Calls each(way) for each way, the plain one first, until it returns false. Of a load: the stores that it
  /// may find. Of a store: the stores after which it may come. Of an update that compares: also the stores
  /// that it may find without storing.
  template <class Each>
  void each_way(std::uint32_t fiber, const Op& op, const Parts& parts, Each each) const;
  [[nodiscard]] Way way_of(std::uint32_t fiber, const Op& op, const Parts& parts, std::uint32_t option) const;
  void insert(std::uint32_t part, std::uint32_t index, Stored stored);

  StoreOrders<Stored> orders_;
  std::array<Thread, fibers_max> threads_;
  std::array<Frontier, 2> events_;
  Frontier barriers_;  ///< the view of all full barriers so far
  std::vector<Touched> touched_;
  std::vector<std::uint32_t> touched_list_;
};

}  // namespace ringside::check
