#!/usr/bin/env python3
"""The replay page as teachers and students use it, in a real browser: verdicts, the lesson, predictions, search,
presenting, small screens, a counterexample of ring-check.

usage: page_reading_test.py     RINGSIDE names the program
"""

import subprocess

from page_browser import EXPECTATION_FAILED, FAILS, PROGRAM, TEST, By, Keys, PageTest, main, ringside


class Reading(PageTest):
    def test_the_user_guesses_the_next_hop(self):
        self.open("one.html", "#step=129")
        future = "return document.querySelectorAll('.lanes .future').length"
        self.assertGreater(self.browser.execute_script(future), 0)
        self.press("p")
        # Nothing on the page tells what comes.
        self.assertEqual(self.browser.execute_script(future), 0)
        self.assertNotIn("arrived 480", self.text(".run-title"))
        self.assertFalse(self.browser.find_element(By.CSS_SELECTOR, ".source li.waiting").is_displayed())
        self.press(".")
        self.assertTrue(self.find("#question").is_displayed())
        self.assertEqual(self.step(), 129)
        self.answer("shared page")
        self.assertTrue(self.text("#answer-verdict").startswith("Yes."))
        self.find("#go-on").click()
        self.wait(lambda: self.step() == 130, "the step is shown")
        # It asks while playing, too, and goes on after the answer. Only the first answer counts.
        self.press("+")
        self.press(" ")
        self.wait(lambda: self.find("#question").is_displayed(), "it asks")
        self.assertEqual(self.step(), 130)
        wrong = next(each.text.split(" ", 1)[1] for each in self.answers() if "xcs \u2192 event" not in each.text)
        self.answer(wrong)
        self.answer("xcs \u2192 event channel")
        self.assertEqual(self.text("#score"), "1 of 2 right")
        self.find("#go-on").click()
        self.wait(lambda: self.find("#question").is_displayed(), "it plays to the next question")
        self.assertGreater(self.step(), 131)
        self.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
        self.wait(lambda: self.text("#play") == "Play", "it pauses")
        self.find("#hand-in").click()
        self.find("#hand-name").send_keys("Ada L.")
        table = [line.split("\t") for line in self.find("#hand-text").get_attribute("value").splitlines()]
        self.assertEqual((table[0], table[5]), (["name", "Ada L."], ["score", "1 of 2"]))
        self.assertEqual(table[7:], [["1", "130", "xcs \u2192 shared page", "xcs \u2192 shared page", "right"],
                                     ["1", "131", wrong, "xcs \u2192 event channel", "wrong"]])
        self.press(Keys.ESCAPE)

    def answers(self):
        return self.browser.find_elements(By.CSS_SELECTOR, "#answers button")

    def answer(self, words):
        next(each for each in self.answers() if words in each.text).click()

    def test_a_failed_run_opens_at_its_failure_with_the_verdict(self):
        self.open("fails.html")
        self.assertEqual(self.text("#now .terse"), "client sends user 8 bytes \"welcome\\n\" (dom1)")
        verdict = self.text(".verdict")
        for words in ("This run failed at 2 of its lines", "line 9", 'expect user sees "goodbye"', 'the next bytes are "welcome\\n"'):
            self.assertIn(words, verdict)
        self.assertIn("ringside run fails.scn --seed 1", self.text(".verdict .command"))
        self.assertIn("the limit was 1ms, set by line 10", self.find(".verdict details").get_attribute("textContent"))
        red = [each.text for each in self.browser.find_elements(By.CSS_SELECTOR, ".source li.failed")]
        self.assertEqual(len(red), 2)
        self.assertIn("\u2717", red[0])
        self.assertIn('expect user sees "goodbye"', red[0])
        # The marks of the strip have names.
        names = self.browser.execute_script("return player.tickList.map((tick) => player.tickAt(player.tickPlace(tick.position)))")
        for name in ('line 9: the next bytes are "welcome\\n"', "Printing"):
            self.assertTrue(any(name in each for each in names), name)
        self.press(Keys.HOME)
        self.find(".verdict .jump").click()
        self.assertIn("welcome", self.text("#now .terse"))
        # While the user predicts, the page hides the outcome.
        self.press("p")
        self.assertFalse(self.find(".verdict").is_displayed())

    def test_the_lesson_is_on_the_page(self):
        self.open("fails.html", "#step=1")
        self.assertIn("The guest prints one word, and another one is expected.", self.text(".prose"))
        self.press(".")
        self.assertFalse(self.find(".prose p").is_displayed(), "it makes room for the rings")
        lines = [each.get_attribute("textContent") for each in self.browser.find_elements(By.CSS_SELECTOR, ".source li")]
        self.assertEqual(len(lines), len(FAILS.splitlines()))
        # The source has the values of a table.
        self.open("one.html")
        self.assertIn("expect xcs.dropped settles at 9 when LOSS is on", self.find(".source").get_attribute("textContent"))
        # Also in lines that this run does not reach.
        self.open("two.html")
        for number in (0, 1):
            source = self.find(f"#run-view-{number} .source").get_attribute("textContent")
            self.assertIn("expect xcs.dropped settles at 9 when LOSS is on", source)
        # Its current line is in sight, wherever the run is, and a comment of that line is its note.
        self.open("one.html")
        for step in (52, 130, 186):
            self.browser.execute_script(f"location.hash = '#step={step}'")
            self.wait(lambda number=step: self.step() == number, "the link within the page")
            places = self.browser.execute_script("const box = document.querySelector('.source-box').getBoundingClientRect(); "
                                                 "const line = document.querySelector('.source [aria-current]').getBoundingClientRect(); "
                                                 "return [line.top - box.top, box.bottom - line.bottom]")
            self.assertGreaterEqual(min(places), -1, step)
        self.open("fails.html")
        self.assertIn("one message", self.text("#now .note-of-line"))

    def test_the_start_of_machine_and_domains_is_folded(self):
        self.open("one.html")
        starts = self.browser.execute_script("return player.views[0].lanes.rows.filter((row) => row.start).map((row) => row.start)")
        self.assertEqual(starts, ["the machine starts", "xen boots dom1"])
        # The page opens after them. A click goes to a start, and a second one shows its steps.
        self.assertGreater(self.step(), self.browser.execute_script("const rows = player.views[0].lanes.rows; return player.runs[0].steps[rows[1].to].n"))
        rows = "return player.views[0].lanes.rows.length"
        before = self.browser.execute_script(rows)
        self.press(Keys.HOME)
        self.browser.execute_script("for (let i = 0; i < 2; i++) document.querySelector('.lanes').dispatchEvent(new MouseEvent('click', "
                                    "{ bubbles: true, clientY: document.querySelector('.spacer').getBoundingClientRect().top + 3 }))")
        self.assertGreater(self.browser.execute_script(rows), before + 10)

    def test_it_ends_with_a_sentence_that_counts(self):
        self.open("one.html")
        self.press(Keys.END)
        self.assertEqual(self.text("#now .ending"), "Typed to dom1: 17 messages: 8 fit, 9 lost; 480 of 1000 bytes arrived.")
        self.press(",")
        self.assertEqual(self.browser.find_elements(By.CSS_SELECTOR, "#now .ending"), [])

    def test_find_reads_what_the_user_reads(self):
        self.open("two.html", "#step=52")
        field = self.find("#filter")
        field.send_keys("lost")
        # The losses are in the right run.
        self.assertRegex(self.text("#found"), r"^1 of \d+ steps$")
        self.assertGreater(self.step(), 52)
        found = [self.step()]
        field.send_keys(Keys.ENTER)
        found.append(self.step())
        self.assertRegex(self.text("#found"), r"^2 of ")
        field.send_keys(Keys.SHIFT, Keys.ENTER)
        found.append(self.step())
        self.assertTrue(found[0] == found[2] < found[1], found)
        field.send_keys(Keys.ESCAPE)
        self.assertEqual((self.step(), field.get_attribute("value"), self.text("#found")), (52, "", ""))
        self.press(".")
        self.assertEqual(self.step(), 53)

    def test_space_plays_after_a_click_and_popups_close(self):
        self.open("one.html", "#step=109")
        self.find("#theme").click()
        theme = self.browser.execute_script("return document.documentElement.dataset.theme")
        self.press(" ")
        self.assertEqual(self.text("#play"), "Pause")
        self.assertEqual(self.browser.execute_script("return document.documentElement.dataset.theme"), theme)
        self.press(" ")
        for close in (lambda: self.find("#title").click(), lambda: self.press(Keys.ESCAPE)):
            self.find(".lane-choice summary").click()
            self.assertTrue(self.find("#lane-list").is_displayed())
            close()
            self.assertFalse(self.find("#lane-list").is_displayed())

    def test_labels_are_beside_their_arrows(self):
        self.open("one.html", "#step=130")
        gap = self.browser.execute_script("""
            const row = (element) => element.closest("g").dataset.step;
            const arrows = new Map([...document.querySelectorAll(".lanes .arrow")].map((each) => [row(each), each.getPointAtLength(0).y]));
            return Math.min(...[...document.querySelectorAll(".lanes .words")].filter((each) => arrows.has(row(each))).map((each) => {
              const box = each.getBBox();
              return arrows.get(row(each)) - (box.y + box.height);
            }));""")
        self.assertGreaterEqual(gap, 0)

    def test_text_grows_and_a_presenter_has_one_pane(self):
        self.open("one.html", "#step=130")
        size = "return parseFloat(getComputedStyle(document.querySelector('.lanes text.words')).fontSize)"
        before = self.browser.execute_script(size)
        self.press("z")
        self.assertGreater(self.browser.execute_script(size), before)
        self.press("Zv")
        shown = "return [...document.querySelectorAll('.lane-pane, .pane')].filter((each) => each.offsetHeight).map((each) => each.getAttribute('aria-label') || 'lanes')"
        self.assertEqual(self.browser.execute_script(shown), ["lanes"])
        self.assertGreater(self.browser.execute_script(size), 1.25 * before)
        self.press("o")
        self.assertEqual(self.browser.execute_script(shown), ["The lesson"])
        self.press(".")
        self.assertEqual(self.browser.execute_script(shown), ["The lesson"])
        self.press("v")
        self.assertGreater(len(self.browser.execute_script(shown)), 3)
        self.assertEqual(self.browser.execute_script(size), before)

    def test_the_ring_that_is_used_is_in_view_on_a_low_screen(self):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 1366, "height": 768, "deviceScaleFactor": 1, "mobile": False})
        try:
            self.open("one.html", "#step=130")
            room = self.browser.execute_script("return document.querySelector('.deck').getBoundingClientRect().top - "
                                               "document.querySelector(\"[data-ring='dom1.rx'] .pointers\").getBoundingClientRect().bottom")
            self.assertGreaterEqual(room, 0)
            # Where the run begins, the lesson is introduced.
            self.open("one.html")
            self.assertLess(*self.browser.execute_script("return ['.prose p', '.rings'].map((each) => document.querySelector(each).getBoundingClientRect().top)"))
        finally:
            self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def test_two_runs_keep_lanes_and_rings_in_view_on_small_screens(self):
        for width, height in ((1366, 768), (1024, 768)):
            self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
            try:
                self.open("two.html")
                self.assertLess(self.browser.execute_script("return document.querySelector('.buttons').clientHeight"), 50, "the buttons are in one row")
                places = self.browser.execute_script("""
                    const bottom = document.querySelector(".deck").getBoundingClientRect().top;
                    return [0, 1].map((number) => {
                      const run = document.getElementById("run-view-" + number);
                      const lanes = run.querySelector(".lanes").getBoundingClientRect();
                      return [lanes.top, lanes.height, bottom - run.querySelector("[data-ring='dom1.rx'] .slots").getBoundingClientRect().bottom];
                    });""")
                for top, tall, room in places:
                    self.assertEqual(top, places[0][0], "the lanes of both runs are side by side")
                    self.assertGreater(tall, 100, (width, height))
                    self.assertGreaterEqual(room, 0, "the ring that is used is in view")
            finally:
                self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def test_a_counterexample_is_of_its_ring(self):
        if subprocess.run([PROGRAM, "ring-check", "--explain", "18"], capture_output=True, timeout=600).returncode != 0:
            self.skipTest("this build has no ring-check")
        ringside(self.folder, "ring-check", "cc", "-O2", "-o", "ring.so", str(TEST.parent / "tools" / "ring_check" / "template_c" / "ring.c"))
        ringside(self.folder, "ring-check", "--ring", "./ring.so", "--model", "tso", "--first", "--html", "ring.html", status=EXPECTATION_FAILED)
        self.open("ring.html")
        verdict = self.text(".verdict")
        for words in ("TSO exchange of 1 message from 3 fails", "lost wake-up: the back waits with work left", "class of bug",
                      "18: no full barrier between req_prod and the event index", "ringside ring-check --ring ./ring.so --replay 'TSO:exchange:1:3:"):
            self.assertIn(words, verdict)
        self.assertEqual(self.text(".lane-heads").split("\n"), ["step", "front", "shared memory", "back"])
        self.assertIn("4 slots", self.text(".run-title"))
        self.assertIn("indices start at 3", self.text(".run-title"))
        self.assertEqual(self.text("table.words").split("\n")[0].split(), ["prod", "3", "slot", "3"])
        self.assertIn("ring->prod", self.text(".source [aria-current]"))
        self.find("#filter").send_keys("writes prod := 4", Keys.ENTER)
        self.assertIn("In memory prod is still 3.", self.text("#now .sentence"))
        self.assertEqual(self.text("[data-end='front']").split(), ["front", "prod", ":=", "4"])
        self.press(Keys.END)
        self.assertIn("The back waits for ever", self.text("#now .sentence"))
        self.assertEqual(self.text("[data-end='front']").split(), ["front", "empty"])
        self.assertIn("prod\t4", self.text("table.words"))


if __name__ == "__main__":
    main()
