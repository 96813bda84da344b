// The bounded byte queue, Result, and the check that aborts a process.
#include <cerrno>
#include <deque>
#include <memory>
#include <string>

#include "emu/base/byte_queue.h"
#include "emu/base/check.h"
#include "test/aborts.h"
#include "test/catch.h"

namespace base_test {

using namespace ringside;
using namespace ringside::test;

namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The content of the queue, taken piece by piece as a reader does.
std::string drain(ByteQueue& queue) {
  std::string all;
  while (!queue.empty()) {
    const auto piece = queue.front();
    all.append(piece.begin(), piece.end());
    queue.drop(piece.size());
  }
  return all;
}

Result<int> parse_digit(char letter) {
  if (letter < '0' || letter > '9') return Error{EINVAL, "cannot read number", {letter}, "not a digit", ""};
  return letter - '0';
}

Result<> fail_or_not(bool fail) {
  if (fail) return Error{ENOENT, "cannot open", "a file", "no such file", "make it"};
  return Done{};
}

}  // namespace

TEST_CASE("a byte queue takes the bytes that fit and returns their number") {
  ByteQueue queue(4);
  CHECK(queue.empty());
  CHECK(queue.capacity() == 4);
  CHECK(queue.push(bytes_of("abc")) == 3);
  CHECK(queue.room() == 1);
  CHECK(queue.push(bytes_of("def")) == 1);
  CHECK(queue.full());
  CHECK(queue.push(bytes_of("g")) == 0);
  CHECK(queue.push({}) == 0);
  CHECK(drain(queue) == "abcd");
  CHECK(queue.empty());
}

TEST_CASE("a byte queue keeps the order across its wrap and returns the oldest bytes in pieces") {
  ByteQueue queue(4);
  queue.push(bytes_of("abc"));
  queue.drop(2);
  CHECK(queue.push(bytes_of("defg")) == 3);
  CHECK(queue.size() == 4);
  CHECK(queue.front().size() == 2);  // c and d, then the wrap
  CHECK(queue.front()[0] == 'c');
  CHECK(drain(queue) == "cdef");
}

TEST_CASE("push_over() on a full queue discards the oldest bytes and counts them") {
  ByteQueue queue(4);
  CHECK(queue.push_over(bytes_of("ab")) == 0);
  CHECK(queue.push_over(bytes_of("cd")) == 0);
  CHECK(queue.push_over(bytes_of("e")) == 1);
  CHECK(queue.size() == 4);
  CHECK(queue.push_over(bytes_of("fgh")) == 3);
  CHECK(drain(queue) == "efgh");
}

TEST_CASE("push_over() with more bytes than the queue holds keeps the last ones") {
  ByteQueue queue(4);
  queue.push(bytes_of("xy"));
  CHECK(queue.push_over(bytes_of("abcdefg")) == 2 + 3);
  CHECK(drain(queue) == "defg");
}

TEST_CASE("bytes that are put back come before all others, across the end of the storage") {
  ByteQueue queue(6);
  queue.push(bytes_of("abcdef"));
  queue.drop(4);
  queue.push_front(bytes_of("bcd"));
  CHECK(queue.size() == 5);
  queue.push_front(bytes_of("a"));
  queue.push_front({});
  CHECK(drain(queue) == "abcdef");
  queue.push_front(bytes_of("xyz"));
  CHECK(drain(queue) == "xyz");
}

TEST_CASE("a cleared queue is empty and behaves like a new one") {
  ByteQueue queue(3);
  queue.push(bytes_of("ab"));
  queue.drop(1);
  queue.clear();
  CHECK(queue.empty());
  CHECK(queue.front().empty());
  CHECK(queue.push(bytes_of("cde")) == 3);
  CHECK(queue.front().size() == 3);
}

TEST_CASE("any sequence of pushes and drops acts like an unbounded queue that refuses at its limit") {
  ByteQueue queue(7);
  std::deque<std::uint8_t> model;
  std::uint32_t state = 1;
  const auto pick = [&state](std::uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 16) % below;
  };
  for (int step = 0; step < 5'000; ++step) {
    std::string bytes(pick(10), '\0');
    for (char& byte : bytes) byte = static_cast<char>(pick(256));
    if (pick(8) == 0) {
      const std::size_t lost = queue.push_over(bytes_of(bytes));
      for (char byte : bytes) model.push_back(static_cast<std::uint8_t>(byte));
      REQUIRE(lost == (model.size() > 7 ? model.size() - 7 : 0));
      while (model.size() > 7) model.pop_front();
    } else {
      const std::size_t taken = queue.push(bytes_of(bytes));
      REQUIRE(taken == std::min(bytes.size(), 7 - model.size()));
      for (std::size_t i = 0; i < taken; ++i) model.push_back(static_cast<std::uint8_t>(bytes[i]));
    }
    const std::size_t drop = pick(static_cast<std::uint32_t>(model.size()) + 1);
    queue.drop(drop);
    model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(drop));
    REQUIRE(queue.size() == model.size());
    REQUIRE(queue.room() == 7 - model.size());
    const auto piece = queue.front();
    REQUIRE(std::equal(piece.begin(), piece.end(), model.begin()));
    REQUIRE(piece.empty() == model.empty());
  }
}

TEST_CASE("dropping more bytes than there are aborts with the condition and the place") {
  const auto said = abort_message([] { ByteQueue(4).drop(1); });
  REQUIRE(said);
  CHECK(said->starts_with("ringside: internal error: count <= size_ does not hold ("));
  CHECK(said->find("byte_queue.h:") != std::string::npos);
}

TEST_CASE("a byte queue of size 0 aborts") {
  CHECK(abort_message([] { ByteQueue queue(0); }));
}

TEST_CASE("a result is its value or its error") {
  CHECK(parse_digit('7').ok());
  CHECK(parse_digit('7').value() == 7);
  const Result<int> failed = parse_digit('x');
  CHECK_FALSE(failed);
  CHECK(failed.error().code == EINVAL);
  CHECK(failed.error().text() == "cannot read number: x: not a digit");
  CHECK(fail_or_not(false).ok());
  CHECK(fail_or_not(true).error().text() == "cannot open: a file: no such file (make it)");
}

TEST_CASE("an error leaves out its empty members") {
  CHECK(Error{0, "cannot start", "", "", ""}.text() == "cannot start");
  CHECK(Error{0, "cannot start", "", "no memory", ""}.text() == "cannot start: no memory");
  CHECK(Error{0, "cannot start", "xen", "", "stop the other one"}.text() ==
        "cannot start: xen (stop the other one)");
}

TEST_CASE("a result can be changed in place and moved out of") {
  Result<std::unique_ptr<int>> owner = std::make_unique<int>(1);
  **owner = 2;
  const std::unique_ptr<int> taken = std::move(owner).value();
  CHECK(*taken == 2);
  Result<std::string> text = std::string("a");
  text->append("b");
  CHECK(*text == "ab");
}

TEST_CASE("value() of a failed result aborts with the error's text") {
  const auto said = abort_message([] { (void)parse_digit('x').value(); });
  REQUIRE(said);
  CHECK(*said == "ringside: value() of a failed Result: cannot read number: x: not a digit\n");
  CHECK(abort_message([] { (void)parse_digit('7').error(); }));
}

TEST_CASE("a check that holds does nothing but evaluate its condition") {
  int evaluated = 0;
  RS_CHECK(++evaluated == 1);
  CHECK(evaluated == 1);
  CHECK(abort_message([] { RS_CHECK(1 + 1 == 3); }));
}

}  // namespace base_test
