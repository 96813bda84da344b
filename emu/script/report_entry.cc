// Entries in the scenario language, so that a line of a report can be pasted into a scenario.
#include <fmt/format.h>

#include <algorithm>

#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/script/print.h"
#include "emu/script/report.h"
#include "emu/script/vocabulary.h"
#include "emu/trace/text.h"

namespace ringside::script {

namespace {

using trace::Entry;
using trace::Kind;
using trace::Role;

class Wording {
 public:
  Wording(const Entry& entry, const ActorMap::Names& names) : entry_(entry), names_(names) {}

  [[nodiscard]] std::string text() const;

 private:
  [[nodiscard]] std::string name(trace::Actor actor) const;
  /// A guest sees the controller, xcs or xenctld, as dom0.
  [[nodiscard]] std::string end_name(trace::Actor actor) const;
  [[nodiscard]] std::string event_sender() const;
  [[nodiscard]] std::string byte_ring() const;
  [[nodiscard]] std::string message() const;
  [[nodiscard]] std::string payload() const;
  [[nodiscard]] std::string frame() const;
  [[nodiscard]] std::string frame_taken() const;
  [[nodiscard]] std::string bytes() const;
  [[nodiscard]] std::string counter() const;
  [[nodiscard]] std::string comment() const { return "# " + trace::sentence(entry_); }

  const Entry& entry_;
  const ActorMap::Names& names_;
};

std::string Wording::name(trace::Actor actor) const {
  const auto known = std::ranges::find(names_, actor, &std::pair<trace::Actor, std::string>::first);
  if (known != names_.end() && actor.role != Role::dom0) return known->second;
  // xcs numbers its clients. The one that is no raw client is xend.
  if (actor.role == Role::client) return "xend";
  if (actor.role == Role::tty || actor.role == Role::program) return fmt::format("dom{}", actor.number);
  return trace::actor_name(actor);
}

std::string Wording::end_name(trace::Actor actor) const {
  const auto known = std::ranges::find(names_, actor, &std::pair<trace::Actor, std::string>::first);
  return known != names_.end() ? known->second : name(actor);
}

/// Xen raises today's events of consoles for the sender.
std::string Wording::event_sender() const {
  const bool of_channel = entry_.actor.role == Role::xen &&
                          static_cast<trace::EventSource>(entry_.from_value) == trace::EventSource::channel;
  const std::string controller = end_name(trace::dom0_actor);
  const std::string_view today = spelled(Controller::xenconsoled);
  if (!of_channel || controller != today) return name(entry_.actor);
  return entry_.peer == trace::dom0_actor ? fmt::format("dom{}", entry_.domain) : controller;
}

std::string Wording::byte_ring() const {
  return fmt::format("dom{}.{}", entry_.domain, spelled(name_of(trace::byte_ring_of(entry_))));
}

std::string Wording::payload() const {
  const std::string_view bytes = trace::text_of(entry_);
  const bool cut = bytes.size() > trace::shown_bytes_max;
  return written_text(bytes.substr(0, trace::shown_bytes_max)) + (cut ? "..." : "");
}

std::string Wording::message() const {
  const ring::ControlMessage& message = entry_.message;
  const bool console = message.type == ring::CMSG_CONSOLE;
  std::string text = trace::message_type_name(message.type);
  if (message.subtype != 0 || !message_subtypes(message.type).empty()) {
    const auto known = message_subtypes(message.type);
    const auto named = std::ranges::find(known, message.subtype, &NamedNumber::number);
    text += named == known.end() ? fmt::format(" subtype {}", message.subtype)
                                 : fmt::format(" subtype {}", named->name);
  }
  if (!console || (message.id != 0 && message.id != ring::no_callback_id))
    text += fmt::format(" id {}", message.id);
  text += fmt::format(" length {}", message.length);
  if (message.length != 0) text += " " + payload();
  return text;
}

std::string Wording::frame() const {
  const bool request = entry_.detail == dom0::XCS_REQUEST;
  if (request || entry_.detail == dom0::XCS_RESPONSE) {
    return fmt::format("{} sends {} {} {}{}", name(entry_.actor), name(entry_.peer),
                       request ? "request" : "response", message(),
                       entry_.domain == 0 ? "" : fmt::format("  # of dom{}", entry_.domain));
  }
  return comment();
}

std::string Wording::frame_taken() const {
  const std::string who = name(entry_.actor);
  if (entry_.detail == dom0::XCS_VIRQ) return who.starts_with("client") ? who + " receives virq" : comment();
  return fmt::format("{} receives {} {} from {}{}", who,
                     entry_.detail == dom0::XCS_REQUEST ? "request" : "response", message(),
                     name(entry_.peer), entry_.domain == 0 ? "" : fmt::format("  # of dom{}", entry_.domain));
}

std::string Wording::bytes() const {
  if (entry_.peer.role == Role::user) {
    const std::string who = name(entry_.peer);
    return fmt::format("{} {} {}", who, who.starts_with("user") ? "sees" : "shows", payload());
  }
  if (entry_.peer.role == Role::program) return fmt::format("{} reads {}", name(entry_.peer), payload());
  return comment();
}

std::string Wording::counter() const {
  for (const CounterAbout& each : counters_known()) {
    const bool is_its =
        (each.roles & only(entry_.actor.role == Role::tty ? Role::domain : entry_.actor.role)) != 0;
    const bool counts = std::ranges::any_of(each.sources, [&](const CounterSource& source) {
      return source == CounterSource{CountedBy::counter, entry_.detail};
    });
    if (is_its && counts) {
      return fmt::format("{}.{} changes  # by {}", name(entry_.actor), each.name,
                         std::int64_t{entry_.to_value} - std::int64_t{entry_.from_value});
    }
  }
  return comment();
}

std::string Wording::text() const {
  const std::string who = name(entry_.actor);
  switch (entry_.kind) {
    case Kind::slot_written:
      return fmt::format("{} writes {}[{}] {} {}", who, trace::ring_name(entry_.domain, entry_.ring),
                         entry_.to_value, entry_.detail == 0 ? "request" : "response", message());
    case Kind::index_moved:
      return fmt::format("{} moves {} {} {} -> {}", who, trace::ring_name(entry_.domain, entry_.ring),
                         trace::index_name(static_cast<trace::IndexName>(entry_.detail)), entry_.from_value,
                         entry_.to_value);
    case Kind::event_raised:
      return fmt::format("event {} -> {}  # {}", event_sender(), end_name(entry_.peer),
                         trace::raised_name(static_cast<ring::Raised>(entry_.detail)));
    case Kind::event_taken:
      return fmt::format("{} takes event", who);
    case Kind::bytes_written:
      return fmt::format("{} writes {} {}", who, byte_ring(), payload());
    case Kind::byte_index_moved:
      return fmt::format("{} moves {} {} {} -> {}", who, byte_ring(),
                         trace::index_name(static_cast<trace::ByteIndex>(entry_.detail)), entry_.from_value,
                         entry_.to_value);
    case Kind::mask_changed:
    case Kind::byte_index_found:
    case Kind::bytes_found:
      break;  // no line expects it
    case Kind::frame_passed:
      return frame();
    case Kind::frame_taken:
      return frame_taken();
    case Kind::bytes_passed:
      return bytes();
    case Kind::refused: {
      const bool of_another = !(entry_.peer == entry_.actor);
      return fmt::format("{} refuses{} {}", who, of_another ? " " + name(entry_.peer) : "",
                         written_text(trace::words_of(entry_)));
    }
    case Kind::counted:
      return counter();
    case Kind::quirk:
      return fmt::format("quirk {} bites", trace::escaped_words(entry_));
    case Kind::told:
      return fmt::format("{} says {}{}", who, written_text(trace::words_of(entry_)),
                         entry_.domain == 0 ? "" : fmt::format("  # of dom{}", entry_.domain));
  }
  return comment();
}

}  // namespace

std::string as_expected(const trace::Entry& entry, const ActorMap::Names& names) {
  return Wording(entry, names).text();
}

}  // namespace ringside::script
