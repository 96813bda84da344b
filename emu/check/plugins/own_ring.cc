// ringside's own ring, unchanged: Front and Back over NativeMemory, and the two ways in which their owners
// notify each other, EventBits down to the guest and UpEvents up to the controller.
//
// ABI_FLAT selects the layout, RING_RX the ring with the controller as its front. This file adds only the
// steps of the guest and the controller around the ring: mask while awake, clear pending before reading, read
// again after unmasking.
//
// On the wire the 24 bits of a message's type, subtype and id carry the item's id, which the ring does not
// look at.
#include <cstring>
#include <optional>

#include "emu/check/include/ringside/ring_check.h"
#include "ring/back.h"
#include "ring/channel_words.h"
#include "ring/event_bits.h"
#include "ring/front.h"

#ifndef BUG
#define BUG 0
#endif

namespace {

using namespace ringside::ring;

#ifdef ABI_FLAT
constexpr Abi abi = Abi::flat;
constexpr EventOffsets event_offsets = event_offsets_xen20;
#else
constexpr Abi abi = Abi::sring;
constexpr EventOffsets event_offsets = event_offsets_xen30;
#endif
#ifdef RING_RX
constexpr Ring which = Ring::rx;
constexpr ring_check_side guest = RING_CHECK_BACK;
constexpr ring_check_side controller = RING_CHECK_FRONT;
#else
constexpr Ring which = Ring::tx;
constexpr ring_check_side guest = RING_CHECK_FRONT;
constexpr ring_check_side controller = RING_CHECK_BACK;
#endif
constexpr Port port = 1;

std::byte* frame;
std::optional<Front<>> front;
std::optional<Back<>> back;

EventBits<> down() {
  return EventBits<>(frame, abi);
}
UpEvents<> up() {
  return UpEvents<>(frame);
}

// -- how an end is notified, and how it sleeps

void notify(ring_check_side side) {
  const Raised outcome = side == guest ? down().raise(port) : up().raise();
  if (outcome == Raised::kick) ring_check_notify(side);
}

void awake(ring_check_side side) {
  if (side == guest) return down().set_mask(port);
  up().set_mask();
}

bool has_work(ring_check_side side) {
  return side == RING_CHECK_FRONT ? front->has_response() : back->has_request();
}

void guest_woken() {
  down().set_mask(port);
  down().upcall([](Port found) { down().clear_pending(found); });
  if (down().is_pending(port)) down().clear_pending(port);
}

/// Like the guest: an event that was raised while it was awake is found by unmasking, and then taken.
int guest_final_check() {
  if (!down().unmask(port) && !down().upcall_is_pending() && !has_work(guest)) return 0;
  guest_woken();
  return 1;
}

/// Like the controller: a message that is pending now is found by the check of the ring.
int controller_final_check() {
  up().clear_pending();
  if (!up().unmask() && !has_work(controller)) return 0;
  up().set_mask();
  return 1;
}

void controller_woken() {
  up().set_mask();
}

// -- the two ends

ControlMessage message_of(const ring_check_item& item) {
  return make_message(static_cast<std::uint8_t>(item.id), static_cast<std::uint8_t>(item.id >> 8),
                      static_cast<std::uint8_t>(item.id >> 16), {item.bytes, item.length});
}

void item_of(ring_check_item& item, const ControlMessage& message) {
  item.id = message.type | message.subtype << 8 | message.id << 16;
  item.length = message.length;
  std::memcpy(item.bytes, message.msg, sizeof message.msg);
}

void init(void* page, std::uint32_t start) {
  const SharedRing ring = shared_ring(static_cast<std::byte*>(page), abi, which);
  *ring.req_prod = start;
  *ring.rsp_prod = start;
}

int front_attach(void* page, std::uint32_t) {
  frame = static_cast<std::byte*>(page);
  front = Front<>::attach(shared_ring(frame, abi, which));
  awake(RING_CHECK_FRONT);
  return front ? 0 : -1;
}

int back_attach(void* page, std::uint32_t) {
  frame = static_cast<std::byte*>(page);
#if BUG == 34
  back = Back<>::attach(shared_ring(frame, abi, which));
#else
  back = Back<>::attach_first(shared_ring(frame, abi, which));
#endif
  awake(RING_CHECK_BACK);
  return back ? 0 : -1;
}

int push_req(const ring_check_item* item) {
  return front->put_request(message_of(*item)) ? 1 : 0;
}

void front_publish() {
  front->publish();
  notify(RING_CHECK_BACK);
}

int pop_req(ring_check_item* item) {
  ControlMessage message;
  switch (back->take_request(message)) {
    case TakeRequest::taken:
    case TakeRequest::long_length:
      item_of(*item, message);
      return 1;
    case TakeRequest::empty:
      return 0;
    case TakeRequest::bad_index:
      return -1;
  }
  return -1;
}

int push_rsp(const ring_check_item* item) {
  return back->put_response(message_of(*item)) ? 1 : 0;
}

void back_publish() {
  back->publish();
  notify(RING_CHECK_FRONT);
}

int pop_rsp(ring_check_item* item) {
  ControlMessage message;
  switch (front->take_response(message)) {
    case TakeResponse::taken:
    case TakeResponse::long_length:
      item_of(*item, message);
      return 1;
    case TakeResponse::empty:
      return 0;
    case TakeResponse::bad_index:
      return -1;
  }
  return -1;
}

// -- the table

constexpr std::uint32_t ring_offset(std::size_t flat_tx, std::size_t flat_rx, std::size_t sring) {
  const std::size_t of_ring =
      which == Ring::tx ? offsetof(ControlInterfaceSring, tx) : offsetof(ControlInterfaceSring, rx);
  const std::size_t flat = which == Ring::tx ? flat_tx : flat_rx;
  return static_cast<std::uint32_t>(control_interface_offset + (abi == Abi::flat ? flat : of_ring + sring));
}

constexpr std::uint32_t req_prod_offset =
    ring_offset(offsetof(ControlInterfaceFlat, tx_req_prod), offsetof(ControlInterfaceFlat, rx_req_prod),
                offsetof(Sring, req_prod));
constexpr std::uint32_t rsp_prod_offset =
    ring_offset(offsetof(ControlInterfaceFlat, tx_resp_prod), offsetof(ControlInterfaceFlat, rx_resp_prod),
                offsetof(Sring, rsp_prod));
constexpr std::uint32_t slots_offset = ring_offset(offsetof(ControlInterfaceFlat, tx),
                                                   offsetof(ControlInterfaceFlat, rx), offsetof(Sring, ring));

constexpr std::uint32_t channel_offset(std::size_t member) {
  return static_cast<std::uint32_t>(channel_words_offset + member);
}

constexpr ring_check_word words[] = {
    {"req_prod", req_prod_offset, 4, RING_CHECK_REQ_INDEX, RING_CHECK_FRONT},
    {"rsp_prod", rsp_prod_offset, 4, RING_CHECK_RSP_INDEX, RING_CHECK_BACK},
    {"pending", event_offsets.pending, 4, RING_CHECK_FLAG, RING_CHECK_BOTH},
    {"mask", event_offsets.mask, 4, RING_CHECK_FLAG, guest},
    {"selector", event_offsets.selector, 4, RING_CHECK_FLAG, RING_CHECK_BOTH},
    {"upcall_pending", event_offsets.upcall_pending, 1, RING_CHECK_FLAG, RING_CHECK_BOTH},
    {"up_pending", channel_offset(offsetof(ChannelWords, up_pending)), 4, RING_CHECK_FLAG, RING_CHECK_BOTH},
    {"up_mask", channel_offset(offsetof(ChannelWords, up_mask)), 4, RING_CHECK_FLAG, controller},
};

constexpr bool front_is_guest = which == Ring::tx;

constexpr ring_check_ring table = {
    .abi = RING_CHECK_ABI,
    .capabilities = RING_CHECK_RESPONSES | RING_CHECK_ANY_START | RING_CHECK_ATTACH_RUNNING |
                    RING_CHECK_HOSTILE_FRONT | RING_CHECK_HOSTILE_BACK | RING_CHECK_LENGTHS |
                    RING_CHECK_WHOLE_SLOTS | (BUG == 34 ? 0 : RING_CHECK_REATTACH),
    .name = RING_NAME,
    .page_bytes = frame_bytes,
    .slots = slots_per_ring,
    .payload_bytes = payload_bytes_max,
    .slots_offset = slots_offset,
    .slot_bytes = sizeof(ControlMessage),
    .words = words,
    .word_count = sizeof words / sizeof *words,
    .init = init,
    .front_attach = front_attach,
    .back_attach = back_attach,
    .push_req = push_req,
    .pop_req = pop_req,
    .push_rsp = push_rsp,
    .pop_rsp = pop_rsp,
    .front_publish = front_publish,
    .back_publish = back_publish,
    .front_final_check = front_is_guest ? guest_final_check : controller_final_check,
    .back_final_check = front_is_guest ? controller_final_check : guest_final_check,
    .front_woken = front_is_guest ? guest_woken : controller_woken,
    .back_woken = front_is_guest ? controller_woken : guest_woken,
    .detach = nullptr,
    .scenarios = nullptr,
    .scenario_count = 0,
};

}  // namespace

const ring_check_ring* ring_check_plugin() {
  return &table;
}
