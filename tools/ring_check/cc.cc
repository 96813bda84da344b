// The compiler wrapper: selects the compiler, and runs the steps of wrapper.h with barriers.h between them.
//
// Intermediate files are in a directory that is removed at the end; an interrupted run leaves it.
#include "tools/ring_check/cc.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "emu/host/launch.h"
#include "tools/out_file.h"
#include "tools/ring_check/barriers.h"
#include "tools/ring_check/marks.h"
#include "tools/ring_check/wrapper.h"

namespace ringside::tools {

namespace {

namespace fs = std::filesystem;

constexpr const char* cannot = "cannot compile a ring";

/// Removed with everything in it when it goes out of scope.
struct Scratch {
  std::string path;
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// Returns the exit status; 128 plus the number of a signal if it was killed by one, as in shells. With
/// `said`, its output is stored there.
Result<int> run(const std::vector<std::string>& command, std::string* said = nullptr) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  int pipe_ends[2] = {-1, -1};
  if (said != nullptr && pipe(pipe_ends) != 0)
    return Error{errno, cannot, command.front(), std::strerror(errno), ""};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (said != nullptr) {
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
    posix_spawn_file_actions_addclose(&actions, pipe_ends[1]);
  }
  pid_t child = 0;
  const int failed_with =
      posix_spawnp(&child, command.front().c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (said != nullptr) {
    close(pipe_ends[1]);
    char buffer[4096];
    for (ssize_t got = 0; failed_with == 0 && (got = read(pipe_ends[0], buffer, sizeof buffer)) > 0;)
      said->append(buffer, static_cast<std::size_t>(got));
    close(pipe_ends[0]);
  }
  if (failed_with != 0)
    return Error{failed_with, cannot, command.front(), std::strerror(failed_with),
                 "set CC or CXX to a compiler that is there"};
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Result<CompilerKind> kind_of(const std::vector<std::string>& compiler) {
  std::vector<std::string> command = compiler;
  command.insert(command.end(), {"-dM", "-E", "-x", "c", "/dev/null"});
  std::string macros;
  auto status = run(command, &macros);
  if (!status) return status.error();
  if (*status == 0 && macros.find("#define __clang__ ") != std::string::npos) return CompilerKind::clang;
  if (*status == 0 && macros.find("#define __GNUC__ ") != std::string::npos) return CompilerKind::gcc;
  return Error{EINVAL, cannot, compiler.front(), "it is neither gcc nor clang",
               "set CC or CXX to one of them"};
}

/// In a build tree it is beside this program; installed, it is two folders away.
Result<std::string> include_directory() {
  const fs::path here = fs::path(own_program()).parent_path();
  for (const fs::path& folder :
       {here / "emu" / "check" / "include", here.parent_path() / "include", fs::path(RINGSIDE_INCLUDE_DIR)}) {
    if (fs::exists(folder / "ringside" / "ring_check.h")) return folder.string();
  }
  return Error{ENOENT, cannot, "ringside/ring_check.h", "it is not in its installed place",
               "install ringside again"};
}

Result<> rewrite(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return Error{EIO, cannot, path, "it cannot be read again", ""};
  in.close();
  return write_file(cannot, path, with_marks(rewrite_barriers(text.str()).text));
}

/// A compiler would wait for a writer of a fifo, and read /dev/zero forever.
Result<> check_files(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const std::string path = argument.starts_with('@') ? argument.substr(1) : argument;
    std::error_code ignored;
    const fs::file_type type = fs::status(path, ignored).type();
    const bool endless = type == fs::file_type::fifo || type == fs::file_type::socket ||
                         (type == fs::file_type::character && path != "/dev/null");
    if (endless)
      return Error{EINVAL, cannot, path, "it is not a file", "name a file; - is stdin, with -x c before it"};
  }
  return Done{};
}

/// The exit status is the compiler's.
Result<int> compile(const char* variable, const char* otherwise, const std::vector<std::string>& arguments) {
  if (auto good = check_files(arguments); !good) return good.error();
  CompilerRequest request;
  const char* chosen = std::getenv(variable);
  request.compiler = words_of(chosen != nullptr && *chosen != '\0' ? chosen : otherwise);
  if (request.compiler.empty()) request.compiler = {otherwise};
  auto kind = kind_of(request.compiler);
  if (!kind) return kind.error();
  auto include = include_directory();
  if (!include) return include.error();
  auto directory = make_temporary_directory();
  if (!directory) return directory.error();
  const Scratch scratch{*directory};
  request.kind = *kind;
  request.include_directory = *include;
  request.scratch = *directory;
  request.arguments = arguments;
  auto steps = plan_compilation(request);
  if (!steps) return steps.error();
  for (const CompilerStep& step : *steps) {
    auto status = run(step.command);
    if (!status || *status != 0) return status;
    if (step.rewrite.empty()) continue;
    if (auto done = rewrite(step.rewrite); !done) return done.error();
  }
  return exit_good;
}

void add_compiler(Command ring_check, Session& session, const char* name, const char* variable,
                  const char* language) {
  Command command =
      ring_check.add_subcommand(name, fmt::format("Compile {} so that the checker sees each access; takes a "
                                                  "compiler's arguments, makes a .so for --ring",
                                                  language));
  command.prefix_command();
  command.footer(fmt::format(
      "Runs the compiler that {1} names, or `{0}`: gcc or clang. It adds the flags that announce\n"
      "accesses, the path of <ringside/ring_check.h>, -fPIC and -shared. Barriers in asm blocks\n"
      "(mfence, sfence, lfence, lock ...) are seen, too. Its exit status is the compiler's.\n"
      "\n"
      "Examples:\n"
      "  ringside ring-check {0} -O2 -o ring.so ring.c\n"
      "  ringside ring-check {0} -O2 -c ring.c && ringside ring-check {0} -o ring.so ring.o\n"
      "  {1}=clang ringside ring-check {0} -O0 -o ring.so ring.c",
      name, variable));
  command.callback([command, name, variable, &session] {
    const std::vector<std::string> arguments = command.remaining();
    session.run = [name, variable, arguments] {
      auto status = compile(variable, name, arguments);
      if (status) return *status;
      failed(status.error());
      return status.error().code == EINVAL ? exit_usage : exit_could_not_run;
    };
  });
}

}  // namespace

void add_ring_compiler_commands(Command ring_check, Session& session) {
  add_compiler(ring_check, session, "cc", "CC", "C");
  add_compiler(ring_check, session, "c++", "CXX", "C++");
}

}  // namespace ringside::tools
