// The part of Markdown that the labs' texts use, as HTML, and errors for all the rest.
#include "tools/lab/markdown.h"

#include <string>
#include <utility>

#include "test/catch.h"

namespace markdown_test {

using ringside::tools::html_of_markdown;

namespace {

std::string html(const std::string& text) {
  auto made = html_of_markdown("a.md", text);
  return made ? *made : "error: " + made.error().text();
}

}  // namespace

TEST_CASE("headings, paragraphs and words within a line") {
  CHECK(html("# One `x<y`\n\ntwo\nthree & **four** *five*\n\n## One *x*\n### One x y\n## One x\n") ==
        "<h1 id=\"one-x-y\">One <code>x&lt;y</code></h1>\n"
        "<p>two three &amp; <strong>four</strong> <em>five</em></p>\n"
        "<h2 id=\"one-x\">One <em>x</em></h2>\n<h3 id=\"one-x-y-2\">One x y</h3>\n<h2 id=\"one-x-2\">One "
        "x</h2>\n");
  CHECK(html("## Same\n## Same\n") == "<h2 id=\"same\">Same</h2>\n<h2 id=\"same-2\">Same</h2>\n");
  CHECK(html("`run a-b --c  -d`\n") == "<p><code>run a-b <span class=\"option\">--c</span>  -d</code></p>\n");
  CHECK(html("a `b\n c` 2 * 3 < 4, tx[7], ring_check, **`d`**\n") ==
        "<p>a <code>b c</code> 2 * 3 &lt; 4, tx[7], ring_check, <strong><code>d</code></strong></p>\n");
}

TEST_CASE("a table has headings of its columns and rows") {
  CHECK(html("| a | b |\n|---|---|\n| `x|y` | *z* |\nafter\n") ==
        "<table>\n<thead><tr><th scope=\"col\">a</th><th scope=\"col\">b</th></tr>\n</thead>\n<tbody>\n"
        "<tr><th scope=\"row\"><code>x|y</code></th><td><em>z</em></td></tr>\n</tbody>\n</table>\n"
        "<p>after</p>\n");
}

TEST_CASE("an item of a list may have paragraphs, code and lists") {
  CHECK(html("1. one\n   more\n\n   ```sh\n   a <b\n     c\n   ```\n\n   end\n2. two:\n   - x\n   - "
             "y\n\nout\n") ==
        "<ol>\n<li>one more\n<pre tabindex=\"0\"><code>a &lt;b\n  c\n</code></pre>\n<p>end</p>\n</li>\n"
        "<li>two:\n<ul>\n<li>x\n</li>\n<li>y\n</li>\n</ul>\n</li>\n</ol>\n<p>out</p>\n");
  // A number within a paragraph is no list.
  CHECK(html("In July\n2005. Then\n") == "<p>In July 2005. Then</p>\n");
}

TEST_CASE("all other Markdown is an error with its line") {
  const std::pair<const char*, const char*> wrong[] = {
      {"[a](b)", "a link"},
      {"[a][b]", "a link"},
      {"see http://x", "a bare address"},
      {"![a](b)", "a picture"},
      {"a <b>c</b>", "HTML"},
      {"<!-- a -->", "HTML"},
      {"a &nbsp; b", "a character's name"},
      {"a \\* b", "a backslash"},
      {"an _a_", "emphasis with _"},
      {"a ~~b~~", "deleted text"},
      {"> a", "a quotation"},
      {"#### a", "a heading of another form"},
      {"#a", "a heading of another form"},
      {"## a ##", "a heading of another form"},
      {"* a", "a list with another marker than -"},
      {"1) a", "a list with another marker than 1."},
      {"2. a", "a list that does not count from 1"},
      {"- a\nb", "a list's line without its indent"},
      {"    a", "indented code"},
      {"a\n---", "a rule, or an underlined heading"},
      {"~~~\na\n~~~", "a fence of another form"},
      {"```\na", "a fence that is not closed"},
      {"a  \nb", "a line's end with spaces"},
      {"a `b", "a ` without its other end"},
      {"a ``b`` c", "a ` without its other end"},
      {"a **b", "emphasis without its other end"},
      {"a *b** c", "emphasis of another form"},
      {"| a |\n| b |", "a table without |---| after its first row"},
      {"| a |\n|---|\n| b | c |", "a table's row with other columns"},
      {"| a |\n|---|\n| b", "a table's row without | at its end"},
  };
  for (const auto& [text, what] : wrong) {
    const auto made = html_of_markdown("a.md", std::string("fine\n\n") + text + "\n");
    INFO(text);
    REQUIRE(!made);
    const std::string said = made.error().text();
    INFO(said);
    CHECK(said.find("cannot show a text as a page: a.md:") == 0);
    CHECK(said.find(std::string(": it has ") + what + " (use headings") != std::string::npos);
  }
}

}  // namespace markdown_test
