// Forwards every call to CLI11. The types that an option may have are instantiated at the end.
#include "tools/options.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <type_traits>

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
  return Option(*option->transform(CLI::CheckedTransformer(values).description(form)));
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

CommandLine::CommandLine(const std::string& name, const std::string& version, const std::string& what)
    : app_(std::make_unique<CLI::App>(what, name)) {
  app_->set_version_flag("--version", version);
  app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

Command CommandLine::program() {
  return Command(*app_);
}

CommandLine::Parsed CommandLine::parse(int argc, char** argv) {
  try {
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
