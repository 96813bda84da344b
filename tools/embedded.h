// Files of the tree that are part of the program. tools/meson.build lists them; embed.py makes them text.
#pragma once

#include <span>
#include <string_view>

namespace ringside::tools::embedded {

/// emu/trace/journal_schema.json
extern const std::string_view journal_schema;

// tools/page: the replay page, and others.
extern const std::string_view page_html;
extern const std::string_view page_css;
extern const std::string_view page_index;
extern const std::string_view page_slides;
extern const std::string_view page_plain_css;
extern const std::string_view page_sweep;
extern const std::string_view page_sheet;
extern const std::string_view page_quiz;
extern const std::string_view page_model;
extern const std::string_view page_terminal;
extern const std::string_view page_words;
extern const std::string_view page_lanes;
extern const std::string_view page_byte_rings;
extern const std::string_view page_panes;
extern const std::string_view page_source;
extern const std::string_view page_check;
extern const std::string_view page_predict;
extern const std::string_view page_find;
extern const std::string_view page_reading;
extern const std::string_view page_live;
extern const std::string_view page_main;

// tools/play: the editor.
extern const std::string_view play_page;

/// A file of a folder, by its path from there.
struct File {
  std::string_view path;
  std::string_view text;
};

/// scenarios/labs
extern const std::span<const File> labs;

}  // namespace ringside::tools::embedded
