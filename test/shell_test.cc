// The built-in shell, on string streams.
#include "emu/domu/shell.h"

#include <sstream>

#include "test/catch.h"

namespace shell_test {

using namespace ringside::domu;

namespace {

const ShellInfo web{.domain_name = "web", .domain = 4, .console_port = 1, .layout = "sring"};

struct Session {
  int status = -1;
  std::string output;

  [[nodiscard]] bool says(std::string_view text) const { return output.find(text) != std::string::npos; }
  [[nodiscard]] int count(std::string_view text) const {
    int found = 0;
    for (std::size_t at = output.find(text); at != std::string::npos; at = output.find(text, at + 1)) ++found;
    return found;
  }
};

Session type(const std::string& input) {
  std::istringstream in(input);
  std::ostringstream out;
  const int status = shell_main(in, out, web);
  return {status, out.str()};
}

}  // namespace

TEST_CASE("a command is answered and followed by a prompt, and exit ends the shell") {
  const Session session = type("uname\nexit\n");
  CHECK(session.status == 0);
  const std::size_t first = session.output.find("web$ ");
  REQUIRE(first != std::string::npos);
  CHECK(session.output.substr(first) == "web$ Linux\nweb$ ");
}

TEST_CASE("the end of the input ends the shell with status 0") {
  const Session session = type("");
  CHECK(session.status == 0);
  CHECK(session.count("web$ ") == 1);
  CHECK(session.output.back() == '\n');
  CHECK(type("uname -a").says("Linux web 2.6.11-xenU"));  // a last line without a newline counts
}

TEST_CASE("exit sets the status; an invalid status is refused and the shell continues") {
  CHECK(type("exit 7\n").status == 7);
  CHECK(type("  exit   255  \n").status == 255);
  const Session session = type("exit 256\nexit x\nexit -1\necho on\n");
  CHECK(session.status == 0);
  CHECK(session.says("a status is a number from 0 to 255, not '256'"));
  CHECK(session.says("not '-1'"));
  CHECK(session.says("web$ on\n"));
}

TEST_CASE("an unknown command gets a hint") {
  CHECK(type("ls -l\n").says("ls: no such command; 'help' lists all commands\n"));
}

TEST_CASE("help lists every command") {
  const Session session = type("help\n");
  for (const char* command : {"about", "count N", "echo TEXT", "exit [N]", "help", "hex TEXT", "hostname",
                              "read-line", "uname [-a]", "yes N"}) {
    CHECK(session.says("  " + std::string(command) + " "));
  }
}

TEST_CASE("empty lines and blanks only print the next prompt") {
  const Session session = type("\n \t \n");
  CHECK(session.count("web$ ") == 3);
  CHECK_FALSE(session.says("no such command"));
}

TEST_CASE("count and yes print the requested number of lines, up to a limit") {
  const Session session = type("count 3\nyes 2\n");
  CHECK(session.says("web$ 1\n2\n3\n"));
  CHECK(session.says("web$ y\ny\nweb$ "));
  CHECK(type("count\n").says("10\n"));
  CHECK(type("count 0\n").says("web$ web$ "));
  CHECK(type("yes 10000001\n").says("yes: how often? a number from 0 to 10000000, not '10000001'\n"));
  CHECK(type("count 99999999999999999999999\n").says("how often?"));
  CHECK(type("count three\n").says("not 'three'"));
}

TEST_CASE("count ends when its reader has gone") {
  std::istringstream in("count 10000000\nuname\n");
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  CHECK(shell_main(in, out, web) == 0);
}

TEST_CASE("echo prints its text, hex the bytes of it, and hostname the domain's name") {
  CHECK(type("echo  two  words \n").says("web$ two  words\n"));
  CHECK(type("hex Az \xff\n").says("web$ 41 7a 20 ff\n"));
  CHECK(type("hostname\n").says("web$ web\n"));
}

TEST_CASE("read-line prints one line and leaves the next to the shell") {
  const Session session = type("read-line\nuname\nuname\n");
  CHECK(session.says("web$ 5 bytes: uname\nweb$ Linux\n"));
  CHECK(type("read-line\n").says("read-line: the input has ended\n"));
}

TEST_CASE("in a domain of today, about and uname tell of xenconsoled and its rings") {
  std::istringstream in("about\nuname -a\n");
  std::ostringstream out;
  CHECK(shell_main(in, out, {.domain_name = "web", .domain = 7, .console_port = 2, .layout = "today"}) == 0);
  for (const char* part :
       {"pty of xenconsoled", "domain 7 grants to dom0", "to port 2.", "Linux web 6.1.0-xenU"})
    CHECK(out.str().find(part) != std::string::npos);
  CHECK(out.str().find("xend") == std::string::npos);
}

TEST_CASE("about prints the page's layout, the port and the domain") {
  const Session session = type("about\n");
  CHECK(session.says("domain 4"));
  CHECK(session.says("sring"));
  CHECK(session.says("event channel 1"));
}

TEST_CASE("on a raw terminal the return key ends a line, with or without a newline after it") {
  CHECK(type("uname\rexit 3\r").status == 3);
  const Session session = type("uname\r\nuname\r\n");
  CHECK(session.count("Linux\n") == 2);
  CHECK(session.count("web$ ") == 3);
  CHECK(type("uname\r\n\nuname\n").count("web$ ") == 4);
}

TEST_CASE("a line longer than the limit is truncated") {
  const Session session = type("echo " + std::string(100'000, 'a') + "\nuname\n");
  CHECK(session.says("Linux\n"));
  CHECK(session.output.size() < 5000);
}

}  // namespace shell_test
