// Makes roff of declarations. The text at the end of a help is read by its form: lines that begin with two
// spaces after "Examples:" are examples, a paragraph that begins with "Exit status:" is the exit status, all
// other paragraphs belong to the description.
#include "tools/help/man_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace ringside::tools {

namespace {

constexpr std::size_t roff_columns = 78;

/// Escapes characters that have a meaning in roff, or that roff would replace by others.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string bold(std::string_view text) {
  return "\\fB" + escaped(text) + "\\fR";
}

std::string italic(std::string_view text) {
  return "\\fI" + escaped(text) + "\\fR";
}

/// Converts a sentence of a help text: `code` becomes bold.
std::string marked_up(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() == '`' && text.find('`', 1) != std::string_view::npos) {
      const std::size_t end = text.find('`', 1);
      out += bold(text.substr(1, end - 1));
      text.remove_prefix(end + 1);
      continue;
    }
    const std::size_t next = std::min(text.find('`', 1), text.size());
    out += escaped(text.substr(0, next));
    text.remove_prefix(next);
  }
  return out;
}

/// Adds filled lines. Roff would take a line that begins with a control character for a request, so it is
/// escaped.
void add_filled(std::string& page, std::string_view text) {
  std::string line;
  const auto end_line = [&] {
    if (line.empty()) return;
    if (line.front() == '.' || line.front() == '\'') line.insert(0, "\\&");
    page += line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (!line.empty() && line.size() + 1 + end > roff_columns) end_line();
    if (end > 0) line += (line.empty() ? "" : " ") + std::string(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  end_line();
}

// -- the text at the end of a help

struct Example {
  std::string command;
  std::string what;  ///< may be empty
};

struct Footer {
  std::vector<std::string> paragraphs;
  std::vector<Example> examples;
  std::string exit_status;
};

std::string_view without_margin(std::string_view line) {
  const std::size_t first = line.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view{} : line.substr(first);
}

/// "  command   what it does", or the continuation of what it does, which is far to the right.
void add_example(std::vector<Example>& examples, std::string_view line) {
  constexpr std::size_t far_right = 8;
  const std::string_view text = without_margin(line);
  if (line.size() - text.size() >= far_right && !examples.empty()) {
    examples.back().what += (examples.back().what.empty() ? "" : "; ") + std::string(text);
    return;
  }
  const std::size_t gap = text.find("  ");
  if (gap == std::string_view::npos) return examples.push_back({std::string(text), ""});
  examples.push_back({std::string(text.substr(0, gap)), std::string(without_margin(text.substr(gap)))});
}

/// "ring: ..." begins a paragraph, as an item of a list does.
bool begins_item(std::string_view line) {
  const std::size_t end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz");
  return end != std::string_view::npos && end > 0 && line.substr(end).starts_with(": ");
}

Footer read_footer(std::string_view text) {
  Footer footer;
  bool in_examples = false;
  bool open = false;  // the last paragraph goes on
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line == "Examples:") {
      in_examples = in_examples || !line.empty();
      open = false;
    } else if (in_examples && line.starts_with("  ")) {
      add_example(footer.examples, line);
    } else {
      in_examples = false;
      const std::string words(without_margin(line));
      if (!open || begins_item(line) || line.starts_with("Exit ")) {
        footer.paragraphs.push_back(words);
      } else {
        footer.paragraphs.back() += " " + words;
      }
      open = true;
    }
  }
  const auto is_exit = [](const std::string& each) {
    return each.starts_with("Exit status: ") || each.starts_with("Exit codes: ");
  };
  if (const auto found = std::ranges::find_if(footer.paragraphs, is_exit); found != footer.paragraphs.end()) {
    footer.exit_status = found->substr(found->find(": ") + 2);
    footer.paragraphs.erase(found);
  }
  return footer;
}

// -- the parts of a page

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string sentence(std::string text) {
  if (!text.empty() && std::string_view(".:?!").find(text.back()) == std::string_view::npos) text += ".";
  return text;
}

/// The build adds the date.
void add_title(std::string& page, const std::string& name, std::string_view what) {
  std::string capitals = name;
  std::ranges::transform(capitals, capitals.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  page += fmt::format(".TH {} 1 \"\" \"ringside " RINGSIDE_VERSION "\" \"ringside\"\n", escaped(capitals));
  if (what.ends_with('.')) what.remove_suffix(1);
  std::string subject(what);
  // whatis(1) wants no capital at the beginning; a name such as xcs or XCS stays.
  const auto is_in = [&](std::size_t at, char first, char last) {
    return subject[at] >= first && subject[at] <= last;
  };
  if (subject.size() > 1 && is_in(0, 'A', 'Z') && is_in(1, 'a', 'z'))
    subject[0] = static_cast<char>(subject[0] - 'A' + 'a');
  page += fmt::format(".SH NAME\n{} \\- {}\n", escaped(name), marked_up(subject));
}

void add_option(std::string& page, const DeclaredOption& option) {
  std::string head;
  for (const std::string& name : option.names)
    head += (head.empty() ? "" : ", ") + (option.positional ? italic(name) : bold(name));
  if (!option.positional && !option.value.empty()) head += " " + italic(option.value);
  page += ".TP\n" + head + "\n";
  std::string text = sentence(option.what);
  if (!option.range.empty()) text += " " + option.range + ".";
  // The default of --dir depends on the user.
  if (option.names.back() == "--dir")
    text += " Default: see ENVIRONMENT in ringside(1).";
  else if (!option.default_value.empty())
    text += " Default: " + option.default_value + ".";
  if (!option.needs.empty()) text += " Needs " + joined(option.needs) + ".";
  if (!option.excludes.empty()) text += " Excludes " + joined(option.excludes) + ".";
  add_filled(page, marked_up(text));
}

void add_option_section(std::string& page, const DeclaredCommand& command, bool positional) {
  const auto is_one = [&](const DeclaredOption& each) { return each.positional == positional; };
  if (std::ranges::none_of(command.options, is_one)) return;
  page += positional ? ".SH ARGUMENTS\n" : ".SH OPTIONS\n";
  for (const DeclaredOption& option : command.options) {
    if (is_one(option)) add_option(page, option);
  }
}

void add_synopsis(std::string& page, const DeclaredCommand& command, const std::string& path) {
  page += ".SH SYNOPSIS\n" + bold(path) + "\n[" + italic("OPTION") + "]...";
  for (const DeclaredOption& option : command.options) {
    if (!option.positional) continue;
    const std::string name = italic(option.names.front()) + (option.many ? "..." : "");
    page += " " + (option.required ? name : "[" + name + "]");
  }
  if (command.takes_any_arguments) page += " " + italic("ARGUMENT") + "...";
  page += "\n";
  for (const DeclaredCommand& each : command.commands)
    page += ".br\n" + bold(path + " " + each.name) + " " + italic("ARGUMENT") + "...\n";
}

void add_paragraphs(std::string& page, const std::vector<std::string>& paragraphs) {
  const char* before = "";
  for (const std::string& text : paragraphs) {
    page += before;
    add_filled(page, marked_up(text));
    before = ".PP\n";
  }
}

/// Commands are not filled, so that they can be copied.
void add_examples(std::string& page, const std::vector<Example>& examples) {
  if (examples.empty()) return;
  page += ".SH EXAMPLES\n";
  const char* before = "";
  for (const Example& example : examples) {
    page += std::string(before) + ".nf\n" + bold(example.command) + "\n.fi\n";
    before = ".PP\n";
    if (example.what.empty()) continue;
    page += ".RS 4\n";
    add_filled(page, marked_up(sentence(example.what)));
    page += ".RE\n";
  }
}

std::string page_name(const std::string& command) {
  return "ringside-" + command;
}

}  // namespace

std::string man_page_of_command(const DeclaredCommand& command, const std::string& path) {
  const Footer footer = read_footer(command.footer);
  std::string page;
  add_title(page, page_name(command.name), command.what);
  add_synopsis(page, command, path);
  page += ".SH DESCRIPTION\n";
  if (footer.paragraphs.empty()) add_filled(page, marked_up(sentence(command.what)));
  add_paragraphs(page, footer.paragraphs);
  add_option_section(page, command, true);
  add_option_section(page, command, false);
  if (!command.commands.empty()) page += ".SH COMMANDS\n";
  for (const DeclaredCommand& each : command.commands) {
    page += ".TP\n" + bold(path + " " + each.name) + "\n";
    add_filled(page, marked_up(sentence(each.what)));
    for (const std::string& text : read_footer(each.footer).paragraphs) add_filled(page, marked_up(text));
  }
  add_examples(page, footer.examples);
  if (!footer.exit_status.empty()) {
    page += ".SH \"EXIT STATUS\"\n";
    add_filled(page, marked_up(sentence(footer.exit_status)));
  }
  page += ".SH \"SEE ALSO\"\n.BR ringside (1)\n";
  return page;
}

std::string man_page_of_program(const DeclaredCommand& program) {
  std::string page;
  const std::size_t end_of_name = program.what.find(": ");
  add_title(page, program.name,
            program.what.substr(end_of_name + 2, program.what.find('\n') - end_of_name - 2));
  page +=
      ".SH SYNOPSIS\n" + bold(program.name) + " " + italic("COMMAND") + " [" + italic("OPTION") + "]...\n";
  page += ".SH DESCRIPTION\n";
  std::string about = program.what.substr(program.what.find('\n') + 1);
  std::ranges::replace(about, '\n', ' ');
  add_filled(page, marked_up(about));
  page += ".PP\n";
  add_paragraphs(page, read_footer(program.footer).paragraphs);
  page += ".SH COMMANDS\n";
  std::string group;
  for (const DeclaredCommand& command : program.commands) {
    if (command.group != group && !group.empty()) page += fmt::format(".SS \"{}\"\n", escaped(command.group));
    group = command.group;
    page += fmt::format(".TP\n.BR {} (1)\n", escaped(page_name(command.name)));
    add_filled(page, marked_up(sentence(command.what)));
  }
  add_option_section(page, program, false);
  return page;
}

}  // namespace ringside::tools
