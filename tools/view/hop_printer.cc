// Prints each journal entry, and the meaning of its hop from the catalogue.
#include "tools/view/hop_printer.h"

#include <fmt/format.h>

#include "emu/trace/hops.h"
#include "emu/trace/text.h"
#include "tools/prose.h"

namespace ringside::tools {

void HopPrinter::part(const std::string& heading, const std::string& introduction) {
  std::printf("\n== %s ==\n\n", heading.c_str());
  print_wrapped(introduction, "");
  std::printf("\n");
  part_began_ns_ = 0;
}

void HopPrinter::show(const trace::Entry& entry) {
  if (part_began_ns_ == 0) part_began_ns_ = entry.time_ns;
  ++step_;
  // When a process sleeps is no part of a byte's way.
  if (entry.kind == trace::Kind::mask_changed) return;
  const std::uint64_t time_us = (entry.time_ns - part_began_ns_) / 1000;
  std::printf("%4llu  +%-6s  %s\n", static_cast<unsigned long long>(step_),
              fmt::format("{}us", time_us).c_str(), trace::sentence(entry).c_str());
  const trace::Hop* hop = hop_finder_.find(entry);
  if (hop != nullptr && explained_.insert(hop->id).second) print_wrapped(hop->meaning, "                 | ");
}

}  // namespace ringside::tools
