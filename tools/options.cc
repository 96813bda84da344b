// Forwards every call to CLI11. The types that an option may have are instantiated at the end.
#include "tools/options.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <type_traits>

#include "tools/declared.h"

namespace ringside::tools {

namespace {

/// Represents every enumeration: CLI11 shows the type as ENUM and the values as numbers.
enum class NamedValue : int {};

/// Returns what is wrong with a number, or an empty text. CLI11 accepts -1 and numbers that are too large,
/// and turns both into the largest number; its range check for real numbers accepts "nan".
template <class T>
std::string problem_of_number(const std::string& text) {
  std::string not_one = "Value " + text + " is not a number";
  errno = 0;
  if constexpr (std::is_floating_point_v<T>) {
    const double value = std::strtod(text.c_str(), nullptr);
    if (!std::isfinite(value)) return not_one;
  } else {
    const bool is_signed = text.find_first_of("+-") != std::string::npos;
    const unsigned long long value = std::strtoull(text.c_str(), nullptr, 0);
    if (is_signed || errno == ERANGE || value > std::numeric_limits<T>::max())
      return not_one + " from 0 to " + std::to_string(std::numeric_limits<T>::max());
  }
  return "";
}

template <class T>
struct NumberOf {
  using type = T;
};
template <class T>
struct NumberOf<std::optional<T>> {
  using type = T;
};

// -- what was declared

bool is_word(const std::string& text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

/// CLI11 shows a value as its type and then the description of each check: "UINT:UINT in [1 - 256]",
/// "ENUM:sring|flat", "TEXT:{sim,real,both}", "TEXT:pty|none|unix:PATH", or a name of its own, "LIB.so".
void describe_value(const std::string& type, DeclaredOption& option) {
  const auto colon = type.find(':');
  const std::string base = type.substr(0, colon);
  const std::string name = base == "UINT" || base == "INT" ? "N" : base == "FLOAT" ? "NUMBER" : base;
  std::string form = colon == std::string::npos ? "" : type.substr(colon + 1);
  option.value = name;
  if (const auto range = form.find(" in ["); range != std::string::npos) {
    option.range = form.substr(range + 5, form.size() - range - 6);
    option.range.replace(option.range.find(" - "), 3, " to ");
    return;
  }
  if (form.starts_with("{")) {
    form = form.substr(1, form.size() - 2);
    std::ranges::replace(form, ',', '|');
  }
  if (form.empty()) return;
  option.value = form;
  if (form.find('|') == std::string::npos) return;
  for (const std::string& word : CLI::detail::split(form, '|')) {
    if (is_word(word)) option.words.push_back(word);
  }
}

std::vector<CLI::Validator*> validators_of(CLI::Option& option) {
  std::vector<CLI::Validator*> found;
  try {
    while (true) found.push_back(option.get_validator(static_cast<int>(found.size())));
  } catch (const CLI::OptionNotFound&) {
    return found;  // the only way to learn their number
  }
}

std::vector<std::string> names_of(const std::set<CLI::Option*>& options) {
  std::vector<std::string> names;
  for (const CLI::Option* option : options) names.push_back(option->get_name());
  std::ranges::sort(names);
  return names;
}

DeclaredOption declared_option(CLI::Option& option) {
  DeclaredOption told;
  told.positional = !option.nonpositional();
  for (const std::string& name : option.get_snames()) told.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) told.names.push_back("--" + name);
  if (told.positional) told.names.push_back(option.get_name(true));
  told.what = option.get_description();
  told.required = option.get_required();
  told.needs = names_of(option.get_needs());
  told.excludes = names_of(option.get_excludes());
  if (option.get_items_expected_max() == 0) return told;
  told.many = option.get_expected_max() > 1;
  told.default_value = option.get_default_str();
  describe_value(option.get_type_name(), told);
  told.accepts = [validators = validators_of(option)](const std::string& value) {
    return std::ranges::all_of(validators,
                               [&](const CLI::Validator* each) { return (*each)(value).empty(); });
  };
  return told;
}

DeclaredCommand declared_command(CLI::App& app) {
  DeclaredCommand told{app.get_name(),
                       app.get_description(),
                       app.get_footer(),
                       app.get_group(),
                       app.get_prefix_command(),
                       {},
                       {}};
  for (CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) told.options.push_back(declared_option(*option));
  }
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    if (!command->get_group().empty()) told.commands.push_back(declared_command(*command));
  }
  return told;
}

}  // namespace

Option Option::required() {
  option_->required();
  return *this;
}

Option Option::excludes(Option other) {
  option_->excludes(other.option_);
  return *this;
}

Option Option::needs(Option other) {
  option_->needs(other.option_);
  return *this;
}

template <class T>
Option Option::range(T min, T max) {
  option_->check(CLI::Range(min, max));
  return *this;
}

Option Option::one_of(std::vector<std::string> words) {
  option_->check(CLI::IsMember(std::move(words)));
  return *this;
}

Option Option::check(std::function<std::string(const std::string& value)> problem_of,
                     const std::string& form) {
  option_->check(std::move(problem_of), form);
  return *this;
}

Option Option::one_at_a_time() {
  option_->allow_extra_args(false);
  return *this;
}

Option Option::at_most(int values) {
  option_->expected(0, values);
  return *this;
}

Option Option::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}

Option Option::show_default() {
  option_->capture_default_str();
  return *this;
}

Option Option::hidden() {
  option_->group("");
  return *this;
}

Command Command::add_subcommand(const std::string& name, const std::string& what) {
  return Command(*app_->add_subcommand(name, what));
}

template <class T>
Option Command::add_option(const std::string& names, T& into, const std::string& what) {
  CLI::Option* option = app_->add_option(names, into, what);
  using Number = typename NumberOf<T>::type;
  if constexpr (std::is_arithmetic_v<Number>)
    option->check([](const std::string& text) { return problem_of_number<Number>(text); });
  return Option(*option);
}

Option Command::add_flag(const std::string& names, bool& into, const std::string& what) {
  return Option(*app_->add_flag(names, into, what));
}

Option Command::add_choice_of(const std::string& names, std::function<void(int)> chosen,
                              const Choices& choices, const std::string& what) {
  std::string form;
  std::map<std::string, NamedValue> values;
  for (const auto& [name, value] : choices) {
    form += (form.empty() ? "" : "|") + name;
    values.emplace(name, static_cast<NamedValue>(value));
  }
  const std::function<void(const NamedValue&)> take = [chosen = std::move(chosen)](const NamedValue& choice) {
    chosen(static_cast<int>(choice));
  };
  CLI::Option* option = app_->add_option_function(names, take, what);
  // CLI::CheckedTransformer would take the numbers, too.
  const auto number_of = [values, form](std::string& name) {
    const auto found = values.find(name);
    if (found == values.end()) return fmt::format("{} is none of {}", name, form);
    name = std::to_string(static_cast<int>(found->second));
    return std::string();
  };
  return Option(*option->transform(CLI::Validator(number_of, form)));
}

void Command::footer(const std::string& text) {
  app_->footer(text);
}

void Command::callback(std::function<void()> chosen) {
  app_->callback(std::move(chosen));
}

void Command::group(const std::string& heading) {
  app_->group(heading);
}

void Command::hidden() {
  app_->group("");
}

void Command::prefix_command() {
  app_->prefix_command();
}

std::vector<std::string> Command::remaining() const {
  return app_->remaining();
}

DeclaredCommand Command::declared() const {
  return declared_command(*app_);
}

std::optional<std::string> Command::help_of(const std::vector<std::string>& names) const {
  CLI::App* command = app_;
  std::string path = command->get_name();
  for (const std::string& name : names) {
    const auto found = command->get_subcommands([&](CLI::App* each) { return each->get_name() == name; });
    if (found.empty()) return std::nullopt;
    command = found.front();
    path += " " + name;
  }
  // App::help() would show the help of the subcommand that was parsed.
  return command->get_formatter()->make_help(command, path, CLI::AppFormatMode::Normal);
}

CommandLine::CommandLine(const std::string& name, const std::string& version,
                         const std::function<std::string()>& details, const std::string& what)
    : app_(std::make_unique<CLI::App>(what, name)) {
  // CLI11 takes options in the order of their declaration, and ends at --version.
  CLI::Option* verbose = app_->add_flag("--verbose", verbose_, "With --version: also what it was built with");
  verbose->needs(app_->set_version_flag(
      "--version", [this, version, details] { return verbose_ ? version + "\n" + details() : version; },
      "Print the version"));
  app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

Command CommandLine::program() {
  return Command(*app_);
}

namespace {

/// What is wrong with the names of subcommands at the beginning of a command line; empty: nothing. CLI11
/// would only name what it did not expect.
std::string problem_of_subcommand(const CLI::App& program, int argc, char** argv) {
  constexpr std::size_t listed_max = 10;
  const CLI::App* command = &program;
  for (int at = 1; at < argc && argv[at][0] != '-'; ++at) {
    const CLI::App* next = nullptr;
    std::string names;
    const auto all = command->get_subcommands([](const CLI::App*) { return true; });
    for (const CLI::App* each : all) {
      if (each->get_name() == argv[at]) next = each;
      if (!each->get_group().empty()) names += (names.empty() ? "" : ", ") + each->get_name();
    }
    const bool positional = std::ranges::any_of(command->get_options(), &CLI::Option::get_positional);
    if (next == nullptr && (all.empty() || positional)) break;
    if (next == nullptr)
      return fmt::format(
          "There is no subcommand {}{}", argv[at],
          all.size() <= listed_max ? fmt::format(": {} has {}", command->get_name(), names) : "");
    command = next;
  }
  return "";
}

}  // namespace

CommandLine::Parsed CommandLine::parse(int argc, char** argv) {
  try {
    if (const std::string problem = problem_of_subcommand(*app_, argc, argv); !problem.empty())
      throw CLI::ExtrasError(problem, CLI::ExitCodes::ExtrasError);
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app_->exit(problem) == 0 ? Parsed::answered : Parsed::wrong;
  }
  return Parsed::good;
}

void throw_missing(const std::string& name) {
  throw CLI::RequiredError(name);
}

std::optional<std::uint64_t> number_in_option(const std::string& text) {
  std::uint64_t number = 0;
  if (!problem_of_number<std::uint64_t>(text).empty()) return std::nullopt;
  if (!CLI::detail::lexical_cast(text, number)) return std::nullopt;
  return number;
}

template Option Option::range(int min, int max);
template Option Option::range(std::uint16_t min, std::uint16_t max);
template Option Option::range(std::uint32_t min, std::uint32_t max);
template Option Option::range(std::uint64_t min, std::uint64_t max);
template Option Option::range(double min, double max);

template Option Command::add_option(const std::string& names, std::string& into, const std::string& what);
template Option Command::add_option(const std::string& names, std::vector<std::string>& into,
                                    const std::string& what);
template Option Command::add_option(const std::string& names, std::uint16_t& into, const std::string& what);
template Option Command::add_option(const std::string& names, std::uint32_t& into, const std::string& what);
template Option Command::add_option(const std::string& names, std::uint64_t& into, const std::string& what);
template Option Command::add_option(const std::string& names, double& into, const std::string& what);
template Option Command::add_option(const std::string& names, std::optional<double>& into,
                                    const std::string& what);

}  // namespace ringside::tools
