// From actors to lanes.
#include "emu/trace/arrow.h"

namespace ringside::trace {

std::string_view lane_name(Lane lane) {
  switch (lane) {
    case Lane::user:
      return "user";
    case Lane::client:
      return "client";
    case Lane::xend:
      return "xend";
    case Lane::xenctld:
      return "xenctld";
    case Lane::xenconsoled:
      return "xencons";
    case Lane::xcs:
      return "xcs";
    case Lane::event:
      return "event";
    case Lane::page:
      return "page";
    case Lane::domain:
      return "domU";
    case Lane::tty:
      return "tty";
    case Lane::dom0:
      return "dom0";
    case Lane::xen:
      return "xen";
    case Lane::uart:
      return "uart";
  }
  return "xen";
}

Lane lane_of(Role role) {
  switch (role) {
    case Role::xen:
      return Lane::xen;
    case Role::dom0:
      return Lane::dom0;
    case Role::xcs:
      return Lane::xcs;
    case Role::xend:
      return Lane::xend;
    case Role::xenctld:
      return Lane::xenctld;
    case Role::xenconsoled:
      return Lane::xenconsoled;
    case Role::uart:
      return Lane::uart;
    case Role::user:
      return Lane::user;
    case Role::client:
      return Lane::client;
    case Role::domain:
      return Lane::domain;
    case Role::tty:
    case Role::program:
      return Lane::tty;
  }
  return Lane::xen;
}

Arrow arrow_of(const Entry& entry, const Flow& flow) {
  const Lane self = lane_of(flow.behind(entry, entry.actor));
  switch (entry.kind) {
    case Kind::slot_written:
      return {self, Lane::page};
    case Kind::index_moved: {
      const auto name = static_cast<IndexName>(entry.detail);
      const bool takes = name == IndexName::req_cons || name == IndexName::rsp_cons;
      return takes ? Arrow{Lane::page, self} : Arrow{self, Lane::page};
    }
    case Kind::bytes_written:
      return {self, Lane::page};
    case Kind::bytes_found:
    case Kind::byte_index_found:
      return {Lane::page, self};
    case Kind::byte_index_moved:
      return is_cons(static_cast<ByteIndex>(entry.detail)) ? Arrow{Lane::page, self}
                                                           : Arrow{self, Lane::page};
    case Kind::event_raised:
      return {self, Lane::event};
    case Kind::event_taken:
      return {Lane::event, self};
    case Kind::frame_passed:
    case Kind::bytes_passed:
      return {self, lane_of(flow.behind(entry, entry.peer))};
    case Kind::mask_changed:
    case Kind::quirk:
    case Kind::refused:
    case Kind::counted:
    case Kind::told:
    case Kind::frame_taken:
      break;
  }
  return {self, self};
}

}  // namespace ringside::trace
