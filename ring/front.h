// The requester's end of a ring: it produces requests and consumes responses, and can do nothing else.
//
// A request holds its slot until take_response() has taken its response, which overwrites the request in
// place. A Front belongs to one thread of one process; its peer is a Back over the same page.
#pragma once

#include <optional>

#include "ring/layout.h"
#include "ring/memory.h"

namespace ringside::ring {

/// The outcome of asking for a response.
enum class TakeResponse : std::uint8_t {
  taken,
  empty,        ///< nothing new
  long_length,  ///< taken, but `length` was above 60: the copy says 60, the peer is at fault
  bad_index,    ///< rsp_prod claims responses to requests never published, or moved backwards: nothing was
                ///< taken
};

template <class Memory = NativeMemory>
class Front {
 public:
  /// Attaches to a ring whose indices may be past zero: requests continue at req_prod, responses at rsp_prod.
  /// Returns nothing if the page claims more than 8 outstanding requests.
  [[nodiscard]] static std::optional<Front> attach(SharedRing ring) {
    const Index req_prod = Memory::load(ring.req_prod);
    const Index rsp_prod = Memory::load(ring.rsp_prod);
    if (distance(req_prod, rsp_prod) > slots_per_ring) return std::nullopt;
    return Front(ring, req_prod, rsp_prod);
  }

  /// True when all 8 slots hold requests whose responses have not been taken.
  [[nodiscard]] bool full() const { return outstanding() == slots_per_ring; }

  /// Requests put whose responses have not been taken, 0..8.
  [[nodiscard]] std::uint32_t outstanding() const { return distance(req_prod_pvt_, rsp_cons_); }

  /// Fills the next slot; the peer sees it only after publish(). Returns false, and changes nothing, when the
  /// ring is full.
  [[nodiscard]] bool put_request(const ControlMessage& message) {
    if (full()) return false;
    Memory::copy_to_shared(ring_.slots + slot_of(req_prod_pvt_), &message);
    ++req_prod_pvt_;
    return true;
  }

  /// Makes every request put so far visible to the peer. The caller sends the notification.
  void publish() {
    // Orders the slots before the index; pairs with the rmb in Back::take_request. Without it the peer may
    // read a slot's previous contents.
    Memory::wmb();
    Memory::store(ring_.req_prod, req_prod_pvt_);
    req_prod_ = req_prod_pvt_;
  }

  /// Copies the next response out and frees its slot. Reads rsp_prod once and the slot once.
  [[nodiscard]] TakeResponse take_response(ControlMessage& out) {
    const Index rsp_prod = Memory::load(ring_.rsp_prod);
    if (rsp_prod == rsp_cons_) return TakeResponse::empty;
    // The limit is the number of published requests: a request that is not published yet cannot have a
    // response.
    if (distance(rsp_prod, rsp_cons_) > distance(req_prod_, rsp_cons_)) return TakeResponse::bad_index;
    // Orders the index before the slot; pairs with the wmb in Back::publish. Without it the slot may still
    // show the request.
    Memory::rmb();
    Memory::copy_from_shared(&out, ring_.slots + slot_of(rsp_cons_));
    // The slot is free from now on. Only this end writes it until publish(), whose wmb also keeps this read
    // before the index that hands the slot over.
    ++rsp_cons_;
    if (out.length <= payload_bytes_max) return TakeResponse::taken;
    out.length = payload_bytes_max;
    return TakeResponse::long_length;
  }

  /// True when take_response() would return something other than empty. No side effects.
  [[nodiscard]] bool has_response() const { return Memory::load(ring_.rsp_prod) != rsp_cons_; }

  [[nodiscard]] Index req_prod_pvt() const { return req_prod_pvt_; }
  [[nodiscard]] Index rsp_cons() const { return rsp_cons_; }

 private:
  Front(SharedRing ring, Index req_prod, Index rsp_prod)
      : ring_(ring), req_prod_pvt_(req_prod), req_prod_(req_prod), rsp_cons_(rsp_prod) {}

  SharedRing ring_;
  Index req_prod_pvt_;
  Index req_prod_;  // as last published; never read back from the page, where the peer can write
  Index rsp_cons_;
};

}  // namespace ringside::ring
