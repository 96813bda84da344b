// The replay page, put together from its parts in tools/page.
#include "tools/view/page.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>

#include "emu/base/check.h"
#include "emu/trace/json.h"
#include "tools/embedded.h"
#include "tools/view/data.h"

namespace ringside::tools {

namespace {

/// More data than this are compressed. A browser takes longer to read a page of 40 MB than for all the rest
/// until it shows the first step; and such a page is sent to other users rather than read as text.
constexpr std::size_t plain_bytes_max = std::size_t{1} << 20;

std::string compressed(const std::string& data) {
  std::string out(compressBound(data.size()), 0);
  uLongf size = out.size();
  const int result = compress(reinterpret_cast<Bytef*>(out.data()), &size,
                              reinterpret_cast<const Bytef*>(data.data()), data.size());
  RS_CHECK(result == Z_OK);  // it fails only when no memory is left
  out.resize(size);
  return out;
}

/// `data` in an element for JSON. No part of it may end that element early.
std::string data_element(const std::string& id, const std::string& data) {
  if (data.size() > plain_bytes_max)
    return "<script type=\"text/plain\" id=\"" + id + "\">" + base64(compressed(data)) + "</script>\n";
  std::string out = "<script type=\"application/json\" id=\"" + id + "\">";
  out.reserve(out.size() + data.size() + 16);
  for (const char c : data) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out + "</script>\n";
}

}  // namespace

std::string base64(const std::string& bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t group = 3;
  std::string out;
  out.reserve((bytes.size() + group - 1) / group * 4);
  for (std::size_t at = 0; at < bytes.size(); at += group) {
    std::uint32_t bits = 0;
    const std::size_t count = std::min(group, bytes.size() - at);
    for (std::size_t i = 0; i < group; ++i)
      bits = bits << 8 | (i < count ? static_cast<std::uint8_t>(bytes[at + i]) : 0u);
    for (std::size_t i = 0; i <= group; ++i) out += i <= count ? digits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

void fill_in(std::string& page, std::string_view mark, std::string_view text) {
  page.replace(page.find(mark), mark.size(), text);
}

std::string replay_page(const std::vector<std::string>& runs, const std::string& live) {
  std::string data = data_element("hops", hops_data());
  for (std::size_t at = 0; at < runs.size(); ++at)
    data += data_element("run-" + std::to_string(at), runs[at]);
  if (!live.empty()) data += data_element("live", trace::json_text(live));
  std::string page(embedded::page_html);
  fill_in(page, "/* STYLES */", embedded::page_css);
  // Each part is a script of its own, in this order.
  std::string scripts;
  for (const std::string_view part :
       {embedded::page_model, embedded::page_terminal, embedded::page_words, embedded::page_lanes,
        embedded::page_source, embedded::page_check, embedded::page_byte_rings, embedded::page_panes,
        embedded::page_predict, embedded::page_find, embedded::page_reading, embedded::page_live,
        embedded::page_main})
    scripts += std::string(part) + "\n";
  fill_in(page, "/* SCRIPTS */", scripts);
  fill_in(page, "<!-- DATA -->", data);
  return page;
}

}  // namespace ringside::tools
