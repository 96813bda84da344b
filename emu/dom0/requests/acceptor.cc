// Accepts connections, and pauses when the host can give none.
#include "emu/dom0/requests/acceptor.h"

#include <utility>

namespace ringside::dom0 {

Acceptor::Acceptor(Host& host, std::function<void(Handle)> accepted)
    : host_(host), accepted_(std::move(accepted)) {}

Acceptor::~Acceptor() {
  close();
}

void Acceptor::start(Handle listener) {
  RS_CHECK(!open());
  listener_ = std::move(listener);
  host_.watch(listener_, {.read = true}, [this](Ready) { take(); });
}

void Acceptor::close() {
  if (rest_ != 0) host_.timer_cancel(std::exchange(rest_, 0));
  listener_.close();
}

void Acceptor::take() {
  for (int count = 0; count < accepts_per_turn_max && open(); ++count) {
    auto stream = host_.accept(listener_);
    if (!stream) {
      host_.warn(stream.error().text());
      host_.watch_interest(listener_, {});
      rest_ = host_.timer_start(accept_rest, [this] {
        rest_ = 0;
        host_.watch_interest(listener_, {.read = true});
      });
      return;
    }
    if (!stream->has_value()) return;
    accepted_(std::move(**stream));
  }
}

}  // namespace ringside::dom0
