// Commands and their options, as the command line has them: a small face of CLI11, which only options.cc
// includes, because it takes seconds to compile.
//
// Command and Option are handles: they are copied freely, and are valid as long as their CommandLine. Options
// write into variables of the caller while the command line is parsed; these must live as long, too. What is
// wrong with a command line is said by CommandLine::parse().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ringside::tools {

class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option required();
  /// Not together with the other.
  Option excludes(Option other);
  /// Only together with the other.
  Option needs(Option other);
  /// From min to max, both included.
  template <class T>
  Option range(T min, T max);
  /// One of these words.
  Option one_of(std::vector<std::string> words);
  /// `problem_of` answers what is wrong with a value, or an empty text. The help shows `form`, unless it is
  /// empty.
  Option check(std::function<std::string(const std::string& value)> problem_of, const std::string& form = "");
  /// Of a list: each value has the option's name before it.
  Option one_at_a_time();
  /// Of a list: so many values at most, and perhaps none.
  Option at_most(int values);
  /// What the help has in the place of the value's type.
  Option type_name(const std::string& name);
  /// The help shows what the variable holds now.
  Option show_default();
  /// Not in the help.
  Option hidden();

 private:
  CLI::Option* option_;
};

class Command {
 public:
  explicit Command(CLI::App& app) : app_(&app) {}

  Command add_subcommand(const std::string& name, const std::string& what);
  /// Names as "-o,--output", or "FILE" for one that is known by its place. For a string, a number, an
  /// optional number, or a list of strings; options.cc has the types.
  template <class T>
  Option add_option(const std::string& names, T& into, const std::string& what = "");
  Option add_flag(const std::string& names, bool& into, const std::string& what);
  /// One of an enumeration's values, by name.
  template <class Enum>
  Option add_choice(const std::string& names, Enum& into,
                    const std::vector<std::pair<std::string, Enum>>& choices, const std::string& what);
  /// The end of its help.
  void footer(const std::string& text);
  /// Called once the whole command line is good and has this subcommand in it. What its own subcommands call
  /// is called before.
  void callback(std::function<void()> chosen);
  /// In the help it is listed under this heading.
  void group(const std::string& heading);
  /// Not in the help.
  void hidden();
  /// From the first word on that is no option of its own, the rest is not parsed.
  void prefix_command();
  /// In the callback: the words that were not parsed.
  [[nodiscard]] std::vector<std::string> remaining() const;

 private:
  using Choices = std::vector<std::pair<std::string, int>>;
  Option add_choice_of(const std::string& names, std::function<void(int)> chosen, const Choices& choices,
                       const std::string& what);

  CLI::App* app_;
};

/// The program itself, which requires a subcommand.
class CommandLine {
 public:
  CommandLine(const std::string& name, const std::string& version, const std::string& what);
  ~CommandLine();

  enum class Parsed {
    good,
    answered,  ///< help or the version was asked for, and has been printed
    wrong,     ///< what is wrong has been printed
  };

  [[nodiscard]] Command program();
  [[nodiscard]] Parsed parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

/// In a callback: the command line is wrong, because it lacks this.
[[noreturn]] void throw_missing(const std::string& name);

/// A number as options read numbers: also hexadecimal, and octal. Nothing if it is none.
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
