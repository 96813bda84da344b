// The replay page, put together from its parts in tools/page.
#include "tools/view/page.h"

#include "emu/trace/json.h"
#include "tools/embedded.h"
#include "tools/view/data.h"

namespace ringside::tools {

namespace {

/// `data` in an element for JSON. No part of it may end that element early.
std::string data_element(const std::string& id, const std::string& data) {
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

void replace(std::string& page, std::string_view mark, const std::string& text) {
  page.replace(page.find(mark), mark.size(), text);
}

}  // namespace

std::string replay_page(const std::vector<std::string>& runs, const std::string& live) {
  std::string data = data_element("hops", hops_data());
  for (std::size_t at = 0; at < runs.size(); ++at)
    data += data_element("run-" + std::to_string(at), runs[at]);
  if (!live.empty()) data += data_element("live", trace::json_text(live));
  std::string page(embedded::page_html);
  replace(page, "/* STYLES */", std::string(embedded::page_css));
  // Each part is a script of its own, in this order.
  std::string scripts;
  for (const std::string_view part :
       {embedded::page_model, embedded::page_terminal, embedded::page_words, embedded::page_lanes,
        embedded::page_source, embedded::page_check, embedded::page_panes, embedded::page_predict,
        embedded::page_find, embedded::page_reading, embedded::page_live, embedded::page_main})
    scripts += std::string(part) + "\n";
  replace(page, "/* SCRIPTS */", scripts);
  replace(page, "<!-- DATA -->", data);
  return page;
}

}  // namespace ringside::tools
