// The forms of requests, and the meaning of each.
#include "emu/dom0/requests/dom0_request.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <span>

namespace ringside::dom0 {

namespace {

constexpr std::size_t words_max = 4;

struct Form {
  std::string_view verb;
  Dom0Request::Verb meaning;
  std::size_t words;
  std::size_t words_optional;
  std::string_view usage;
};

constexpr std::array<Form, 11> forms{{
    {"console", Dom0Request::Verb::console, 2, 0, "console <domid>"},
    {"consoles", Dom0Request::Verb::consoles, 1, 0, "consoles"},
    {"shutdown", Dom0Request::Verb::shutdown, 3, 0, "shutdown <domid> poweroff|reboot"},
    {"sysrq", Dom0Request::Verb::sysrq, 3, 0, "sysrq <domid> <key>"},
    {"balloon", Dom0Request::Verb::balloon, 3, 0, "balloon <domid> <pages>"},
    {"suspend", Dom0Request::Verb::suspend, 2, 0, "suspend <domid>"},
    {"resume", Dom0Request::Verb::resume, 2, 0, "resume <domid>"},
    {"forget", Dom0Request::Verb::forget, 2, 0, "forget <domid>"},
    {"attach", Dom0Request::Verb::attach, 3, 1, "attach <domid> <path> [<input path>]"},
    {"detach", Dom0Request::Verb::detach, 2, 0, "detach <domid>"},
    {"take", Dom0Request::Verb::take, 2, 0, "take <domid>"},
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

std::optional<std::string> unescape_word(std::string_view word) {
  std::string text;
  while (!word.empty()) {
    char byte = word.front();
    word.remove_prefix(1);
    if (byte == '%') {
      unsigned value = 0;
      const char* const end = word.data() + std::min<std::size_t>(word.size(), 2);
      const auto parsed = std::from_chars(word.data(), end, value, 16);
      if (word.size() < 2 || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
      byte = static_cast<char>(value);
      word.remove_prefix(2);
    }
    text += byte;
  }
  return text;
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
        "unknown request: console, consoles, shutdown, sysrq, balloon, suspend, resume, forget, attach, "
        "detach and take are known");
  }
  if (words.count < form->words || words.count > form->words + form->words_optional)
    return bad(fmt::format("usage: {}", form->usage));
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
    request.message = sysrq_message(argument[0]);
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
  if (request.verb == Dom0Request::Verb::attach) {
    const auto path = unescape_word(argument);
    const auto input_path = unescape_word(words.word[3]);
    if (!path || !input_path) return bad("a path in which % is not followed by two hexadecimal digits");
    request.path = *path;
    request.input_path = *input_path;
  }
  return request;
}

ring::ControlMessage sysrq_message(char key) {
  // One byte for the key and three of padding.
  const std::array<std::uint8_t, 4> payload{static_cast<std::uint8_t>(key), 0, 0, 0};
  return shutdown_message(ring::CMSG_SHUTDOWN_SYSRQ, payload);
}

std::string escape_word(std::string_view text) {
  std::string word;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte <= ' ' || byte == '%' || byte == 0x7f) {
      word += fmt::format("%{:02x}", byte);
    } else {
      word += character;
    }
  }
  return word;
}

}  // namespace ringside::dom0
