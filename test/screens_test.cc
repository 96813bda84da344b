// The screen of a watch's console for the bytes in screens.json. The replay page must show the same screens.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "test/catch.h"
#include "tools/watch/console.h"

namespace screens_test {

using namespace ringside::tools;
using nlohmann::json;

namespace {

std::string bytes_of(const json& screen) {
  std::string bytes = screen.value("sent", "");
  std::istringstream words(screen.value("hex", ""));
  for (std::string word; words >> word;) bytes += static_cast<char>(std::stoi(word, nullptr, 16));
  return bytes;
}

void take(ConsoleScreen& console, std::string_view bytes) {
  console.take({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

/// What it shows, and the place of its cursor.
json shown(const ConsoleScreen& console) {
  json rows = json::array();
  for (std::size_t row = 0; row < console.used_rows(); ++row) {
    std::string text;
    std::size_t columns = 0;
    for (const Glyph& glyph : console.row(row)) {
      columns += glyph.columns;
      if (glyph.columns != 0) append_utf8(text, glyph);
    }
    CHECK(columns == ConsoleScreen::columns);
    text.erase(text.find_last_not_of(' ') + 1);
    rows.push_back(text);
  }
  return {{"rows", rows}, {"cursor", {console.cursor_row(), console.cursor_column()}}};
}

}  // namespace

TEST_CASE("a console shows the screens of screens.json, with the bytes in any pieces") {
  const char* path = std::getenv("SCREENS");
  REQUIRE(path != nullptr);
  const json screens = json::parse(std::ifstream(path));
  REQUIRE(screens.size() > 30);
  for (const json& screen : screens) {
    INFO(screen["says"]);
    const std::string bytes = bytes_of(screen);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      ConsoleScreen console;
      take(console, std::string_view(bytes).substr(0, cut));
      take(console, std::string_view(bytes).substr(cut));
      CHECK(shown(console) == json{{"rows", screen["rows"]}, {"cursor", screen["cursor"]}});
    }
  }
}

}  // namespace screens_test
