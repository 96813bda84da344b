// Converts a journal to the formats of other programs: those that `ringside view` writes besides its own page
// and text.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "emu/trace/journal_file.h"
#include "emu/trace/pcapng.h"
#include "tools/command.h"

namespace ringside::tools {

/// Each is a path, "-" for stdout, or empty: not wanted.
struct Exports {
  std::string pcap;
  std::string mermaid;
  std::string svg;
  std::string slides;
  std::string quiz;
  std::string perfetto;
  std::string asciicast;
  std::string screen;  ///< of the asciicast
  std::string steps;   ///< "50..123", of diagrams and slides
  std::uint16_t link_type = trace::capture_link_type_default;

  [[nodiscard]] std::vector<std::string> files() const {
    return {pcap, mermaid, svg, slides, quiz, perfetto, asciicast};
  }
  [[nodiscard]] bool any() const { return files() != std::vector<std::string>(files().size()); }
  /// Whether `steps` has a meaning.
  [[nodiscard]] bool any_of_steps() const { return !(mermaid.empty() && svg.empty() && slides.empty()); }
};

/// Adds --pcap and the other options.
void add_export_options(Command command, Exports& exports);

/// Refuses options that make no sense. Returns a usage error (EINVAL).
[[nodiscard]] Result<> check_exports(const Exports& exports);

/// Writes every file that has a path. Prints an error unless it returns exit_good.
[[nodiscard]] int write_exports(const trace::Journaled& journal, const Exports& exports);

/// Writes the whole journal as a capture, piece by piece.
void write_capture(const trace::Journaled& journal, std::uint16_t link_type,
                   const std::function<void(std::string_view)>& write);

}  // namespace ringside::tools
