// The hot paths, each COUNT times, for instructions_test.py: it counts the processor's instructions. The
// tests are hidden; each name is a path.
#include <cstdlib>

#include "ring/back.h"
#include "ring/front.h"
#include "test/console_path.h"

namespace instructions {

using namespace ringside;
using namespace ringside::test;

namespace {

/// Keeps the last entry.
class LastEntry final : public trace::Sink {
 public:
  LastEntry() : Sink(&always_) {}
  void write(trace::Entry& entry) override { last_ = entry; }
  [[nodiscard]] std::uint64_t now_ns() const override { return 0; }
  [[nodiscard]] const trace::Entry& last() const { return last_; }

 private:
  static constexpr std::uint32_t always_ = 1;
  trace::Entry last_;
};

std::size_t count() {
  const char* text = std::getenv("COUNT");
  REQUIRE(text != nullptr);
  return std::strtoul(text, nullptr, 10);
}

void write_entries(trace::Sink& sink) {
  trace::Journal journal(sink, trace::actor(trace::Role::xcs));
  const std::size_t entries = count();
  for (std::size_t i = 0; i < entries; ++i) {
    journal.slot_written(1, ring::Ring::tx, static_cast<ring::Index>(i), trace::SlotUse::request, {});
    // The compiler must not join the iterations.
    asm volatile("" ::: "memory");
  }
}

}  // namespace

TEST_CASE("ring", "[.]") {
  alignas(8) static std::byte page[ring::frame_bytes];
  const auto shared = ring::shared_ring(page, ring::Abi::sring, ring::Ring::tx);
  auto front = ring::Front<>::attach(shared);
  auto back = ring::Back<>::attach(shared);
  const std::size_t messages = count();
  std::size_t done = 0;
  ring::ControlMessage message{};
  for (std::size_t i = 0; i < messages; ++i) {
    if (!front->put_request(message)) break;
    front->publish();
    if (back->take_request(message) != ring::TakeRequest::taken || !back->put_response(message)) break;
    back->publish();
    if (front->take_response(message) == ring::TakeResponse::taken) ++done;
  }
  CHECK(done == messages);
}

TEST_CASE("journal without a listener", "[.]") {
  trace::NullSink sink;
  write_entries(sink);
}

TEST_CASE("journal with a listener", "[.]") {
  LastEntry sink;
  write_entries(sink);
  CHECK(sink.last().kind == trace::Kind::slot_written);
}

TEST_CASE_METHOD(Path, "path", "[.]") {
  const DomainId domain = create();
  auto viewer = view(domain);
  const std::string text = numbered_text(count() * ring::payload_bytes_max);
  boot(domain, std::make_unique<PrintProgram>(text, 0));
  world.run();
  CHECK(viewer->seen == text);
}

}  // namespace instructions
