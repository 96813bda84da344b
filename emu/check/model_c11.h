// The C11 memory model as RC11 has it, without load buffering, in the form of views.
//
// Every declared word keeps all its stores. Its modification order is the order in which they were executed:
// where C11 allows a store to come before one that was executed earlier, the word is noted as unordered, and
// the search is not called whole. A fiber's view says from which store on
// it may read each word. A store carries the view that its fiber released; a load that acquires takes that
// view over, a relaxed one keeps it for the next acquire fence. Payload has no old values: its accesses must
// be ordered, or they race.
#pragma once

#include <vector>

#include "emu/check/model.h"

namespace ringside::check {

class ModelC11 final : public Model {
 public:
  explicit ModelC11(const Space& space);

  void begin(std::uint32_t fiber_count) override;
  void place(Op& op) const override;
  [[nodiscard]] std::uint32_t options(std::uint32_t fiber, const Op& op, const Clock* past) const override;
  void before(std::uint32_t fiber, const Op& op, std::uint32_t option, std::uint32_t number) override;
  void after(std::uint32_t fiber, const Op& op, std::uint32_t number) override;
  [[nodiscard]] std::uint32_t steps_known(std::uint32_t fiber, std::uint32_t other) const override {
    return threads_[fiber].current.steps[other];
  }
  void peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const override;

 private:
  /// What somebody knows: of each word the oldest store that he may still read, of each fiber the steps that
  /// happened before.
  struct Frontier {
    std::array<std::uint16_t, words_max> seen = {};
    std::array<std::uint16_t, fibers_max> steps = {};
    void join(const Frontier& other);
  };
  struct Stored {
    std::array<std::byte, 8> bytes = {};
    std::uint32_t fiber = fibers_max;  ///< fibers_max: was there at the beginning
    std::uint32_t number = 0;
    bool is_update = false;
    bool is_seq_cst = false;
    Frontier message;
  };
  struct Thread {
    Frontier current;
    Frontier to_acquire;  ///< what its next acquire fence brings
    Frontier released;    ///< as of its last release fence
    Frontier read;        ///< of an update: what the value that it replaces carries
  };
  /// Who touched a byte of payload last.
  struct Touched {
    std::uint16_t write_number = 0;
    std::uint8_t writer = 0;
    std::array<std::uint16_t, fibers_max> read_numbers = {};
  };

  void barrier(Thread& thread, Order order);
  void check_payload(std::uint32_t fiber, const Op& op, std::uint32_t from, std::uint32_t to,
                     std::uint32_t number);
  [[nodiscard]] const Stored& newest(std::uint32_t word) const { return stores_[word].back(); }
  void put_into_page(std::uint32_t word, const Stored& stored);
  /// Whether C11 allows this store of the thread to come before one that the word has already. Updates of one
  /// word, and its seq_cst stores, have one order, which is that of their execution.
  [[nodiscard]] bool may_come_earlier(const Thread& thread, const Op& op, std::uint32_t word) const;

  std::vector<std::vector<Stored>> stores_;
  std::array<Thread, fibers_max> threads_;
  std::array<Frontier, 2> events_;
  Frontier barriers_;  ///< what all full barriers so far have seen
  std::vector<Touched> touched_;
  std::vector<std::uint32_t> touched_list_;
};

}  // namespace ringside::check
