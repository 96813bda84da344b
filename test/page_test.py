#!/usr/bin/env python3
"""The replay page in a real browser: its content, its keys and buttons, its links, two runs, a hundred thousand steps.

usage: page_test.py     RINGSIDE names the program; RINGSIDE_LONG=1 adds the long run.
"""

import base64
import json
import re
import unittest
import zlib

import today_journal
from page_browser import LONG, TEST, By, Keys, PageTest, main, ringside


class Page(PageTest):
    def test_it_makes_no_requests(self):
        page = (self.folder / "one.html").read_text()
        for outside in ("http://", "https://", "src=", "@import", "url(http"):
            allowed = page.count("http://www.w3.org/2000/svg") if outside == "http://" else 0
            self.assertEqual(page.count(outside), allowed, outside)

    def test_a_link_opens_at_its_step_and_lane(self):
        self.open("one.html", "#step=118&lane=xcs")
        self.assertEqual(self.step(), 118)
        self.assertIn("an error of 2005: ", self.text("#now .sentence"))
        self.assertEqual(self.text(".lane-heads .focus"), "xcs")
        # The same for a link within the page.
        self.browser.execute_script("location.hash = '#step=130'")
        self.wait(lambda: self.step() == 130, "the link within the page")

    def test_keys_step_jump_and_play(self):
        self.open("one.html", "#step=109")
        self.press(".")
        self.assertEqual(self.step(), 110)
        self.press(",")
        self.press(Keys.ARROW_LEFT)
        self.assertEqual(self.step(), 108)
        self.press(Keys.HOME)
        self.assertEqual(self.step(), 1)
        self.press(Keys.END)
        self.assertEqual(self.step(), self.steps[-1]["step"])
        self.press("5")
        self.assertAlmostEqual(self.step(), len(self.steps) / 2, delta=2)
        self.press("]")
        line = int(self.text(".source [aria-current] .line-number").split()[-1])
        self.press("[")
        self.assertLess(int(self.text(".source [aria-current] .line-number").split()[-1]), line)
        # Starts at the first step: a slow computer must not reach the end before it is paused.
        self.press(Keys.HOME)
        before = self.step()
        self.press("+")
        self.press("+")
        self.press(" ")
        self.wait(lambda: self.step() > before + 5, "it plays")
        self.press(" ")
        paused_at = self.step()
        self.assertEqual(self.text("#play"), "Play")
        # If it still played, it would take steps during these frames.
        self.browser.execute_async_script("""
            let frames = 60; const next = () => frames-- ? requestAnimationFrame(next) : arguments[0](); next()""")
        self.assertEqual(self.step(), paused_at)
        self.press("?")
        self.assertTrue(self.find("#keys").is_displayed())
        self.press(Keys.ESCAPE)
        self.wait(lambda: not self.find("#keys").is_displayed(), "the list of keys closes")

    def test_buttons_and_the_scrubber_do_the_same(self):
        self.open("one.html", "#step=109")
        self.find("#forth").click()
        self.assertEqual(self.step(), 110)
        self.find("#last").click()
        self.assertEqual(self.step(), self.steps[-1]["step"])
        self.find("#first").click()
        self.assertEqual(self.step(), 1)
        self.browser.execute_script("const s = document.getElementById('scrub'); s.value = 117; s.dispatchEvent(new Event('input'))")
        self.assertEqual(self.step(), 118)
        self.wait(lambda: "step=118" in self.browser.current_url, "the address follows")

    def test_rings_show_slots_pointers_and_outstanding_requests(self):
        self.open("one.html", "#step=130")
        ring = self.find("[data-ring='dom1.rx']")
        self.assertIn("8 of 8 unanswered: full", ring.text)
        self.assertEqual(len(ring.find_elements(By.CSS_SELECTOR, ".slot.request")), 8)
        self.assertEqual(self.text("[data-ring='dom1.rx'] .pointer.req_prod").split(), ["\u25b2", "req_prod", "8", "&7=0"])
        ring.find_element(By.CSS_SELECTOR, "[data-slot='1.rx.3']").click()
        details = self.text("[data-ring='dom1.rx'] .slot-details")
        self.assertIn("slot 3: request, console (0,0), id 0, length 60", details)
        self.assertIn("61 62 63", details)
        self.press(Keys.END)
        self.assertEqual(len(self.browser.find_elements(By.CSS_SELECTOR, "[data-ring='dom1.rx'] .slot.stale")), 8)

    def test_a_full_ring_is_full_before_its_index_moves(self):
        self.open("one.html", "#step=118")
        self.assertIn("8 of 8 taken, none published: full", self.text("[data-ring='dom1.rx']"))

    def test_byte_rings_show_a_bar_their_indices_and_the_bytes_that_wait(self):
        today_journal.write(self.folder / "today.jsonl")
        ringside(self.folder, "view", "today.jsonl", "--html", "today.html")
        self.open("today.html", "#step=5")
        self.assertEqual(self.browser.execute_script("return [...document.querySelectorAll('.ring')].map((ring) => ring.dataset.ring)"),
                         ["dom1.out", "dom1.in"])
        out = "[data-ring='dom1.out'] "
        self.assertIn("12 of 2048 bytes wait", self.text(out + ".outstanding"))
        self.assertIn("out_prod 2052 &2047=4", " ".join(self.text(out + ".pointer.prod").split()))
        self.assertIn("out_cons 2040 &2047=2040 as found", " ".join(self.text(out + ".pointer.cons").split()))
        self.assertIn("wait, and wrap at the end: loginhello^M\u21b5", self.text(out + ".waiting-bytes"))
        # The bar has a part at each end of the ring, as wide as the bytes there.
        parts = self.browser.execute_script("""const bar = document.querySelector(arguments[0] + ".byte-bar").getBoundingClientRect();
            return [...document.querySelectorAll(arguments[0] + ".filled")].map((part) => part.getBoundingClientRect())
                .map((box) => [box.left - bar.left, bar.right - box.right, box.width].map(Math.round))""", out)
        self.assertEqual(len(parts), 2)
        self.assertLessEqual(parts[0][1], 2)
        self.assertLessEqual(parts[1][0], 2)
        self.assertIn("in the ring out (of 2048)", self.text(".ledger"))
        self.open("today.html", "#step=8")
        self.assertIn("xenconsoled has written 3 bytes since dom1 last looked", self.text("#now .sentence"))
        self.assertIn("3 of 1024 bytes wait", self.text("[data-ring='dom1.in'] .outstanding"))
        self.assertIn("unknown: taken by a program that reports nothing", self.text(".ledger"))
        self.assertIn("what dom1 has written into its ring out: 7 bytes", self.text(".screens"))
        self.open("today.html", "#step=11")
        self.assertIn("impossible: one end is faulty", self.text(out + ".impossible"))
        self.assertEqual(self.browser.find_elements(By.CSS_SELECTOR, out + ".filled"), [])
        self.press(Keys.END)
        self.assertIn("through the byte ring out; 5 of 12 bytes were shown", self.text("#now"))

    def test_lines_of_the_scenario_have_their_values(self):
        self.open("one.html", "#step=130")
        self.assertIn("user types 1000 bytes", self.text(".source"))

    def test_why_480_bytes_arrive(self):
        self.open("one.html", "#step=130")
        ledger = self.text(".ledger")
        self.assertIn("Down: what is typed: 1000 bytes", ledger)
        self.assertIn("480 in the ring rx (8 slots \u00d7 up to 60: full)", ledger)
        self.assertIn("520 lost", ledger)
        self.press(Keys.END)
        self.assertIn("480 arrived", self.text(".ledger"))
        self.assertIn("dom1 typed 1000, arrived 480, lost 520", self.text(".run-title"))
        self.open("one.html", "#step=118")
        self.assertIn("The ring holds 8 messages of 60 bytes, 480 bytes, and not one more", self.text("#now"))

    def test_the_line_in_force_and_the_event_bits_go_with_the_step(self):
        self.open("one.html", "#step=130")
        # Effects of an act are under the act, and not under the expectation that waits for them.
        self.assertIn("user types 1000 bytes", self.text(".source [aria-current]"))
        self.assertIn("expect dom1.rx settles at req_prod 8 rsp_prod 0", self.text(".source .waiting"))
        self.assertRegex(" ".join(self.text(".events tbody").split()), r"dom1 port 1 1 0 1 \d+ 1 1$")
        self.press(Keys.END)
        self.assertRegex(" ".join(self.text(".events tbody").split()), r"dom1 port 1 0 0 0 \d+ \d+ 0( |$)")

    def test_one_byte_can_be_followed(self):
        self.open("one.html", "#step=52")
        self.press("f")
        found = self.text("#found")
        self.assertRegex(found, r"hops, last seen at step \d+, in tty")
        rows = self.browser.execute_script("return player.views[0].lanes.rows.map((row) => player.runs[0].steps[row.to].k)")
        self.assertEqual(rows, ["bytes_passed", "frame_passed", "slot_written", "index_moved", "bytes_passed"])
        self.press(Keys.ESCAPE)
        self.open("one.html", "#step=68")
        self.press("f")
        self.assertRegex(self.text("#found"), r"lost at step \d+")
        self.press(Keys.ESCAPE)
        self.assertEqual(self.find("#follow").get_attribute("aria-pressed"), "false")

    def test_filter_and_lanes_hide_rows(self):
        self.open("one.html", "#step=62")
        field = self.find("#filter")
        field.send_keys("quirk")
        self.assertEqual(self.text("#found"), "1 of 10 steps")
        rows = self.browser.execute_script("return player.views[0].lanes.rows.length")
        self.assertEqual(rows, 10)
        field.clear()
        field.send_keys(Keys.ESCAPE)
        self.find(".lane-choice summary").click()
        self.find("[data-lane='event'] input").click()
        self.assertNotIn("event", self.text(".lane-heads"))

    def test_the_step_is_announced_to_screen_readers(self):
        self.open("one.html", "#step=109")
        self.press(".")
        said = self.find("#said")
        self.assertEqual(said.get_attribute("aria-live"), "polite")
        self.assertIn("step 110. xcs copies 60 bytes", said.get_attribute("textContent"))
        unnamed = self.browser.execute_script("return [...document.querySelectorAll('button, input, select')].filter((each) => "
                                              "!each.textContent.trim() && !each.ariaLabel && !each.closest('label')).map((each) => each.id)")
        self.assertEqual(unnamed, [])

    def test_terms_are_explained(self):
        self.open("one.html", "#step=130")
        self.find("dfn[data-term='req_prod']").click()
        self.assertIn("The number of requests written so far", self.text("#tip"))

    def test_two_runs_begin_at_their_first_difference_and_meet_at_every_line(self):
        self.open("two.html")
        self.assertIn("xcs-drop-when-full is on right only", self.text("#facts"))
        self.assertIn("waits in xcs", self.text("#now .sentence"))
        self.assertIn(" lost.", self.text("#now-1 .sentence"))
        self.press(Keys.END)
        first, second = (self.text(f"#run-view-{number} .ledger") for number in (0, 1))
        self.assertIn("1000 arrived", first)
        self.assertIn("520 lost", second)
        self.press("3")
        self.press("]")
        current = [self.text(f"#run-view-{number} .source [aria-current] .line-number") for number in (0, 1)]
        self.assertEqual(*current)
        self.press("d")
        self.assertIn(" lost.", self.text("#now-1 .sentence"))

    def test_a_byte_is_followed_in_both_runs(self):
        self.open("two.html")
        self.press("f")
        self.assertRegex(self.text("#found"), "^\u201c[abc]\u201d: 5 hops, last seen at step [0-9]+, in tty; run 2: 3 hops, lost at step 112$")
        self.assertIn(" lost.", self.text("#now-1 .sentence"))
        for number in (0, 1):
            self.assertGreater(self.browser.execute_script(f"return player.views[{number}].lanes.rows.length"), 1)
        self.press(Keys.ESCAPE)

    def test_text_of_a_run_never_becomes_markup(self):
        evil = "<img src=x onerror=alert(1)></script><b>"
        (self.folder / "evil.scn").write_text(f'scenario "{evil}"\nxen boots dom1\nuser connects to dom1\nuser types "{evil}"\nexpect dom1 reads "{evil}"\n')
        ringside(self.folder, "run", "evil.scn", "--journal", "evil.jsonl")
        ringside(self.folder, "view", "evil.jsonl", "--html", "evil.html")
        self.open("evil.html")
        self.press(Keys.END)
        self.assertEqual(self.text("#title"), evil)
        self.assertEqual(self.browser.find_elements(By.CSS_SELECTOR, "img, .sentence b"), [])
        self.assertIn(evil, self.text(".screens"))

    def test_the_screens_follow_what_editors_and_pagers_send(self):
        self.open("one.html")
        text = "one\r\ntwo\r\nthree\r\nfour"
        for sent, lines in (("\x1b[H\x1bMnew", ["new", "one", "two", "three", "four"]),
                            ("\x1b[2;3r\x1b[3H\n\x1b[31mnew\x1b(B\x0f", ["one", "three", "new", "four"]),
                            ("\x1b[2;4r\x1b[2H\x1b[Lnew\x1b[4H\x1b[99M", ["one", "new", "two", ""]),
                            ("\x1b[4;2H\x1b[9999P\x1b[3;2H\x1b[2@\x1b[1;2H\x1b[X", ["o e", "two", "t  hree", "f"]),
                            ("\x1b[2H\x1b[?1049hmenu\x1b]0;title\x07\x1b[?1049l!", ["one", "!wo", "three", "four"]),
                            ("\x1b[?1049h\x1b[Hmenu", ["menu"]),
                            ("\x1b" + "c" + "x" * 81 + "\x03", ["x" * 80, "x^C"])):
            shown = self.browser.execute_script("return screenOf(arguments[0])", text + sent)
            self.assertEqual(shown["lines"], lines, repr(sent))

    def test_characters_are_as_wide_as_on_a_terminal(self):
        # The first wide character arrives in two messages.
        line = "x" * 59 + "\u3042\u6f22\U0001f600e\u0301\u00e9|"
        (self.folder / "wide.scn").write_text(f'scenario "wide"\nxen boots dom1\nuser connects to dom1\ndom1 prints "{line}\\n"\n'
                                              f'expect user sees "{line}"\n')
        ringside(self.folder, "run", "wide.scn", "--journal", "wide.jsonl")
        ringside(self.folder, "view", "wide.jsonl", "--html", "wide.html")
        self.open("wide.html")
        self.press(Keys.END)
        self.assertIn(line, self.text(".screens"))
        # The column of each character of the line.
        places = self.browser.execute_script("""
            const screen = document.querySelector(".screens .screen:last-of-type") || document.querySelector(".screen");
            const walk = document.createTreeWalker(screen, NodeFilter.SHOW_TEXT);
            const found = {};
            let first = null, width = 0;
            for (let node = walk.nextNode(); node; node = walk.nextNode()) {
              for (let at = 0; at < node.data.length; at++) {
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + 1);
                const box = range.getBoundingClientRect();
                if (node.data[at] === "x" && first === null) first = box.left, width = box.width;
                if (node.data[at] === "|") found["|"] = (box.left - first) / width;
                if (node.data[at] === "\u00e9") found["\u00e9"] = (box.left - first) / width;
              }
            }
            return found;""")
        self.assertAlmostEqual(places["\u00e9"], 59 + 3 * 2 + 1, delta=0.1)
        self.assertAlmostEqual(places["|"], 59 + 3 * 2 + 2, delta=0.1)

    def test_the_screens_show_what_the_screens_of_watch_show(self):
        """screens_test.cc has the same table. The page makes a screen of all bytes each time: they are cut nowhere."""
        self.open("one.html")
        screens = json.loads((TEST / "screens.json").read_text())
        self.assertGreater(len(screens), 30)
        sent = [screen.get("sent", "").encode() + bytes.fromhex(screen.get("hex", "")) for screen in screens]
        shown = self.browser.execute_script("return arguments[0].map(screenOf)", [each.decode("latin-1") for each in sent])
        for screen, its in zip(screens, shown):
            with self.subTest(screen["says"]):
                # After a full line the page's cursor is at a column of its own, that of libvterm at the last column.
                cursor = [its["row"], min(its["column"], 79)]
                self.assertEqual((its["lines"], cursor), (screen["rows"], screen["cursor"]))
        # Directional marks and C1 controls are left out.
        self.assertEqual(self.browser.execute_script("return screenOf(arguments[0])", "a\xe2\x80\xaeb\xc2\x9bc")["lines"], ["abc"])

    def test_a_run_prints_on_light_sheets(self):
        # The picture of the step, and then all steps.
        for name, sheets in (("one.html", 2), ("two.html", 4)):
            self.open(name, "#step=130")
            self.press("t")
            pdf = base64.b64decode(self.browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
            self.assertGreaterEqual(len(re.findall(rb"/Type\s*/Page\b", pdf)), sheets, name)
        self.open("one.html", "#step=130")
        sheet = self.browser.execute_script("dispatchEvent(new Event('beforeprint')); const text = document.querySelector('.sheet').textContent; "
                                            "dispatchEvent(new Event('afterprint')); return text")
        for words in ("the machine starts: ", "17 times: 1000 bytes in all", "lost", "480 of 1000 bytes arrived."):
            self.assertIn(words, sheet)
        self.assertEqual(self.browser.find_elements(By.CSS_SELECTOR, ".sheet"), [])
        paper = ("let at; addEventListener('beforeprint', () => { at = document.documentElement.dataset.theme; }); "
                 "document.documentElement.dataset.theme = 'dark'; dispatchEvent(new Event('beforeprint')); "
                 "dispatchEvent(new Event('afterprint')); return [at, document.documentElement.dataset.theme]")
        self.assertEqual(self.browser.execute_script(paper), ["light", "dark"])

    def test_it_fits_a_phone(self):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
        try:
            for page in ("one.html", "two.html"):
                self.open(page, "#step=130")
                self.assertLessEqual(self.browser.execute_script("return document.documentElement.scrollWidth"), 360)
                self.find("#forth").click()
                self.assertGreater(self.step(), 130)
                self.assertTrue(self.find("#predict").is_displayed())
        finally:
            self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def test_a_step_costs_one_layout(self):
        self.open("one.html", "#step=109")
        self.browser.execute_cdp_cmd("Performance.enable", {})

        def layouts():
            return next(each["value"] for each in self.browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"] if each["name"] == "LayoutCount")
        before = layouts()
        self.browser.execute_script("for (let at = 0; at < 60; at++) { player.move(1); void document.body.offsetHeight; }")
        # The others are of scrolling, and of what the driver does.
        self.assertLess(layouts() - before, 1.5 * 60)
        self.browser.execute_cdp_cmd("Performance.disable", {})

    def test_a_long_run_is_compressed_and_the_same(self):
        # Some thousand steps, whose data are just long enough to be compressed.
        header, *lines = (self.folder / "on.jsonl").read_text().splitlines()
        body = [json.loads(line) for line in lines if '"step":' in line]
        with open(self.folder / "longer.jsonl", "w", encoding="ascii") as out:
            out.write(header + "\n")
            for number in range(4000):
                out.write(json.dumps(dict(body[number % len(body)], step=number + 1, time_ns=number * 1000)) + "\n")
        ringside(self.folder, "view", "longer.jsonl", "--html", "longer.html")
        page = (self.folder / "longer.html").read_text()
        packed = re.search(r'<script type="text/plain" id="run-0">([A-Za-z0-9+/]+=*)</script>', page)[1]
        data = json.loads(zlib.decompress(base64.b64decode(packed)))
        self.open("longer.html")
        self.wait(lambda: self.browser.execute_script("return Boolean(window.player)"), "the data are unpacked")
        self.assertEqual(len(data["steps"]), 4000)
        self.assertEqual(self.browser.execute_script("return player.runs[0].steps.map((step) => step.s)"), [step["s"] for step in data["steps"]])
        # A browser that cannot unpack it says so.
        self.browser.execute_cdp_cmd("Page.enable", {})
        script = self.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": "delete window.DecompressionStream"})
        try:
            self.open("longer.html")
            self.wait(lambda: "this browser cannot read that" in self.text("#facts"), "the reason")
            self.browser.get_log("browser")  # the console has the same
        finally:
            self.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)

    @unittest.skipUnless(LONG, "RINGSIDE_LONG=1 runs it")
    def test_a_hundred_thousand_steps_are_fast(self):
        header, *lines = (self.folder / "on.jsonl").read_text().splitlines()
        body = [json.loads(line) for line in lines if '"step":' in line][48:]
        wanted = 100_000
        with open(self.folder / "long.jsonl", "w", encoding="ascii") as out:
            out.write(header + "\n")
            for number in range(wanted):
                out.write(json.dumps(dict(body[number % len(body)], step=number + 1, time_ns=number * 1000)) + "\n")
        ringside(self.folder, "view", "long.jsonl", "--html", "long.html")
        # How long it takes is measured by tools/bench/page.py. Counted here is what it has to do.
        self.assertLess((self.folder / "long.html").stat().st_size, 8 << 20)
        self.open("long.html")
        self.wait(lambda: self.browser.execute_script("return Boolean(window.player)"), "the data are unpacked")
        applied = self.browser.execute_script("""
            let count = 0;
            const index = CHANGES.i;
            CHANGES.i = (...all) => { count++; index(...all); };
            for (let at = 0; at < 100; at++) player.go((at * 7919) % 100000);
            CHANGES.i = index;
            return count;""")
        self.assertLess(applied, 100 * 256, "a jump applies the changes since the last stored picture only")
        self.assertLess(self.browser.execute_script("return document.querySelectorAll('*').length"), 1500)
        self.press(Keys.END)
        self.assertEqual(self.step(), wanted)
        field = self.find("#filter")
        field.send_keys("takes event")
        self.assertRegex(self.text("#found"), r"^\d+ of \d+ steps$")
        self.assertLess(self.browser.execute_script("return document.querySelectorAll('*').length"), 1500)


if __name__ == "__main__":
    main()
