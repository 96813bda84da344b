// The responder's end of a ring: it consumes requests and produces responses, and can do nothing else.
//
// A Back belongs to one thread of one process; its peer is a Front over the same page. The peer is not
// trusted: every value in the page is read once, and is checked against what this end knows before it is
// used.
#pragma once

#include <optional>

#include "ring/layout.h"
#include "ring/memory.h"

namespace ringside::ring {

/// The outcome of asking for a request.
enum class TakeRequest : std::uint8_t {
  taken,
  empty,        ///< nothing new
  long_length,  ///< taken, but `length` was above 60: the copy says 60, the peer is at fault
  bad_index,    ///< req_prod claims more than the slots can hold, or moved backwards: nothing was taken
};

template <class Memory = NativeMemory>
class Back {
 public:
  /// Attaches to a ring whose indices may be past zero: responses continue at rsp_prod, requests at req_prod.
  /// Requests without a response are skipped. Returns nothing if the page claims more than 8 of them.
  [[nodiscard]] static std::optional<Back> attach(SharedRing ring) {
    const Index req_prod = Memory::load(ring.req_prod);
    const Index rsp_prod = Memory::load(ring.rsp_prod);
    if (distance(req_prod, rsp_prod) > slots_per_ring) return std::nullopt;
    return Back(ring, req_prod, rsp_prod);
  }

  /// Like attach(), for the first controller of a page: it takes the requests that were made before it
  /// attached, because no other controller has answered them.
  [[nodiscard]] static std::optional<Back> attach_first(SharedRing ring) {
    const auto back = attach(ring);
    if (!back) return std::nullopt;
    return Back(ring, back->rsp_prod_pvt_, back->rsp_prod_pvt_);
  }

  /// Requests taken and not yet answered, 0..8.
  [[nodiscard]] std::uint32_t unanswered() const { return distance(req_cons_, rsp_prod_pvt_); }

  /// Copies the next request out. Reads req_prod once and the slot once. Takes at most 8 requests between two
  /// calls of publish(), even if the peer misbehaves, so a loop of take and put ends.
  [[nodiscard]] TakeRequest take_request(ControlMessage& out) {
    const Index req_prod = Memory::load(ring_.req_prod);
    if (req_prod == req_cons_) return TakeRequest::empty;
    // The peer may fill a slot again only after its response has been published.
    const std::uint32_t held_slots = distance(req_cons_, rsp_prod_);
    if (distance(req_prod, req_cons_) > slots_per_ring - held_slots) return TakeRequest::bad_index;
    // Orders the index before the slot; pairs with the wmb in Front::publish. Without it the read of the slot
    // may return the slot's previous contents.
    Memory::rmb();
    Memory::copy_from_shared(&out, ring_.slots + slot_of(req_cons_));
    // The slot may be overwritten by a response from now on; publish()'s wmb also keeps this read before the
    // index that hands the slot back.
    ++req_cons_;
    if (out.length <= payload_bytes_max) return TakeRequest::taken;
    out.length = payload_bytes_max;
    return TakeRequest::long_length;
  }

  /// Takes a request as every controller of 2005 did: without a check of req_prod. Returns false when there
  /// is no request, or when 8 requests have no response. After a jump of req_prod it returns slots that were
  /// never written, or were written long ago. Used only to demonstrate that.
  [[nodiscard]] bool take_request_unchecked(ControlMessage& out) {
    if (Memory::load(ring_.req_prod) == req_cons_ || unanswered() == slots_per_ring) return false;
    Memory::rmb();
    Memory::copy_from_shared(&out, ring_.slots + slot_of(req_cons_));
    ++req_cons_;
    return true;
  }

  /// Fills the next response slot; the peer sees it only after publish(). A response does not name its
  /// request: the caller chooses the order, and the peer matches by `id`. Returns false, and changes nothing,
  /// when no request lacks a response.
  [[nodiscard]] bool put_response(const ControlMessage& message) {
    if (unanswered() == 0) return false;
    Memory::copy_to_shared(ring_.slots + slot_of(rsp_prod_pvt_), &message);
    ++rsp_prod_pvt_;
    return true;
  }

  /// Makes every response put so far visible to the peer. The caller sends the notification.
  void publish() {
    // Orders the slots before the index; pairs with the rmb in Front::take_response. Without it the peer may
    // take its own request for the response.
    Memory::wmb();
    Memory::store(ring_.rsp_prod, rsp_prod_pvt_);
    rsp_prod_ = rsp_prod_pvt_;
  }

  /// True when take_request() would return something other than empty. No side effects.
  [[nodiscard]] bool has_request() const { return Memory::load(ring_.req_prod) != req_cons_; }

  [[nodiscard]] Index req_cons() const { return req_cons_; }
  [[nodiscard]] Index rsp_prod_pvt() const { return rsp_prod_pvt_; }

 private:
  Back(SharedRing ring, Index req_prod, Index rsp_prod)
      : ring_(ring), req_cons_(req_prod), rsp_prod_pvt_(rsp_prod), rsp_prod_(rsp_prod) {}

  SharedRing ring_;
  Index req_cons_;
  Index rsp_prod_pvt_;
  Index rsp_prod_;  // as last published; never read back from the page, where the peer can write
};

}  // namespace ringside::ring
