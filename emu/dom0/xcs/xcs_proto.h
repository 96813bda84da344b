// The protocol of the xcs socket: one message of 80 bytes for everything, host byte order, natural alignment
// of x86-64, as xcs_proto.h of 2005 compiled. A client of 2005 works with it unchanged.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring/message.h"

namespace ringside::dom0 {

/// xcs_msg_t::type.
enum XcsType : std::uint32_t {
  XCS_CONNECT_CTRL = 0,
  XCS_CONNECT_DATA = 1,
  XCS_CONNECT_BYE = 2,
  XCS_MSG_BIND = 3,
  XCS_MSG_UNBIND = 4,
  XCS_VIRQ_BIND = 5,
  XCS_MSG_WRITELOCK = 6,  ///< defined, never implemented
  XCS_CIF_NEW_CC = 7,
  XCS_CIF_FREE_CC = 8,
  XCS_REQUEST = 9,
  XCS_RESPONSE = 10,
  XCS_VIRQ = 11,
  /// ringside's own, on a control connection. It means: "from now on `result` of my REQUEST frames is a tag,
  /// and `result` of my RESPONSE frames is the index that the request had". A switch that does not know it
  /// returns it unchanged; one that does answers with xcs_numbers_kept as the session id, or with
  /// xcs_numbers_early if it answers console messages itself before it gets the answer. Its own frames then
  /// carry the same in `result`: the index of a REQUEST, the tag of the request that a RESPONSE answers. In
  /// 2005 `result` held no defined value there.
  XCS_NUMBERS = 0x4b435352,
  /// ringside's own, on the data connection of a session that has numbers. It is returned unchanged, after
  /// all frames for the requests that were in the rings of domain `control.remote_dom` when it was read. A
  /// reply on the control connection shows less, because it may overtake frames on this one.
  XCS_MARK = 0x4b52534d,
};

/// xcs_msg_t::result of a reply on a control connection. Has no meaning in frames without replies.
enum XcsResult : std::uint32_t {
  XCS_RSLT_OK = 0,
  XCS_RSLT_FAILED = 1,
  XCS_RSLT_ARECONNECTED = 2,
  XCS_RSLT_BADSESSION = 3,
  XCS_RSLT_NOSESSION = 4,
  XCS_RSLT_CONINUSE = 5,
  XCS_RSLT_BADREQUEST = 6,
};

inline constexpr std::uint64_t xcs_numbers_kept = 1;
inline constexpr std::uint64_t xcs_numbers_early = 2;
inline constexpr std::int32_t xcs_port_wildcard = static_cast<std::int32_t>(0xefffffff);
inline constexpr std::uint16_t xcs_type_wildcard = 0xffff;
inline constexpr std::uint16_t xcs_type_virq = 0xfffe;
/// The highest domain id that xcs of 2005 served; see Quirk::xcs_maxdom.
inline constexpr std::uint32_t xcs_domain_max_2005 = 1024;

struct XcsConnect {
  std::uint64_t session_id;
};
struct XcsBind {
  std::int32_t port;
  std::uint16_t type;
};
/// Of VIRQ_BIND and its reply. A VIRQ frame has its port elsewhere: in `control.local_port`.
struct XcsVirq {
  std::int32_t port;
  std::uint16_t virq;
};
struct XcsInterface {
  std::uint32_t dom;
  std::int32_t local_port;
  std::int32_t remote_port;
};
struct XcsControl {
  std::uint32_t remote_dom;
  std::int32_t local_port;
  ring::ControlMessage msg;
};

/// xcs_msg_t.
struct XcsMessage {
  std::uint32_t type = 0;
  std::uint32_t result = 0;
  union {
    XcsConnect connect;
    XcsBind bind;
    XcsVirq virq;
    XcsInterface interface;
    XcsControl control;
    std::uint8_t raw[72];
  } u = {.raw = {}};
};

static_assert(sizeof(XcsMessage) == 80);
static_assert(offsetof(XcsMessage, type) == 0);
static_assert(offsetof(XcsMessage, result) == 4);
static_assert(offsetof(XcsMessage, u.connect.session_id) == 8);
static_assert(offsetof(XcsMessage, u.bind.port) == 8);
static_assert(offsetof(XcsMessage, u.bind.type) == 12);
static_assert(offsetof(XcsMessage, u.virq.port) == 8);
static_assert(offsetof(XcsMessage, u.virq.virq) == 12);
static_assert(offsetof(XcsMessage, u.interface.dom) == 8);
static_assert(offsetof(XcsMessage, u.interface.local_port) == 12);
static_assert(offsetof(XcsMessage, u.interface.remote_port) == 16);
static_assert(offsetof(XcsMessage, u.control.remote_dom) == 8);
static_assert(offsetof(XcsMessage, u.control.local_port) == 12);
static_assert(offsetof(XcsMessage, u.control.msg) == 16);

}  // namespace ringside::dom0
