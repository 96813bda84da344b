// The compiler wrapper: how it changes a compiler's arguments and a compiler's output.
#include <fmt/format.h>

#include "test/catch.h"
#include "tools/ring_check/barriers.h"
#include "tools/ring_check/wrapper.h"

namespace compiler_wrapper_test {

using namespace ringside;
using namespace ringside::tools;

namespace {

using Arguments = std::vector<std::string>;

CompilerRequest request(Arguments arguments, CompilerKind kind = CompilerKind::gcc) {
  return {{"ccache", "gcc"}, kind, std::move(arguments), "/include", "/scratch"};
}

std::vector<CompilerStep> planned(Arguments arguments, CompilerKind kind = CompilerKind::gcc) {
  auto steps = plan_compilation(request(std::move(arguments), kind));
  REQUIRE(steps);
  return *steps;
}

std::string line(const CompilerStep& step) {
  return fmt::format("{}", fmt::join(step.command, " "));
}

bool has(const CompilerStep& step, const std::string& argument) {
  return std::find(step.command.begin(), step.command.end(), argument) != step.command.end();
}

std::string refusal(Arguments arguments) {
  auto steps = plan_compilation(request(std::move(arguments)));
  return steps ? "" : steps.error().text();
}

std::string in_block(const std::string& code) {
  return "\tmovl %eax, (%rdi)\n#APP\n# 7 \"ring.c\" 1\n" + code + "# 0 \"\" 2\n#NO_APP\n\tret\n";
}

std::string rewritten(const std::string& code) {
  const std::string text = rewrite_barriers(in_block(code)).text;
  const std::string before = "\tmovl %eax, (%rdi)\n#APP\n# 7 \"ring.c\" 1\n";
  const std::string after = "# 0 \"\" 2\n#NO_APP\n\tret\n";
  REQUIRE(text.starts_with(before));
  REQUIRE(text.ends_with(after));
  return text.substr(before.size(), text.size() - before.size() - after.size());
}

std::string call_of(const std::string& function) {
  return "\tleaq -128(%rsp), %rsp\n\tcall *" + function + "@GOTPCREL(%rip)\n\tleaq 128(%rsp), %rsp\n";
}

std::string update_of(const std::string& address, int bytes) {
  return fmt::format(
      "\tleaq -128(%rsp), %rsp\n\tpushq %rdi\n\tleaq {}, %rdi\n\tcall "
      "*ring_check_asm_update{}@GOTPCREL(%rip)\n\tpopq %rdi\n"
      "\tleaq 128(%rsp), %rsp\n",
      address, bytes);
}

}  // namespace

TEST_CASE("link options are not passed to a compiler that links nothing") {
  const Arguments inputs{"other.o", "lib.a", "libx.so", "libx.so.1", "-lm",      "-L", "lib",     "-Lmore",
                         "-Wl,-x",  "-z",    "now",     "-Xlinker",  "--wrap=f", "-T", "link.ld", "-shared"};
  Arguments arguments{"-c", "-I", "odd.a", "-include", "odd.o", "ring.c"};
  arguments.insert(arguments.end(), inputs.begin(), inputs.end());
  for (const char* how : {"-c", "-S"}) {
    arguments[0] = how;
    const auto steps = planned(arguments);
    for (const std::string& input : inputs) CHECK_FALSE(has(steps[0], input));
    CHECK(line(steps[0]).find("gcc -I odd.a -include odd.o -fsanitize=thread") != std::string::npos);
  }
  arguments.erase(arguments.begin());
  arguments.insert(arguments.end(), {"-o", "ring.so"});
  const auto steps = planned(arguments);
  for (const std::string& input : inputs) CHECK_FALSE(has(steps[0], input));
  for (const std::string& input : inputs) CHECK(has(steps.back(), input));
}

TEST_CASE("a source is compiled to assembler with the checker's flags, and linked without the sanitizer") {
  const auto steps = planned({"-O2", "ring.c", "-o", "ring.so", "-lm"});
  REQUIRE(steps.size() == 3);
  CHECK(line(steps[0]).starts_with("ccache gcc -O2 -fsanitize=thread --param tsan-distinguish-volatile=1 "));
  CHECK(line(steps[0]).ends_with(" -I/include -S ring.c -o /scratch/1-ring.s"));
  CHECK(has(steps[0], "-fPIC"));
  CHECK(has(steps[0], "-fno-builtin"));
  CHECK(steps[0].rewrite == "/scratch/1-ring.s");
  CHECK(line(steps[1]) == "ccache gcc -c /scratch/1-ring.s -o /scratch/0-ring.o");
  CHECK(line(steps[2]) ==
        "ccache gcc -O2 /scratch/0-ring.o -lm -shared -Wl,--wrap=memcpy,--wrap=memset,--wrap=memmove "
        "-fno-lto -o ring.so");
}

TEST_CASE("clang gets its own flags") {
  const auto steps = planned({"-c", "ring.cc"}, CompilerKind::clang);
  REQUIRE(steps.size() == 2);
  CHECK(has(steps[0], "-tsan-distinguish-volatile"));
  CHECK(has(steps[0], "-tsan-instrument-read-before-write"));
  CHECK_FALSE(has(steps[0], "--param"));
}

TEST_CASE("objects keep their place among the arguments, since libraries are searched in order") {
  const auto steps = planned({"-shared", "-L.", "a.c", "-lfirst", "b.c", "-lsecond", "c.o", "-oring.so"});
  REQUIRE(steps.size() == 5);
  CHECK(line(steps[4]).starts_with(
      "ccache gcc -shared -L. /scratch/0-a.o -lfirst /scratch/2-b.o -lsecond c.o -Wl,"));
}

TEST_CASE("-c makes an object for each source, and dependencies are about that object") {
  auto steps = planned({"-MMD", "-c", "src/a.c", "src/b.c"});
  REQUIRE(steps.size() == 4);
  CHECK(line(steps[1]).ends_with("-o a.o"));
  CHECK(line(steps[3]).ends_with("-o b.o"));
  CHECK(line(steps[0]).find("-MF a.d -MT a.o") != std::string::npos);
  steps = planned({"-MD", "-MF", "x.d", "-MT", "x", "-c", "a.c", "-o", "out/a.o"});
  CHECK(line(steps[0]).find("-MF x.d -MT x ") != std::string::npos);
  CHECK_FALSE(has(steps[0], "a.d"));
  CHECK(line(steps[1]).ends_with("-o out/a.o"));
}

TEST_CASE("-S gives the assembler with its barriers rewritten") {
  const auto steps = planned({"-S", "ring.c", "-o", "out.s"});
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].rewrite == "out.s");
}

TEST_CASE("queries to the compiler are passed on") {
  CHECK(line(planned({"--version"})[0]) == "ccache gcc --version");
  CHECK(line(planned({})[0]) == "ccache gcc");
  CHECK(line(planned({"-E", "ring.c"})[0]).starts_with("ccache gcc -E ring.c -fsanitize=thread"));
}

TEST_CASE("options that would hide accesses are refused with the reason") {
  CHECK(refusal({"-O2", "-flto=auto", "ring.c"}) ==
        "cannot compile a ring: -flto=auto: link-time optimization removes the announcements of accesses "
        "(leave it out)");
  CHECK(
      refusal({"-fsanitize=address", "ring.c"}) ==
      "cannot compile a ring: -fsanitize=address: the checker takes the place of a sanitizer (leave it out)");
  CHECK(refusal({"-m32", "-c", "ring.c"}) ==
        "cannot compile a ring: -m32: only x86-64 code can be checked (leave it out)");
  CHECK(refusal({"ring.c", "-o", "ring"}) ==
        "cannot compile a ring: ring: a ring is a shared object (-o RING.so to link one, or -c to compile "
        "only)");
  CHECK(refusal({"-c", "a.c", "b.c", "-o", "ab.o"}) ==
        "cannot compile a ring: ab.o: several sources cannot become one object (leave -o out, or compile "
        "them one by one)");
  CHECK(refusal({"-x", "c", "-"}).find("-x: the ending of the file decides the language") !=
        std::string::npos);
  // The wrapper's own option is not added twice, and never at the link.
  const auto steps = planned({"-fsanitize=thread", "ring.o", "-o", "ring.so"});
  CHECK_FALSE(has(steps.back(), "-fsanitize=thread"));
}

TEST_CASE("fences in asm blocks become calls") {
  CHECK(rewritten("\tmfence\n") == call_of("ring_check_asm_mb"));
  CHECK(rewritten("\tsfence\n") == call_of("ring_check_asm_wmb"));
  CHECK(rewritten("\tlfence  # read barrier\n") == call_of("ring_check_asm_rmb"));
  CHECK(rewritten("\tnop; mfence ;nop\n") == "\tnop\n" + call_of("ring_check_asm_mb") + "\tnop\n");
  CHECK(rewrite_barriers(in_block("\tmfence\n\tlfence\n")).fences == 2);
}

TEST_CASE("a locked instruction on the stack is a full barrier") {
  const auto expected = call_of("ring_check_asm_mb") + "\tlock addl $0,0(%rsp)\n";
  CHECK(rewritten("\tlock; addl $0,0(%rsp)\n") == expected);
  CHECK(rewritten("\tlock\n\taddl $0,0(%rsp)\n") == expected);
  CHECK(rewritten("\tlock addl $0,0(%rsp)\n") == expected);
}

TEST_CASE("a locked instruction on memory is announced with its address and size, and then done") {
  CHECK(rewritten("\tlock; xaddl %eax, 8(%rbx,%rcx,4)\n") ==
        update_of("8(%rbx,%rcx,4)", 4) + "\tlock xaddl %eax, 8(%rbx,%rcx,4)\n");
  CHECK(rewritten("\tlock cmpxchgq %rdx, (%rdi)\n") ==
        update_of("(%rdi)", 8) + "\tlock cmpxchgq %rdx, (%rdi)\n");
  CHECK(rewritten("\tlock cmpxchg16b (%rdi)\n") == update_of("(%rdi)", 16) + "\tlock cmpxchg16b (%rdi)\n");
  CHECK(rewritten("\tlock btsl $3, flags(%rip)\n") ==
        update_of("flags(%rip)", 4) + "\tlock btsl $3, flags(%rip)\n");
  CHECK(rewritten("\tlock orb %al, (%rsi)\n") == update_of("(%rsi)", 1) + "\tlock orb %al, (%rsi)\n");
  CHECK(rewritten("\txchg %r8w, (%rsi)\n") == update_of("(%rsi)", 2) + "\txchg %r8w, (%rsi)\n");
  // The stack pointer has moved at that point.
  CHECK(rewritten("\tlock xaddl %eax, -8(%rsp)\n") ==
        update_of("136+-8(%rsp)", 4) + "\tlock xaddl %eax, -8(%rsp)\n");
  CHECK(rewritten("\txchgq %rax, (%rsp)\n") == update_of("136(%rsp)", 8) + "\txchgq %rax, (%rsp)\n");
}

TEST_CASE("everything else stays unchanged") {
  CHECK(rewritten("\txchg %eax, %ebx\n") == "\txchg %eax, %ebx\n");
  CHECK(rewritten("\tmovl $1, (%rdi)\n") == "\tmovl $1, (%rdi)\n");
  // Outside asm blocks the compiler announces accesses itself.
  const std::string plain = "\tmfence\n\tlock xaddl %eax, (%rdi)\n";
  CHECK(rewrite_barriers(plain).text == plain);
  CHECK(rewrite_barriers(plain).fences == 0);
}

}  // namespace compiler_wrapper_test
