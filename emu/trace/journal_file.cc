// Writes the lines of a journal file that are not entries.
#include "emu/trace/journal_file.h"

#include <fmt/format.h>

#include <ostream>

#include "emu/trace/json.h"
#include "emu/trace/names.h"

namespace ringside::trace {

namespace {

std::string json_list(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& each : texts) out += (out.empty() ? "" : ",") + json_text(each);
  return "[" + out + "]";
}

std::string ring_json(const JournalRing& ring) {
  std::string slots;
  for (const ring::ControlMessage& each : ring.slots)
    slots += (slots.empty() ? "" : ",") + message_json(each);
  return fmt::format(R"({{"req_prod":{},"rsp_prod":{},"slots":[{}]}})", ring.req_prod, ring.rsp_prod, slots);
}

std::string byte_ring_json(const JournalByteRing& ring) {
  return fmt::format(R"({{"cons":{},"prod":{},"bytes":"{:02x}"}})", ring.cons, ring.prod,
                     fmt::join(ring.bytes, ""));
}

std::string domain_json(const JournalDomain& domain) {
  std::string out = fmt::format(R"({{"id":{},"layout":"{}")", domain.id, layout_name(domain.layout));
  if (!domain.name.empty()) out += R"(,"name":)" + json_text(domain.name);
  if (domain.rings) {
    const auto& [tx, rx] = *domain.rings;
    out += fmt::format(R"(,"rings":{{"tx":{},"rx":{}}})", ring_json(tx), ring_json(rx));
  }
  if (domain.byte_rings) {
    const auto& [in, out_ring] = *domain.byte_rings;
    out += fmt::format(R"(,"byte_rings":{{"in":{},"out":{}}})", byte_ring_json(in), byte_ring_json(out_ring));
  }
  return out + "}";
}

std::string domains_json(const std::vector<JournalDomain>& domains) {
  std::string out;
  for (const JournalDomain& each : domains) out += (out.empty() ? "" : ",") + domain_json(each);
  return "[" + out + "]";
}

std::string scenario_json(const JournalScenario& scenario) {
  return fmt::format(R"({{"name":{},"title":{},"path":{},"lines":{}{}}})", json_text(scenario.name),
                     json_text(scenario.title), json_text(scenario.path), json_list(scenario.lines),
                     scenario.again.empty() ? "" : R"(,"again":)" + json_text(scenario.again));
}

}  // namespace

std::string to_json_line(const JournalHeader& header) {
  std::string line = fmt::format(R"({{"format":"{}","version":{},"made_by":{},"mode":{})", journal_format,
                                 journal_version, json_text(header.made_by), json_text(header.mode));
  if (header.seed) line += fmt::format(R"(,"seed":{})", *header.seed);
  if (!header.controller.empty()) line += R"(,"controller":)" + json_text(header.controller);
  if (!header.answer.empty()) line += R"(,"answer":)" + json_text(header.answer);
  line += fmt::format(R"(,"slots":{},"domains":{},"quirks":{})", ring::slots_per_ring,
                      domains_json(header.domains), json_list(header.quirks));
  if (header.scenario) line += R"(,"scenario":)" + scenario_json(*header.scenario);
  return line + "}";
}

std::string to_json_line(const JournalMark& mark) {
  std::string line =
      fmt::format(R"({{"mark":"{}","after":{},"time_ns":{},"line":{},"text":{})", mark_name(mark.kind),
                  mark.after, mark.time_ns, mark.line, json_text(mark.text));
  if (!mark.file.empty()) line += R"(,"file":)" + json_text(mark.file);
  if (mark.focus != 0) line += fmt::format(R"(,"focus":{})", mark.focus);
  if (mark.act != JournalMark::Act::none) line += fmt::format(R"(,"act":"{}")", act_name(mark.act));
  if (!mark.expected.empty()) line += R"(,"expected":)" + json_text(mark.expected);
  if (!mark.why.empty()) line += R"(,"why":)" + json_list(mark.why);
  return line + "}";
}

void write_journal(std::ostream& file, const Journaled& journal) {
  file << to_json_line(journal.header) << '\n';
  auto mark = journal.marks.begin();
  for (const JournalStep& each : journal.steps) {
    for (; mark != journal.marks.end() && mark->after < each.step; ++mark)
      file << to_json_line(*mark) << '\n';
    file << to_json_line(each.entry, each.step, 0) << '\n';
  }
  for (; mark != journal.marks.end(); ++mark) file << to_json_line(*mark) << '\n';
}

}  // namespace ringside::trace
