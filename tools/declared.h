// What a command line declares, as data: for man pages and completion, which must not differ from --help.
// Command::declared() makes it.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace ringside::tools {

struct DeclaredOption {
  std::vector<std::string> names;  ///< "-j", "--jobs"; for a positional its name, "FILE"
  bool positional = false;
  std::string value;          ///< what it takes: "N", "sim|real|both"; empty for a flag
  std::string range;          ///< of a number: "1 to 256"; may be empty
  std::string default_value;  ///< may be empty
  std::string what;           ///< the help's sentence
  bool required = false;
  bool many = false;                  ///< may be given more than once
  std::vector<std::string> words;     ///< the words that it accepts, if they are a fixed list
  std::vector<std::string> needs;     ///< names of other options
  std::vector<std::string> excludes;  ///< names of other options
  /// Whether the option accepts this value.
  std::function<bool(const std::string& value)> accepts;
};

struct DeclaredCommand {
  std::string name;
  std::string what;
  std::string footer;                     ///< the text at the end of its help: sentences and examples
  std::string group;                      ///< the heading in the list of commands
  bool takes_any_arguments = false;       ///< options of other programs: it does not parse them
  std::vector<DeclaredOption> options;    ///< those that the help shows
  std::vector<DeclaredCommand> commands;  ///< those that the help shows
};

}  // namespace ringside::tools
