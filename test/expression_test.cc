// Expressions over bytes: what they match, how long that takes, and which are refused.
#include "emu/script/expression.h"

#include <string>
#include <utility>

#include "test/catch.h"

namespace expression_test {

using namespace ringside;
using namespace ringside::script;
using namespace std::string_literals;

namespace {

std::optional<Found> found(std::string_view pattern, std::string_view bytes, std::size_t from = 0) {
  return Expression::compile(pattern).value().search(bytes, from);
}

/// The match; "(none)" if there is none.
std::string matched(std::string_view pattern, std::string_view bytes, std::size_t from = 0) {
  const auto place = found(pattern, bytes, from);
  return place ? std::string(bytes.substr(place->begin, place->end - place->begin)) : "(none)";
}

std::string refused(std::string_view pattern) {
  const auto tried = Expression::compile(pattern);
  return tried ? "(compiles)" : tried.error().why;
}

}  // namespace

TEST_CASE("the leftmost match is found, and of several at that place the first alternative") {
  const auto place = found("b+", "abbabbb");
  REQUIRE(place);
  CHECK(place->begin == 1);
  CHECK(place->end == 3);
  CHECK(matched("a|ab", "xab") == "a");
  CHECK(matched("ab|a", "xab") == "ab");
  CHECK(matched("a*?b", "aab") == "aab");
  CHECK(matched("x", "abc") == "(none)");
}

TEST_CASE("a search from a later place sees the bytes before it, but does not begin there") {
  CHECK(matched("a.", "abac", 1) == "ac");
  CHECK(matched("^b", "ab", 1) == "(none)");
  CHECK(matched("\\bb", "ab", 1) == "(none)");
  CHECK(matched("b", "ab", 2) == "(none)");
  CHECK(matched("b", "ab", 3) == "(none)");
}

TEST_CASE("leads() returns the length of a match at the beginning") {
  const Expression expression = Expression::compile("ab*").value();
  CHECK(expression.leads("abbc") == 3);
  CHECK_FALSE(expression.leads("xab"));
  CHECK_FALSE(expression.leads(""));
}

TEST_CASE("^ and $ match at the ends of all bytes, and a dot matches no newline") {
  CHECK(matched("^b", "a\nb") == "(none)");
  CHECK(matched("a$", "a\n") == "(none)");
  CHECK(matched("a\n$", "a\n") == "a\n");
  CHECK(matched("(?m)^b$", "a\nb\nc") == "b");
  CHECK(matched("a.b", "a\nb") == "(none)");
  CHECK(matched("a.b", "a\rb") == "a\rb");
  CHECK(matched("(?s)a.b", "a\nb") == "a\nb");
}

TEST_CASE("case matters unless the pattern says otherwise") {
  CHECK(matched("login", "LOGIN login") == "login");
  CHECK(matched("(?i)login", "LOGIN login") == "LOGIN");
}

TEST_CASE("classes are those of ASCII") {
  CHECK(matched("\\d+", "ab123") == "123");
  CHECK(matched("\\w+", "-a_1\xe9") == "a_1");
  CHECK(matched("\\s+", "a \t\r\n\fb") == " \t\r\n\f");
  CHECK(matched("[[:alpha:]]+", "1ab2") == "ab");
}

TEST_CASE("every byte value can be matched") {
  CHECK(matched("\\x80.", "\x7f\x80\xff") == "\x80\xff");
  CHECK(matched("[^a]", "a\xff") == "\xff");
  CHECK(matched("[\\x00-\\x1f]+", "a\0\x01 b"s) == "\0\x01"s);
  CHECK(matched("a.b", "a\0b"s) == "a\0b"s);
  CHECK(matched("a\0b"s, "a\0b"s) == "a\0b"s);
  CHECK(matched("^..$", "\u00e9") == "\u00e9");
  CHECK(matched("\u00e9", "caf\u00e9") == "\u00e9");
}

TEST_CASE("an empty match is a match") {
  const auto place = found("x*", "abc");
  REQUIRE(place);
  CHECK(place->begin == 0);
  CHECK(place->end == 0);
  CHECK(matched("^$", "").empty());
}

TEST_CASE("patterns that once took exponential time, or a deep stack, are matched at once") {
  CHECK(matched("(a+)+b", std::string(60, 'a')) == "(none)");
  CHECK(matched("(a|aa)+$", std::string(60, 'a') + "b") == "(none)");
  const std::string large(1 << 20, 'x');
  CHECK(matched("(x|y)*z", large) == "(none)");
  CHECK(matched("(x|y)*$", large) == large);
}

TEST_CASE("a pattern that does not compile is refused with the reason") {
  CHECK(refused("login(") == "missing ): login(");
  CHECK(refused("(a)\\1") == "invalid escape sequence: \\1");
  CHECK(refused("(?=a)b") == "invalid perl operator: (?=");
  CHECK(refused("(?!a)b") == "invalid perl operator: (?!");
  CHECK(refused("(a{1000}){1000}") == "invalid repetition size: {1000}");
  CHECK(refused("*a") == "no argument for repetition operator: *");
  CHECK(refused("[z-a]") == "invalid character class range: z-a");
  std::string large;
  for (int count = 0; count < 15; ++count) large += "[acegi]{999}";
  CHECK(refused(large) == "pattern too large - compile failed");
  // The faulty part is not quoted if it would differ from the bytes in the source.
  CHECK(refused("\xe9(") == "missing )");
}

TEST_CASE("an expression can be moved") {
  Expression first = Expression::compile("b").value();
  const Expression second = std::move(first);
  CHECK(second.search("ab"));
}

}  // namespace expression_test
