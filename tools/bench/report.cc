// The report of a run of the benchmark: its context, tables for the user, and one JSON line for the log.
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <optional>

#include "tools/bench/bench.h"
#include "tools/built.h"

namespace ringside::tools::bench {

namespace {

struct Summary {
  double median = 0;
  double low_quartile = 0;
  double high_quartile = 0;
};

std::vector<double> without_gaps(const std::vector<double>& samples) {
  std::vector<double> found;
  std::copy_if(samples.begin(), samples.end(), std::back_inserter(found),
               [](double x) { return !std::isnan(x); });
  return found;
}

std::optional<Summary> summary_of(const std::vector<double>& samples) {
  std::vector<double> sorted = without_gaps(samples);
  if (sorted.empty()) return std::nullopt;
  std::sort(sorted.begin(), sorted.end());
  const auto at = [&sorted](double part) {
    const double place = part * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
  };
  return Summary{at(0.5), at(0.25), at(0.75)};
}

/// Computes ratios round by round, so that a disturbance that affects both sides of a round cancels out.
std::vector<double> ratios(const std::vector<double>& samples, const std::vector<double>& peer) {
  std::vector<double> found;
  for (std::size_t i = 0; i < std::min(samples.size(), peer.size()); ++i)
    found.push_back(samples[i] / peer[i]);
  return found;
}

/// A number with three significant digits.
std::string figure(double value) {
  const double size = std::abs(value);
  if (size >= 100) return fmt::format("{:.0f}", value);
  if (size >= 10) return fmt::format("{:.1f}", value);
  if (size >= 1) return fmt::format("{:.2f}", value);
  return fmt::format("{:.3f}", value);
}

const Row* row_named(const Table& table, const std::string& name) {
  const auto found =
      std::find_if(table.rows.begin(), table.rows.end(), [&](const Row& row) { return row.name == name; });
  return found == table.rows.end() ? nullptr : &*found;
}

constexpr std::size_t name_width = 20;
constexpr std::size_t figure_width = 28;
constexpr std::size_t ratio_width = 9;

std::string text_of_row(const Table& table, const Row& row) {
  std::string line = fmt::format("  {:<{}}", row.name, name_width);
  if (!row.missing.empty()) return line + "-  " + row.missing + "\n";
  const Row* peer = row_named(table, table.peer);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto samples = summary_of(row.samples[i]);
    const double unit = table.columns[i].unit;
    const std::string shown =
        !samples ? "-"
                 : fmt::format("{} ({}..{})", figure(samples->median / unit),
                               figure(samples->low_quartile / unit), figure(samples->high_quartile / unit));
    const auto ratio = peer != nullptr && peer->missing.empty()
                           ? summary_of(ratios(row.samples[i], peer->samples[i]))
                           : std::nullopt;
    line +=
        fmt::format("{:>{}}{:>{}}", shown, figure_width, ratio ? figure(ratio->median) : "-", ratio_width);
  }
  return line + "\n";
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

std::string json_of_row(const Table& table, const Row& row) {
  std::string text = fmt::format("{{\"part\":{},\"place\":{},\"what\":{},\"peer\":{}", quoted(table.part),
                                 quoted(table.place), quoted(row.name), quoted(table.peer));
  if (!row.missing.empty()) return text + fmt::format(",\"missing\":{}}}", quoted(row.missing));
  const Row* peer = row_named(table, table.peer);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto samples = summary_of(row.samples[i]);
    if (!samples) continue;
    text +=
        fmt::format(",{}:{{\"median\":{:.6g},\"low_quartile\":{:.6g},\"high_quartile\":{:.6g},\"rounds\":{}",
                    quoted(table.columns[i].name), samples->median, samples->low_quartile,
                    samples->high_quartile, without_gaps(row.samples[i]).size());
    const auto ratio = peer != nullptr && peer->missing.empty()
                           ? summary_of(ratios(row.samples[i], peer->samples[i]))
                           : std::nullopt;
    if (ratio) text += fmt::format(",\"ratio\":{:.4g}", ratio->median);
    text += "}";
  }
  return text + "}";
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown CPU";
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm broken_down{};
  gmtime_r(&now, &broken_down);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &broken_down);
  return text;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer);
#else
constexpr bool sanitized = false;
#endif
#if defined(__OPTIMIZE__)
constexpr bool optimized = true;
#else
constexpr bool optimized = false;
#endif
#if defined(__clang__)
constexpr char compiler[] = "clang " __clang_version__;
#else
constexpr char compiler[] = "g++ " __VERSION__;
#endif

}  // namespace

Context context_of_this_run() {
  Context context;
  context.commit = built_from_commit;
  context.compiler = compiler;
  context.build = std::string(optimized ? "optimised" : "not optimised") + (sanitized ? ", sanitizers" : "");
  utsname system{};
  uname(&system);
  context.kernel = std::string(system.sysname) + " " + system.release;
  context.cpu = cpu_model();
  context.time = utc_now();
  context.cpus = static_cast<int>(allowed_cpus().size());
  (void)getloadavg(&context.load, 1);
  if (sanitized) context.warnings.push_back("built with sanitizers: these figures are useless");
  if (!optimized) context.warnings.push_back("built without optimisation: these figures are useless");
  if (context.load > 0.5 * context.cpus) {
    context.warnings.push_back(
        fmt::format("the machine is busy (load {:.1f}): even the ratios are inexact", context.load));
  }
  return context;
}

std::string as_text(const Context& context, const std::vector<Table>& tables) {
  std::string text = fmt::format(
      "ringside {} ({}, {}), {}, {} of {}\n", context.commit, context.compiler, context.build, context.kernel,
      context.cpus == 1 ? "1 CPU" : fmt::format("{} CPUs", context.cpus), context.cpu);
  for (const std::string& warning : context.warnings) text += "warning: " + warning + "\n";
  text += fmt::format(
      "{} interleaved rounds. Each figure: median (quartiles), and the median of its ratios to the peer of "
      "its round.\n",
      context.rounds);
  for (const Table& table : tables) {
    text += fmt::format("\n{}: {} [{}]\n", table.part, table.title, table.place);
    if (!table.missing.empty()) {
      text += "  " + table.missing + "\n";
      continue;
    }
    std::string head = std::string(name_width + 2, ' ');
    for (const Column& column : table.columns) {
      head += fmt::format("{:>{}}{:>{}}", column.head, figure_width,
                          "/ " + table.peer.substr(0, ratio_width - 3), ratio_width);
    }
    text += head + "\n";
    for (const Row& row : table.rows) text += text_of_row(table, row);
  }
  return text;
}

std::string as_json(const Context& context, const std::vector<Table>& tables) {
  std::string text = fmt::format(
      "{{\"commit\":{},\"time\":{},\"machine\":{{\"cpus\":{},\"cpu\":{},\"kernel\":{},\"load\":{:.2f}}},"
      "\"compiler\":{},\"build\":{},\"rounds\":{},\"figures\":[",
      quoted(context.commit), quoted(context.time), context.cpus, quoted(context.cpu), quoted(context.kernel),
      context.load, quoted(context.compiler), quoted(context.build), context.rounds);
  bool first = true;
  const auto add = [&](const std::string& item) {
    if (!std::exchange(first, false)) text += ",";
    text += item;
  };
  for (const Table& table : tables) {
    if (!table.missing.empty()) {
      add(fmt::format("{{\"part\":{},\"place\":{},\"missing\":{}}}", quoted(table.part), quoted(table.place),
                      quoted(table.missing)));
    }
    for (const Row& row : table.rows) add(json_of_row(table, row));
  }
  return text + "]}";
}

}  // namespace ringside::tools::bench
