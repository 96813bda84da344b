// The command line's subcommands and options. CLI11 does the work; only options.cc includes it, because it
// takes seconds to compile.
//
// Command and Option are handles: they may be copied and are valid as long as their CommandLine. Options
// write into the caller's variables during parse(), so these variables must live until then. parse() prints
// the errors of a command line.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ringside::tools {

struct DeclaredCommand;

class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option required();
  /// Must not be given together with `other`.
  Option excludes(Option other);
  /// May only be given together with `other`.
  Option needs(Option other);
  /// Accepts min to max, both included.
  template <class T>
  Option range(T min, T max);
  /// Accepts one of these words.
  Option one_of(std::vector<std::string> words);
  /// `problem_of` returns what is wrong with a value, or an empty text. The help shows `form` after the type.
  Option check(std::function<std::string(const std::string& value)> problem_of, const std::string& form = "");
  /// For a list: the option's name is repeated before each value.
  Option one_at_a_time();
  /// For a list: accepts 0 to `values` values.
  Option at_most(int values);
  /// The help shows this in place of the value's type.
  Option type_name(const std::string& name);
  /// The help shows the variable's present value.
  Option show_default();
  /// Hidden from the help.
  Option hidden();

 private:
  CLI::Option* option_;
};

class Command {
 public:
  explicit Command(CLI::App& app) : app_(&app) {}

  Command add_subcommand(const std::string& name, const std::string& what);
  /// `names` is "-o,--output", or "FILE" for a positional. T is one of the types at the end of options.cc.
  template <class T>
  Option add_option(const std::string& names, T& into, const std::string& what = "");
  Option add_flag(const std::string& names, bool& into, const std::string& what);
  /// An option whose values have names.
  template <class Enum>
  Option add_choice(const std::string& names, Enum& into,
                    const std::vector<std::pair<std::string, Enum>>& choices, const std::string& what);
  /// Sets the text at the end of its help.
  void footer(const std::string& text);
  /// Calls `chosen` when the whole command line is valid and contains this subcommand, after the callbacks of
  /// its own subcommands.
  void callback(std::function<void()> chosen);
  /// The help lists it under this heading.
  void group(const std::string& heading);
  /// Hidden from the help.
  void hidden();
  /// Does not parse its arguments, except --help in the first place.
  void prefix_command();
  /// The arguments that were not parsed, for its callback.
  [[nodiscard]] std::vector<std::string> remaining() const;
  /// All that was declared up to now: tools/declared.h.
  [[nodiscard]] DeclaredCommand declared() const;
  /// What --help prints for the subcommand with these names; empty if there is none.
  [[nodiscard]] std::optional<std::string> help_of(const std::vector<std::string>& names) const;

 private:
  using Choices = std::vector<std::pair<std::string, int>>;
  Option add_choice_of(const std::string& names, std::function<void(int)> chosen, const Choices& choices,
                       const std::string& what);

  CLI::App* app_;
};

/// The program itself, which requires a subcommand.
class CommandLine {
 public:
  /// `details` makes the text of --version --verbose.
  CommandLine(const std::string& name, const std::string& version,
              const std::function<std::string()>& details, const std::string& what);
  ~CommandLine();

  enum class Parsed {
    good,
    answered,  ///< help or the version was requested and is printed
    wrong,     ///< an error is printed
  };

  [[nodiscard]] Command program();
  [[nodiscard]] Parsed parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
  bool verbose_ = false;
};

/// For callbacks: ends parse() with the error that this required option is missing.
[[noreturn]] void throw_missing(const std::string& name);

/// Reads a number in the notations that options accept: decimal, hexadecimal, octal. Empty if `text` is not a
/// number.
[[nodiscard]] std::optional<std::uint64_t> number_in_option(const std::string& text);

template <class Enum>
Option Command::add_choice(const std::string& names, Enum& into,
                           const std::vector<std::pair<std::string, Enum>>& choices,
                           const std::string& what) {
  Choices numbers;
  for (const auto& [name, value] : choices) numbers.emplace_back(name, static_cast<int>(value));
  return add_choice_of(
      names, [&into](int value) { into = static_cast<Enum>(value); }, numbers, what);
}

}  // namespace ringside::tools
