// The Armv8 memory model (Deacon, Flur, Pulte, Sewell et al., POPL 2018; aarch64.cat), multi-copy atomic: all
// other threads see a store at once. An execution is allowed if its accesses have an order, "ordered before",
// without a cycle, made of
//   - communication between threads: a load comes after the store that it reads, and before later stores to
//     that word; the stores of two threads to a word are ordered;
//   - barriers: dmb ish, dmb ishld, dmb ishst; an acquiring load before all that follows; a releasing store
//     after all that precedes, and before a later load-acquire (LDAR, not LDAPR);
//   - exclusives: the load before the store.
// Also, each word is coherent for each thread. Atomic operations are what compilers make of them: relaxed LDR
// and STR, acquire LDAPR, seq_cst LDAR and STLR, an update LDXR and STXR with A and L as its order requires,
// a release fence dmb ish.
//
// Dependencies order nothing here, because the compiler's callbacks do not report them: the model allows more
// than hardware does. One thing is left out: a load never sees a store that is executed later (load
// buffering). buffering() reports where that could matter: a load and a later store without an order between
// them.
#pragma once

#include <vector>

#include "emu/check/model.h"
#include "emu/check/order_graph.h"
#include "emu/check/store_orders.h"

namespace ringside::check {

class ModelArmv8 final : public Model {
 public:
  explicit ModelArmv8(const Space& space);

  void begin(std::uint32_t fiber_count) override;
  [[nodiscard]] bool divide(const Op& op) override;
  [[nodiscard]] bool await_sees_newest() const override { return true; }
  [[nodiscard]] bool has_spurious_failures() const override { return true; }
  [[nodiscard]] std::uint32_t options(std::uint32_t fiber, const Op& op, const Clock* past) const override;
  void before(std::uint32_t fiber, const Op& op, std::uint32_t option, std::uint32_t number) override;
  void after(std::uint32_t fiber, const Op& op, std::uint32_t number) override;
  [[nodiscard]] std::uint32_t steps_known(std::uint32_t fiber, std::uint32_t other) const override;
  void peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const override;
  [[nodiscard]] bool is_full() const override { return graph_.count() >= nodes_max; }
  [[nodiscard]] std::vector<Buffering> buffering() const override;
  void order_dependencies(bool order) override { orders_loads_ = order; }

 private:
  using Node = OrderGraph::Node;
  using Set = OrderGraph::Set;
  static constexpr Node none = OrderGraph::none;
  /// An execution with more accesses has no end.
  static constexpr Node nodes_max = 8192;
  static constexpr std::uint32_t unlimited_steps = 0xffffffff;

  struct Access {
    Node node = none;
    std::uint32_t fiber = fibers_max;
  };
  struct Stored : StoreBase {
    Node node = none;        ///< none: the initial value
    bool is_update = false;  ///< no store comes between it and the store before it
    std::vector<Access> readers;
  };
  struct Step {
    Node node = none;
    std::uint32_t number = 0;
  };
  struct Load {
    Node node = none;
    Parts parts;
    const void* code = nullptr;
  };
  /// The nodes before later accesses of a thread; each covers the node that it replaced.
  struct Thread {
    Node all = none;      ///< for any access: the last full barrier, acquiring load or barrier for loads
    Node stores = none;   ///< for a store: the last barrier for stores
    Node release = none;  ///< for a load-acquire: the last store-release
    std::vector<Node> any_since;     ///< accesses since the last full barrier or release
    std::vector<Node> loads_since;   ///< loads since the last barrier for loads
    std::vector<Node> stores_since;  ///< stores since the last barrier for stores
    std::array<std::uint16_t, words_max> seen =
        {};  ///< for each part of a word: the oldest store that it may still find
    std::vector<Step> steps;
    std::vector<Load> loads;    ///< of words, which `all` does not cover
    Node payload_reads = none;  ///< consecutive accesses to payload are one node
    Node payload_writes = none;
    Parts parts;              ///< the parts that its access touches
    Way way = {};             ///< of a store: those after which it comes
    Node load = none;         ///< of an update: its load
    bool has_failed = false;  ///< of an update: it has compared, and stores nothing
  };
  struct Touched {
    Access write;
    std::uint32_t write_number = 0;
    std::array<Node, fibers_max> reads = {none, none, none, none};
    std::array<std::uint32_t, fibers_max> read_numbers = {};
  };

  // -- the nodes before an access because of its position in its thread
  void collect_for_load(const Thread& thread, bool is_rcsc, Set& before) const;
  void collect_for_store(const Thread& thread, bool releases, Set& before) const;
  void collect(const std::vector<Node>& nodes, Set& before) const;
  void barrier(std::uint32_t fiber, Order order, std::uint32_t number);
  void notify(std::uint32_t fiber, std::uint32_t side, std::uint32_t number);
  void wait(std::uint32_t fiber, std::uint32_t side, std::uint32_t number);
  void loaded(std::uint32_t fiber, Node node, bool acquires);
  void stored(std::uint32_t fiber, Node node, bool releases);
  [[nodiscard]] Node add(std::uint32_t fiber, const Set& before, std::uint32_t number);

  // -- words
  void collect_sources(std::uint32_t fiber, const Parts& parts, const Way& way, bool acquires,
                       Set& before) const;
  void collect_overwritten(std::uint32_t fiber, const Parts& parts, const Way& way, Set& before) const;
  [[nodiscard]] bool fits_behind(std::uint32_t fiber, const Parts& parts, const Way& way,
                                 const Set& before) const;
  [[nodiscard]] bool may_load(std::uint32_t fiber, OpKind kind, Order order, const Parts& parts,
                              const Way& way, Set& before) const;
  [[nodiscard]] bool may_store(std::uint32_t fiber, const Op& op, const Parts& parts, const Way& way) const;
  template <class Each>
  void each_way(std::uint32_t fiber, const Op& op, const Parts& parts, Each each) const;
  void order_before_later(std::uint32_t fiber, const Parts& parts, const Way& way, Node node);
  [[nodiscard]] Node load_words(std::uint32_t fiber, const Op& op, std::uint32_t number);
  void store_words(std::uint32_t fiber, const Op& op, std::uint32_t number);
  void note_buffering(std::uint32_t fiber, const Op& op, Node store);
  void check_payload(std::uint32_t fiber, const Op& op, std::uint32_t from, std::uint32_t to,
                     std::uint32_t number);

  bool orders_loads_ = false;
  mutable Set scratch_;  ///< kept for its memory
  OrderGraph graph_;
  StoreOrders<Stored> orders_;
  std::array<Thread, fibers_max> threads_;
  std::array<std::vector<Node>, 2> notified_;
  std::vector<Touched> touched_;
  std::vector<std::uint32_t> touched_list_;
  // Over all executions.
  std::vector<Buffering> buffering_;
  std::vector<std::uint8_t> written_by_;  ///< for each word: by which fibers
  std::vector<std::uint8_t> accessed_by_;
};

}  // namespace ringside::check
