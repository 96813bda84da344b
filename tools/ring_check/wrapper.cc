// Each source becomes assembler, is rewritten, and becomes an object; objects become a shared object. The
// sanitizer's option is used for compiling and never for linking, so that the functions it needs are found in
// the checker.
#include "tools/ring_check/wrapper.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

namespace ringside::tools {

namespace {

using Arguments = std::vector<std::string>;

const Arguments flags_gcc{"-fsanitize=thread",
                          "--param",
                          "tsan-distinguish-volatile=1",
                          "--param",
                          "tsan-instrument-func-entry-exit=0",
                          "-fno-builtin",
                          "-Wno-tsan"};
const Arguments flags_clang{"-fsanitize=thread",
                            "-mllvm",
                            "-tsan-distinguish-volatile",
                            "-mllvm",
                            "-tsan-instrument-read-before-write",
                            "-mllvm",
                            "-tsan-instrument-func-entry-exit=0",
                            "-fno-builtin"};
// A tail call would hide the caller in a report.
const Arguments flags_both{"-g", "-fPIC", "-fno-lto", "-U_FORTIFY_SOURCE", "-fno-optimize-sibling-calls"};
constexpr std::string_view flag_link = "-Wl,--wrap=memcpy,--wrap=memset,--wrap=memmove";

// Options with a value in the next argument.
constexpr std::array<std::string_view, 24> with_value{
    "-I",         "-D",       "-U",  "-L",  "-l",  "-include", "-isystem", "-iquote",
    "-idirafter", "-imacros", "-MF", "-MT", "-MQ", "-Xlinker", "-Xclang",  "-Xassembler",
    "-mllvm",     "--param",  "-T",  "-u",  "-z",  "-target",  "-B",       "-isysroot"};
constexpr std::array<std::string_view, 8> source_endings{".c",   ".cc", ".cpp", ".cxx",
                                                         ".c++", ".C",  ".i",   ".ii"};
// Files and options for the linker. Compilers warn about them where nothing is linked.
constexpr std::array<std::string_view, 4> link_endings{".o", ".lo", ".a", ".so"};
constexpr std::array<std::string_view, 4> link_beginnings{"-L", "-l", "-Wl,", "-Xlinker"};
constexpr std::array<std::string_view, 4> link_words{"-T", "-u", "-z", "-shared"};
// The compiler prints or writes text; nothing is compiled.
constexpr std::array<std::string_view, 8> only_asks{"-E",   "-M",        "-MM",    "-fsyntax-only",
                                                    "-###", "--version", "--help", "-dumpversion"};

struct Refused {
  std::string_view beginning;
  std::string_view why;
  std::string_view advice;
};
constexpr std::array refusals{
    Refused{"-flto", "link-time optimization removes the announcements of accesses", "leave it out"},
    Refused{"-fsanitize=", "the checker takes the place of a sanitizer", "leave it out"},
    Refused{"-m32", "only x86-64 code can be checked", "leave it out"},
    Refused{"-mx32", "only x86-64 code can be checked", "leave it out"},
    Refused{"-x", "the ending of the file decides the language", "name the file .c or .cc"},
    Refused{"@", "argument files are not supported", "write the arguments out"},
};

template <class List>
bool contains(const List& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

bool is_source(std::string_view argument) {
  return !argument.starts_with('-') &&
         std::any_of(source_endings.begin(), source_endings.end(),
                     [&](std::string_view ending) { return argument.ends_with(ending); });
}

bool is_for_the_link(std::string_view argument) {
  if (!argument.starts_with('-'))
    return argument.find(".so.") != std::string_view::npos ||
           std::any_of(link_endings.begin(), link_endings.end(),
                       [&](std::string_view ending) { return argument.ends_with(ending); });
  return contains(link_words, argument) ||
         std::any_of(link_beginnings.begin(), link_beginnings.end(),
                     [&](std::string_view beginning) { return argument.starts_with(beginning); });
}

/// "a/b.c" -> "b"
std::string stem_of(std::string_view path) {
  path = path.substr(path.find_last_of('/') + 1);
  return std::string(path.substr(0, path.find_last_of('.')));
}

Error refused(std::string object, std::string_view why, std::string_view advice) {
  return {EINVAL, "cannot compile a ring", std::move(object), std::string(why), std::string(advice)};
}

/// The sorted arguments. Arguments that are not sources keep their place for the link.
struct Parsed {
  Arguments sources;
  Arguments others;                 ///< all arguments except sources, -o, -c and -S
  std::vector<std::size_t> places;  ///< for each source: the index in `others` before which it was
  std::optional<std::string> output;
  bool compile = false;    ///< -c
  bool assembler = false;  ///< -S
  bool asks = false;
  bool dependencies = false;       ///< -MD or -MMD
  bool dependency_file = false;    ///< -MF
  bool dependency_target = false;  ///< -MT or -MQ
};

Result<> parse_one(Parsed& parsed, const std::string& argument) {
  for (const Refused& refusal : refusals) {
    if (argument.starts_with(refusal.beginning) && argument != "-fsanitize=thread")
      return refused(argument, refusal.why, refusal.advice);
  }
  if (argument == "-")
    return refused("standard input", "a counterexample needs names of files and lines", "name a file");
  if (argument == "-c") {
    parsed.compile = true;
  } else if (argument == "-S") {
    parsed.assembler = true;
  } else if (argument == "-fsanitize=thread") {
    // The wrapper adds it for compiling, and not for linking.
  } else if (is_source(argument)) {
    parsed.sources.push_back(argument);
    parsed.places.push_back(parsed.others.size());
  } else {
    parsed.asks = parsed.asks || contains(only_asks, argument) || argument.starts_with("-print-") ||
                  argument.starts_with("-dump");
    parsed.dependencies = parsed.dependencies || argument == "-MD" || argument == "-MMD";
    parsed.dependency_file = parsed.dependency_file || argument.starts_with("-MF");
    parsed.dependency_target =
        parsed.dependency_target || argument.starts_with("-MT") || argument.starts_with("-MQ");
    parsed.others.push_back(argument);
  }
  return Done{};
}

Result<Parsed> parse(const Arguments& arguments) {
  Parsed parsed;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const bool has_next = i + 1 < arguments.size();
    if (argument == "-o" && has_next) {
      parsed.output = arguments[++i];
    } else if (argument.starts_with("-o") && argument.size() > 2) {
      parsed.output = argument.substr(2);
    } else if (contains(with_value, argument) && has_next) {
      parsed.dependency_file = parsed.dependency_file || argument == "-MF";
      parsed.dependency_target = parsed.dependency_target || argument == "-MT" || argument == "-MQ";
      parsed.others.push_back(argument);
      parsed.others.push_back(arguments[++i]);
    } else if (auto fine = parse_one(parsed, argument); !fine) {
      return fine.error();
    }
  }
  return parsed;
}

class Planner {
 public:
  Planner(const CompilerRequest& request, Parsed parsed) : request_(request), parsed_(std::move(parsed)) {}

  Result<std::vector<CompilerStep>> run() {
    if (parsed_.asks || (parsed_.sources.empty() && parsed_.others.empty())) return ask();
    if (parsed_.output && parsed_.sources.size() > 1 && (parsed_.compile || parsed_.assembler))
      return refused(*parsed_.output, "several sources cannot become one object",
                     "leave -o out, or compile them one by one");
    if (parsed_.compile || parsed_.assembler) {
      for (const std::string& source : parsed_.sources) {
        const std::string object =
            parsed_.output.value_or(stem_of(source) + (parsed_.assembler ? ".s" : ".o"));
        compile(source, object, object);
      }
      return std::move(steps_);
    }
    return link();
  }

 private:
  Arguments command() const { return request_.compiler; }

  void add_flags(Arguments& to) const {
    const Arguments& own = request_.kind == CompilerKind::gcc ? flags_gcc : flags_clang;
    to.insert(to.end(), own.begin(), own.end());
    to.insert(to.end(), flags_both.begin(), flags_both.end());
    // Version 5 of clang's debug information causes warnings when its assembler is compiled.
    if (request_.kind == CompilerKind::clang) to.emplace_back("-gdwarf-4");
    to.push_back("-I" + request_.include_directory);
  }

  /// Runs the compiler with the user's arguments and the flags, so that preprocessing sees the same code as
  /// compiling.
  Result<std::vector<CompilerStep>> ask() {
    Arguments all = command();
    all.insert(all.end(), request_.arguments.begin(), request_.arguments.end());
    if (!parsed_.sources.empty()) add_flags(all);
    steps_.push_back({std::move(all), ""});
    return std::move(steps_);
  }

  std::string between(const std::string& source, std::string_view ending) {
    return fmt::format("{}/{}-{}{}", request_.scratch, between_++, stem_of(source), ending);
  }

  /// `named`: the target in dependency files.
  void compile(const std::string& source, const std::string& object, const std::string& named) {
    const std::string text = parsed_.assembler ? object : between(source, ".s");
    Arguments first = command();
    for (std::size_t i = 0; i < parsed_.others.size(); ++i) {
      const std::string& argument = parsed_.others[i];
      const bool has_value = contains(with_value, argument) && i + 1 < parsed_.others.size();
      if (!is_for_the_link(argument)) {
        first.push_back(argument);
        if (has_value) first.push_back(parsed_.others[i + 1]);
      }
      if (has_value) ++i;
    }
    if (parsed_.dependencies && !parsed_.dependency_file)
      first.insert(first.end(), {"-MF", named.substr(0, named.find_last_of('.')) + ".d"});
    if (parsed_.dependencies && !parsed_.dependency_target) first.insert(first.end(), {"-MT", named});
    add_flags(first);
    first.insert(first.end(), {"-S", source, "-o", text});
    steps_.push_back({std::move(first), text});
    if (parsed_.assembler) return;
    Arguments second = command();
    second.insert(second.end(), {"-c", text, "-o", object});
    steps_.push_back({std::move(second), ""});
  }

  Result<std::vector<CompilerStep>> link() {
    const std::string output = parsed_.output.value_or("a.out");
    const bool shared = contains(parsed_.others, "-shared");
    const bool named_so = output.ends_with(".so") || output.find(".so.") != std::string::npos;
    if (!shared && !named_so)
      return refused(output, "a ring is a shared object", "-o RING.so to link one, or -c to compile only");
    Arguments last = command();
    std::size_t next = 0;
    for (std::size_t i = 0; i <= parsed_.others.size(); ++i) {
      for (; next < parsed_.sources.size() && parsed_.places[next] == i; ++next) {
        const std::string object = between(parsed_.sources[next], ".o");
        compile(parsed_.sources[next], object, output);
        last.push_back(object);
      }
      if (i < parsed_.others.size()) last.push_back(parsed_.others[i]);
    }
    if (!shared) last.emplace_back("-shared");
    last.insert(last.end(), {std::string(flag_link), "-fno-lto", "-o", output});
    steps_.push_back({std::move(last), ""});
    return std::move(steps_);
  }

  const CompilerRequest& request_;
  Parsed parsed_;
  std::vector<CompilerStep> steps_;
  unsigned between_ = 0;
};

}  // namespace

Result<std::vector<CompilerStep>> plan_compilation(const CompilerRequest& request) {
  auto parsed = parse(request.arguments);
  if (!parsed) return parsed.error();
  return Planner(request, std::move(*parsed)).run();
}

}  // namespace ringside::tools
