// The forms a request may have, and what each means.
#include "emu/dom0/dom0_request.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <span>

namespace ringside::dom0 {

namespace {

constexpr std::size_t words_max = 3;

struct Form {
  std::string_view verb;
  Dom0Request::Verb meaning;
  std::size_t words;
  std::string_view usage;
};

constexpr std::array<Form, 8> forms{{
    {"console", Dom0Request::Verb::console, 2, "console <domid>"},
    {"consoles", Dom0Request::Verb::consoles, 1, "consoles"},
    {"shutdown", Dom0Request::Verb::shutdown, 3, "shutdown <domid> poweroff|reboot"},
    {"sysrq", Dom0Request::Verb::sysrq, 3, "sysrq <domid> <key>"},
    {"balloon", Dom0Request::Verb::balloon, 3, "balloon <domid> <pages>"},
    {"suspend", Dom0Request::Verb::suspend, 2, "suspend <domid>"},
    {"resume", Dom0Request::Verb::resume, 2, "resume <domid>"},
    {"forget", Dom0Request::Verb::forget, 2, "forget <domid>"},
}};

struct Words {
  std::array<std::string_view, words_max> word;
  std::size_t count = 0;  ///< words_max + 1 when there are more
};

Words split(std::string_view line) {
  Words words;
  while (true) {
    const std::size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    if (words.count == words_max) {
      ++words.count;
      return words;
    }
    const std::string_view word = line.substr(0, line.find(' '));
    words.word[words.count++] = word;
    line.remove_prefix(word.size());
  }
}

Error bad(std::string why) {
  return {EINVAL, "bad request", "", std::move(why), ""};
}

bool parse_number(std::string_view word, std::uint32_t& number) {
  const char* end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

bool parse_domain(std::string_view word, DomainId& domain) {
  return parse_number(word, domain) && domain >= 1 && domain <= domain_id_max;
}

ring::ControlMessage shutdown_message(ring::ShutdownSubtype subtype, std::span<const std::uint8_t> payload) {
  return ring::make_message(ring::CMSG_SHUTDOWN, subtype, 0, payload);
}

}  // namespace

Result<Dom0Request> parse_dom0_request(std::string_view line) {
  const Words words = split(line);
  const Form* form = nullptr;
  for (const Form& known : forms) {
    if (words.count > 0 && words.word[0] == known.verb) form = &known;
  }
  if (form == nullptr) {
    return bad(
        "unknown request: console, consoles, shutdown, sysrq, balloon, suspend, resume and forget are known");
  }
  if (words.count != form->words) return bad(fmt::format("usage: {}", form->usage));
  Dom0Request request;
  request.verb = form->meaning;
  if (form->words >= 2 && !parse_domain(words.word[1], request.domain)) {
    return bad(fmt::format("not a domain id from 1 to {}", domain_id_max));
  }
  const std::string_view argument = words.word[2];
  if (request.verb == Dom0Request::Verb::shutdown) {
    const bool poweroff = argument == "poweroff";
    if (!poweroff && argument != "reboot") return bad(fmt::format("usage: {}", form->usage));
    request.message =
        shutdown_message(poweroff ? ring::CMSG_SHUTDOWN_POWEROFF : ring::CMSG_SHUTDOWN_REBOOT, {});
  }
  if (request.verb == Dom0Request::Verb::sysrq) {
    if (argument.size() != 1) return bad(fmt::format("usage: {}", form->usage));
    // One byte for the key and three of padding.
    const std::array<std::uint8_t, 4> payload{static_cast<std::uint8_t>(argument[0]), 0, 0, 0};
    request.message = shutdown_message(ring::CMSG_SHUTDOWN_SYSRQ, payload);
  }
  if (request.verb == Dom0Request::Verb::balloon) {
    ring::NumberAndStatus target;
    if (!parse_number(argument, target.number)) return bad(fmt::format("usage: {}", form->usage));
    request.message =
        ring::make_number_message(ring::CMSG_MEM_REQUEST, ring::CMSG_MEM_REQUEST_SET, 0, target);
  }
  if (request.verb == Dom0Request::Verb::suspend) {
    request.message = shutdown_message(ring::CMSG_SHUTDOWN_SUSPEND, {});
  }
  return request;
}

}  // namespace ringside::dom0
