// The web server of a watch: without the random word of its address no data can be read or written; after any
// request the next browser is served. In an input the byte 1 stands for the word, 2 for the address and port
// that the Host field must name.
#include "emu/host/sim.h"
#include "test/fuzz/input.h"
#include "test/fuzz/targets.h"
#include "tools/watch/web_server.h"

namespace ringside::fuzz {

namespace {

constexpr std::string_view page = "the secret page";

struct Web {
  SimWorld world;
  SimHost& host = world.host("watch");
  SimHost& browser = world.host("browser");
  std::size_t typed = 0;
  tools::WebServer server{host,
                          {.page = [] { return std::string(page); },
                           .typed =
                               [this](Bytes bytes) {
                                 typed += bytes.size();
                                 return std::string(typed % 2 == 0 ? "" : "not now");
                               }}};
  std::string word;
  std::string place;
  std::uint16_t port = 0;

  Web() {
    RS_CHECK(server.listen(0));
    const std::string address = server.address();
    const std::size_t slash = address.find('/', 7);
    place = address.substr(7, slash - 7);
    word = address.substr(slash + 1, address.size() - slash - 2);
    port = static_cast<std::uint16_t>(std::stoul(place.substr(place.find(':') + 1)));
    RS_CHECK(server.event("[a secret event]"));
  }
  [[nodiscard]] std::string real(const std::string& text) const {
    std::string all;
    for (const char c : text) {
      if (c == 1) all += word;
      if (c == 2) all += place;
      if (c != 1 && c != 2) all += c;
    }
    return all;
  }
  void say(const Handle& stream, const std::string& text) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const Io io = browser.write(stream, {reinterpret_cast<const std::uint8_t*>(rest.data()), rest.size()});
      if (io.state != Io::State::moved) break;
      rest.remove_prefix(io.bytes);
      world.run();
    }
    world.run();
  }
  std::string read(const Handle& stream) {
    std::string all;
    for (std::uint8_t piece[4096];;) {
      const Io io = browser.read(stream, piece);
      if (io.state != Io::State::moved) return all;
      all.append(reinterpret_cast<const char*>(piece), io.bytes);
      world.run();
    }
  }
};

}  // namespace

void web_requests(Bytes input) {
  Web web;
  web.world.limit_steps(100'000);
  Input from(input);
  std::array<Handle, 4> streams;
  const bool knows = std::ranges::find(input, 1) != input.end();
  while (!from.empty()) {
    const std::uint32_t what = from.below(16);
    Handle& stream = streams[what % streams.size()];
    if (!stream.valid()) stream = web.browser.connect_tcp(web.port).value();
    // A whole input is usually one request.
    const std::size_t count = what < 12 ? 65'536 : from.byte();
    web.say(stream, web.real(from.text(count)));
    if (what == 15) web.server.begin_anew();
    const std::string answer = web.read(stream);
    RS_CHECK(answer.empty() || answer.starts_with("HTTP/1.1 ") || knows);
    if (knows) continue;
    RS_CHECK(answer.find("secret") == std::string::npos);
    RS_CHECK(web.typed == 0);
  }
  const Handle next = web.browser.connect_tcp(web.port).value();
  web.say(next, "GET /" + web.word + "/ HTTP/1.1\r\nHost: " + web.place + "\r\n\r\n");
  RS_CHECK(web.read(next).ends_with(page));
}

}  // namespace ringside::fuzz
