// What each hop means, in the terms of the question that was asked in 2005.
#include "tools/story.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/dom0/xcs_proto.h"
#include "emu/trace/text.h"

namespace ringside::tools {

namespace {

using trace::Kind;
using trace::Role;

struct Meaning {
  const char* name;  ///< each is told once
  const char* text;
};

Meaning meaning_of_slot(const trace::Entry& entry) {
  const bool guest = entry.actor.role == Role::domain;
  if (static_cast<trace::SlotUse>(entry.detail) == trace::SlotUse::response) {
    return {"response",
            "A response overwrites the request it answers, in the same ring. Only when the requester has "
            "taken it is that slot free again: if nobody answers, 8 messages are all a guest can send."};
  }
  if (guest) {
    return {"tx request",
            "The guest's console driver puts the bytes into a control message: 4 bytes of header, up to "
            "60 of payload. The message goes into the next of 8 slots of the tx ring, in the page that "
            "the guest and dom0 share."};
  }
  return {"rx request",
          "xcs has dom0's mapping of the same page. What goes down to the guest is a request in the "
          "other ring, rx."};
}

Meaning meaning_of_index(const trace::Entry& entry) {
  switch (static_cast<trace::IndexName>(entry.detail)) {
    case trace::IndexName::req_prod:
      return {"req_prod",
              "Only now does the message exist for the other side: its writer moves the producer index, "
              "after a write barrier. Indices count on for ever; index & 7 is the slot."};
    case trace::IndexName::req_cons:
      return {"req_cons", "The reader keeps its own place in a private index that the page never shows."};
    case trace::IndexName::rsp_prod:
      return {"rsp_prod", "The answer is published the same way as the request was."};
    case trace::IndexName::rsp_cons:
      return {"rsp_cons", "The requester has taken the answer: the slot is free."};
  }
  return {"", ""};
}

Meaning meaning_of_event(const trace::Entry& entry) {
  if (static_cast<ring::Raised>(entry.detail) != ring::Raised::kick) {
    return {"quiet event",
            "An event that is already pending, or whose receiver is awake and looks by itself, costs no "
            "system call: events coalesce, and the ring says how much there is."};
  }
  if (entry.actor.role == Role::domain) {
    return {"event up", "The event channel carries no data. It says only: a message has arrived."};
  }
  return {"event down",
          "Towards the guest the bits are those of shared_info: pending, then mask, then the selector, "
          "then the upcall flag, and only then is the virtual CPU kicked (here: a write to an eventfd)."};
}

Meaning meaning_of_frame(const trace::Entry& entry) {
  const bool up = entry.actor.role == Role::xcs;
  if (entry.detail == dom0::XCS_REQUEST && up) {
    return {"request up",
            "xcs, dom0's control switch, does not look inside. It forwards the message, in an 80-byte "
            "frame on a unix socket, to every client that is bound to this port and type: here, xend."};
  }
  if (entry.detail == dom0::XCS_REQUEST) {
    return {"request down",
            "xend cuts what was typed into messages of at most 60 bytes and sends them to xcs, on the "
            "second of its two sockets."};
  }
  if (entry.detail == dom0::XCS_RESPONSE && !up) {
    return {"response down",
            "xcs never answers a guest itself. xend (to xcs: one of its clients) does, by sending the "
            "request back as the "
            "response, and xcs puts it into the ring."};
  }
  if (entry.detail == dom0::XCS_RESPONSE) {
    return {"response up",
            "The guest's answer goes up the same way. xend counts them: it never has more than 7 inputs "
            "under way in one domain."};
  }
  return {"", ""};
}

Meaning meaning_of_bytes(const trace::Entry& entry) {
  if (entry.actor.role == Role::tty) {
    return {"from tty",
            "The program's terminal hands its output (or the echo of what was typed) to the console "
            "driver, which has a 4096-byte buffer for it."};
  }
  if (entry.peer.role == Role::tty) {
    return {"to tty",
            "The bytes have arrived: the guest's console driver gives them to the terminal that the program "
            "reads from."};
  }
  if (entry.actor.role == Role::xend) {
    return {"to viewer",
            "xend's console code keeps 64 KiB for each domain, and writes to whoever is connected, by TCP "
            "or by unix socket."};
  }
  if (entry.actor.role == Role::user || entry.actor.role == Role::client) {
    return {"typed", "The console client's terminal is raw: every key is sent at once."};
  }
  return {"", ""};
}

Meaning meaning(const trace::Entry& entry) {
  switch (entry.kind) {
    case Kind::slot_written:
      return meaning_of_slot(entry);
    case Kind::index_moved:
      return meaning_of_index(entry);
    case Kind::event_raised:
      return meaning_of_event(entry);
    case Kind::event_taken:
      return {"upcall",
              "The receiver clears the pending mark before it looks at the ring, so that nothing that comes "
              "meanwhile is missed."};
    case Kind::frame_passed:
      return meaning_of_frame(entry);
    case Kind::bytes_passed:
      return meaning_of_bytes(entry);
    case Kind::refused:
    case Kind::counted:
    case Kind::quirk:
    case Kind::told:
      break;
  }
  return {"", ""};
}

constexpr std::size_t text_columns = 92;

void print_wrapped(const std::string& text, const std::string& indent) {
  std::string line;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (!line.empty() && line.size() + 1 + end - at > text_columns - indent.size()) {
      std::printf("%s%s\n", indent.c_str(), line.c_str());
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line.append(text, at, end - at);
    at = end + 1;
  }
  if (!line.empty()) std::printf("%s%s\n", indent.c_str(), line.c_str());
}

}  // namespace

void Story::part(const std::string& heading, const std::string& introduction) {
  std::printf("\n== %s ==\n\n", heading.c_str());
  print_wrapped(introduction, "");
  std::printf("\n");
  part_began_ns_ = 0;
}

void Story::tell(const trace::Entry& entry) {
  if (part_began_ns_ == 0) part_began_ns_ = entry.time_ns;
  const std::uint64_t time_us = (entry.time_ns - part_began_ns_) / 1000;
  std::printf("%4llu  +%-6s  %s\n", static_cast<unsigned long long>(++step_),
              fmt::format("{}us", time_us).c_str(), trace::sentence(entry).c_str());
  const Meaning told = meaning(entry);
  if (*told.name != '\0' && explained_.insert(told.name).second)
    print_wrapped(told.text, "                 | ");
}

}  // namespace ringside::tools
