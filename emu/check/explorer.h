// The search of explore(): the tree of decisions along the current execution, and the analysis of its races.
#pragma once

#include <vector>

#include "emu/check/explore.h"

namespace ringside::check {

class Explorer final : public Driver {
 public:
  Explorer(const Execution& execution, const Limits& limits);

  Decision pick(const Execution& execution) override;
  /// After an execution: another part explores it.
  [[nodiscard]] bool is_of_other_part(End end);
  /// After an execution: prepares the next one. False: there is none.
  [[nodiscard]] bool next();

  /// Steps of the execution so far.
  [[nodiscard]] std::uint32_t depth() const { return depth_; }
  [[nodiscard]] std::uint32_t deviations() const;
  [[nodiscard]] std::uint64_t branches() const { return branches_.empty() ? 0 : branches_.back(); }
  [[nodiscard]] bool left_out() const { return left_out_; }
  /// An operation had more ways than are counted (ways_max).
  [[nodiscard]] bool left_out_ways() const { return left_out_ways_; }
  /// The same steps have led to a different next step: the program has state that is not restored.
  [[nodiscard]] bool has_diverged() const { return has_diverged_; }

 private:
  /// A state, and the step that is tried in it.
  struct Node {
    Op op;
    Clock clock = {};  ///< of each actor, how many steps happen before this one; itself included
    std::uint16_t number = 0;
    std::uint8_t actor = 0;
    std::uint16_t option = 0;
    std::uint16_t options = 1;
    std::uint8_t enabled = 0;
    std::uint8_t sleep = 0;       ///< these need not be tried here
    std::uint8_t backtrack = 0;   ///< to be tried here
    bool was_raised = false;      ///< of notify and wait: the state of the event before it
    bool has_one_change = false;  ///< of await: a single change has ended it
    std::uint32_t cost = 0;       ///< deviations before it
  };
  /// The last access of each actor to a location: 1 + the depth of the step; 0: none.
  struct Touched {
    std::array<std::uint16_t, actors_max> write = {};
    std::array<std::uint16_t, actors_max> read = {};
  };

  void forget();
  void touch(std::uint32_t depth);
  template <class Each>
  void each_location(const Op& op, Each each) const;
  void add_node(const Execution& execution);
  /// Whether a branch at the depth of this part belongs to it.
  [[nodiscard]] bool takes_next_branch(std::size_t part) {
    return branches_[part]++ % part_[part].of == part_[part].number;
  }
  void analyse(const Execution& execution, Node& node);
  [[nodiscard]] std::uint32_t options_of(const Execution& execution, const Op& op, std::uint32_t fiber,
                                         Clock past) const;
  void reverse(std::uint32_t race, const Node& node);
  void find_end_of_wait(const Execution& execution, Node& node);
  [[nodiscard]] bool reversible(std::uint32_t race, const Node& node) const;
  [[nodiscard]] static bool dependent(std::uint32_t actor, const Op& op, std::uint32_t other_actor,
                                      const Op& other);
  [[nodiscard]] std::uint32_t cost_of(std::uint32_t depth, std::uint32_t actor, std::uint32_t option) const;
  [[nodiscard]] std::uint32_t affordable(std::uint32_t depth, std::uint32_t candidates);

  std::uint32_t bound_;
  PartOfPart part_;
  std::vector<std::uint64_t> branches_;  ///< at the depth of each part, so far, those of other parts included
  std::uint32_t branch_depth_ = 0;       ///< of the last part
  bool is_of_other_part_ = false;        ///< the current execution
  std::vector<Node> nodes_;
  std::uint32_t depth_ = 0;   ///< steps made in this execution
  std::uint32_t length_ = 0;  ///< nodes that are known
  std::uint32_t fresh_ = 0;   ///< the first node whose step has not been analysed
  bool left_out_ = false;
  bool left_out_ways_ = false;
  bool has_diverged_ = false;
  std::vector<Touched> touched_;
  std::vector<std::uint16_t> touched_list_;
  std::array<std::uint32_t, actors_max> last_of_ = {};  ///< 1 + depth of each actor's last step
  std::array<std::uint16_t, actors_max> count_of_ = {};
  /// Under TSO: 1 + depth of each store that went into a buffer, in order.
  std::array<std::vector<std::uint32_t>, fibers_max> buffered_;
  std::vector<std::uint32_t> candidates_;
};

}  // namespace ringside::check
