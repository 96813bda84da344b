// Calls a test's functions.
#include "emu/check/test_program.h"

#include <algorithm>
#include <iterator>

#include "emu/check/check_services.h"

namespace ringside::check {

namespace {

/// `before` and `after` run while no thread runs.
class TestServices final : public CheckServices {
 public:
  explicit TestServices(History& history) : history_(&history) {}
  void notify(int) override {}
  void wait(int) override { fail("it calls ring_check_wait(), but no thread runs that could wake it"); }
  void await() override { fail("it calls ring_check_await(), but no other thread runs"); }
  [[noreturn]] void fail(const char* text) override { throw CheckFailed{text}; }
  std::uint32_t choose(std::uint32_t, const char*) override {
    fail("it calls ring_check_choose(), which only threads may");
  }
  History* history() override { return history_; }

 private:
  History* history_;
};

}  // namespace

std::string fault_of_tests(const ring_check_tests* tests) {
  if (tests == nullptr) return "ring_check_test_plugin() returned no tests";
  if (tests->abi != RING_CHECK_ABI)
    return fmt::format("the tests are of version {}; this checker knows {}", tests->abi, RING_CHECK_ABI);
  if (tests->count == 0 || tests->tests == nullptr) return "there is no test";
  for (std::uint32_t i = 0; i < tests->count; ++i) {
    const ring_check_test& test = tests->tests[i];
    if (test.name == nullptr || *test.name == '\0') return fmt::format("test {} has no name", i + 1);
    const auto* const end = std::find(std::begin(test.threads), std::end(test.threads), nullptr);
    if (end == std::begin(test.threads)) return fmt::format("the test {} has no threads", test.name);
    if (std::any_of(end, std::end(test.threads), [](auto* thread) { return thread != nullptr; }))
      return fmt::format("the test {} has no thread {}, but a later one", test.name,
                         end - std::begin(test.threads) + 1);
    for (std::uint32_t j = 0; j < i; ++j) {
      if (std::string_view(test.name) == tests->tests[j].name)
        return fmt::format("two tests are called {}", test.name);
    }
  }
  return {};
}

TestProgram::TestProgram(const ring_check_test& test, RingState state, NameOf name_of)
    : test_(&test), state_(std::move(state)), name_of_(std::move(name_of)) {}

std::string TestProgram::call_alone(void (*function)(), std::string_view which) {
  if (function == nullptr) return {};
  own_variables().use(OwnVariables::alone);
  TestServices alone(history_);
  const CheckServicesScope scope(alone);
  try {
    const RingCode code;
    function();
  } catch (const CheckFailed& broken) {
    return fmt::format("{}, in {}", broken.why, which);
  }
  return {};
}

Result<> TestProgram::prepare() {
  state_.restore();
  history_.clear_to(0);
  if (std::string wrong = call_alone(test_->before, "its `before`"); !wrong.empty())
    return Error{EPROTO, "a test cannot be run", test_->name, wrong, "it runs before the threads, and alone"};
  recorded_before_ = history_.size();
  state_.take();
  return Done{};
}

std::uint32_t TestProgram::fiber_count() const {
  const auto* const end = std::find(std::begin(test_->threads), std::end(test_->threads), nullptr);
  return static_cast<std::uint32_t>(end - std::begin(test_->threads));
}

void TestProgram::reset() {
  state_.restore();
  history_.clear_to(recorded_before_);
}

void TestProgram::run(std::uint32_t fiber) {
  own_variables().use(fiber);
  const RingCode code;
  test_->threads[fiber]();
}

std::string TestProgram::judge() {
  if (std::string wrong = call_alone(test_->after, "its `after`"); !wrong.empty()) return wrong;
  return history_.judge(test_->capacity, [&](std::uint32_t thread) {
    return thread == History::alone ? std::string("before and after") : fiber_name(thread);
  });
}

std::string TestProgram::fiber_name(std::uint32_t fiber) const {
  const auto address = [&](std::uint32_t thread) {
    return reinterpret_cast<const void*>(test_->threads[thread]);
  };
  const std::string name = name_of_ ? name_of_(address(fiber)) : std::string();
  if (name.empty()) return Program::fiber_name(fiber);
  std::uint32_t same = 0;
  std::uint32_t same_before = 0;
  for (std::uint32_t thread = 0; thread < fiber_count(); ++thread) {
    if (address(thread) != address(fiber)) continue;
    ++same;
    if (thread < fiber) ++same_before;
  }
  return same == 1 ? name : fmt::format("{} {}", name, same_before + 1);
}

}  // namespace ringside::check
