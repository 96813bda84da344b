#!/usr/bin/env python3
"""The page of `ringside play` in a real browser: edited, run and read by keyboard; errors lead to their lines; a link holds the
text; legible on a screen and a phone, light and dark.

usage: play_browser_test.py     RINGSIDE names the program
"""

import os
import os
import pathlib
import re
import signal
import tempfile

from page_access_test import CONTRAST, FOCUSABLE
from page_browser import Keys, PageTest, browser, main
from play_test import HELLO, LONG, SCENARIOS, Play

PHONE = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True}
WRONG = 'scenario "Wrong"\nxen boots dom1\n' + "# \u00e9\U0001f600\n" * 60 + 'dom1 prints "\U0001f600" twice\n'


class Editor(PageTest):
    @classmethod
    def setUpClass(cls):
        cls.keeper = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.keeper.name)
        (cls.folder / "hello.scn").write_text(HELLO)
        cls.browser = browser(cls.folder, 1366, 768)
        cls.browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(cls.folder / "saved")})

    def setUp(self):
        self.server = self.enterContext(Play(self.folder, "hello.scn", "--timeout", "600"))
        self.browser.get("about:blank")
        self.browser.get(self.server.address)

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def value(self):
        return self.find("#text").get_property("value")

    def write(self, text):
        self.script("const its = document.getElementById('text'); its.value = arguments[0]; its.dispatchEvent(new Event('input'))", text)

    def run_it(self):
        """By keyboard, from where the focus is; the result's words."""
        self.browser.switch_to.active_element.send_keys(Keys.CONTROL + Keys.ENTER)
        self.wait(lambda: not self.find("#run").get_property("disabled"), "the run has ended")
        return self.text("#status")

    def in_page(self, text):
        self.browser.switch_to.frame(self.find("iframe"))
        try:
            self.wait(lambda: self.script("return typeof player !== 'undefined' && Boolean(player.step)"), "the page is there")
            return self.script(text)
        finally:
            self.browser.switch_to.default_content()

    def test_a_scenario_is_edited_and_run_by_keyboard(self):
        self.assertEqual((self.value(), self.text("#nothing")), (HELLO, "The run appears here, step by step. Nothing has run yet."))
        text = self.find("#text")
        self.script("arguments[0].focus()", text)
        self.assertRegex(self.run_it(), r"^\u2713 passed: hello, seed 1\. 1 expectation, in [\d.]+ms of virtual time\.$")
        steps = self.in_page("return player.runs[0].steps.length")
        self.assertGreater(steps, 50)
        # Its keys work, and its address does.
        self.in_page("player.go(player.positionOfStep(60))")
        self.assertEqual(self.in_page("return player.step.n"), 60)
        self.browser.switch_to.active_element.send_keys(Keys.CONTROL + Keys.END)
        self.browser.switch_to.active_element.send_keys('expect user sees "\\n"\n')
        self.assertTrue(self.run_it().startswith("\u2713 passed: hello, seed 1. 2 expectations"))
        # Tab leaves the editor.
        text.send_keys(Keys.TAB)
        self.assertNotEqual(self.script("return document.activeElement.id"), "text")
        self.assertNotIn("\t", self.value())
        self.find("#seed").send_keys("7")
        self.assertIn("hello, seed 7.", self.run_it())

    def test_an_error_leads_to_its_line(self):
        self.write(WRONG)
        self.script("document.getElementById('text').focus()")
        self.assertEqual(self.run_it(), "\u2717 1 error: nothing has run.")
        self.assertEqual(self.text("#nothing"), "Nothing has run: see the messages.")
        shown = self.text("#problems button")
        line, column = map(int, re.search(r"--> hello\.scn:(\d+):(\d+)", shown).groups())
        self.assertEqual(self.script("return [...document.querySelectorAll('#numbers b')].map((each) => each.textContent)"), [f"!{line}\n"])
        self.find("#problems button").send_keys(Keys.ENTER)
        self.assertEqual(self.script("return document.activeElement.id"), "text")
        before = self.script("const its = document.getElementById('text'); return its.value.slice(0, its.selectionStart)")
        self.assertEqual((before.count("\n") + 1, len(before.split("\n")[-1]) + 1), (line, column))
        top = self.script("const its = document.getElementById('text'); return its.scrollTop / parseFloat(getComputedStyle(its).lineHeight)")
        rows = self.script("const its = document.getElementById('text'); return its.clientHeight / parseFloat(getComputedStyle(its).lineHeight)")
        self.assertTrue(top < line <= top + rows, (top, line, rows))
        self.wait(lambda: self.script("return document.getElementById('numbers').scrollTop === document.getElementById('text').scrollTop"), "numbers follow")
        self.browser.switch_to.active_element.send_keys("x")
        self.assertEqual(self.script("return document.querySelectorAll('#numbers b').length"), 0, "marks go when the text changes")

    def test_a_failed_run_opens_at_its_failure(self):
        self.write(HELLO.replace('sees "hello"', 'sees "bye"'))
        self.assertEqual(self.run_it(), "\u2717 failed: hello, seed 1.")
        self.assertIn("--> hello.scn:5:8", self.text("#report"))
        self.assertIn("This run failed", self.in_page("return document.body.innerText"))
        self.assertGreater(self.in_page("return player.step.n"), 50)
        self.find("#problems button").click()
        self.assertEqual(self.script("const its = document.getElementById('text'); return its.value.slice(its.selectionStart)"), 'user sees "bye"\n')

    def test_a_run_is_chosen(self):
        self.assertFalse(self.find("#choice").is_displayed())
        self.write((SCENARIOS / "20-quirk-xcs-drop-when-full.scn").read_text())
        self.assertIn("hello[BYTES=480,LOSS=on]", self.run_it())
        self.assertEqual(len(self.browser.find_elements("css selector", "#which option")), 6)
        self.find("#which").send_keys("hello[BYTES=1000,LOSS=off")
        self.assertIn("hello[BYTES=1000,LOSS=off]", self.run_it())
        self.assertEqual(self.find("#which").get_property("value"), "hello[BYTES=1000,LOSS=off]")
        self.write(HELLO)
        self.assertIn("passed: hello, seed 1.", self.run_it())
        self.assertFalse(self.find("#choice").is_displayed())

    def test_a_link_holds_the_text_and_runs_nothing(self):
        text = HELLO + "# \u00e9 \U0001f600 </script> ?&=+/\n" * 30
        self.write(text)
        self.find("#seed").send_keys("7")
        self.find("#copy").click()
        self.assertRegex(self.text("#status"), r"^Copied: a link of \d+ characters that holds this text\.$")
        self.script("const its = document.getElementById('text'); its.value = ''; its.focus()")
        self.find("#text").send_keys(Keys.CONTROL + "v")
        link = self.value()
        self.assertRegex(link, "^" + re.escape(self.server.address) + r"#seed=7&scn=[\w-]+$")
        self.browser.get("about:blank")
        self.browser.get(link)
        self.assertEqual((self.value(), self.find("#seed").get_property("value")), (text, "7"))
        self.assertEqual(self.text("#status"), "This text is from a link. It runs when you press Run.")
        self.assertEqual(self.browser.find_elements("css selector", "iframe"), [])
        self.assertEqual(self.server.players(), [])
        self.assertIn("passed: hello, seed 7.", self.run_it())
        # As the command's argument, and in an open page.
        with Play(self.folder, link) as other:
            self.browser.get(other.address)
            self.assertEqual(self.value(), text)
            self.script("location.hash = '#scn=%s'", [])
            self.wait(lambda: self.text("#status").startswith("This link is damaged"), "a damaged link is reported")
        self.browser.get(self.server.address + "#scn=" + link.rpartition("=")[2][:-2] + "!")
        self.wait(lambda: self.text("#status").startswith("This link is damaged"), "a damaged link is reported")
        self.assertEqual(self.value(), HELLO)

    def test_an_edited_text_survives_loading_the_page_again(self):
        self.find("#text").send_keys(Keys.CONTROL + Keys.END)
        self.find("#text").send_keys("# mine")
        self.wait(lambda: "#scn=" in self.browser.current_url, "the address has the text")
        self.browser.refresh()
        self.assertEqual(self.value(), HELLO + "# mine")

    def test_a_text_is_saved_as_a_file(self):
        self.write(HELLO + "# \u00e9\n")
        self.find("#save").click()
        saved = self.folder / "saved" / "hello.scn"
        self.wait(saved.exists, "the file is saved")
        self.assertEqual(saved.read_text(), HELLO + "# \u00e9\n")
        self.assertEqual((self.folder / "hello.scn").read_text(), HELLO)

    def test_a_run_is_stopped_and_a_server_that_ends_is_noticed(self):
        self.write(LONG)
        self.find("#run").click()
        self.wait(self.server.players, "it runs")
        os.kill(self.server.players()[0], signal.SIGSTOP)
        self.find("#stop").click()
        self.wait(lambda: self.text("#status") == "Stopped.", "it is stopped")
        self.assertEqual(self.script("return document.activeElement.id"), "run")
        self.wait(lambda: not self.server.players(), "its process has ended")
        self.server.process.send_signal(signal.SIGTERM)
        self.server.process.wait()
        self.assertIn("Has ringside play ended?", self.run_it())
        # The browser's own complaint about the request.
        self.assertTrue(all("ERR_CONNECTION_REFUSED" in entry["message"] for entry in self.browser.get_log("browser")))

    def test_tab_reaches_every_control_and_the_focus_is_seen(self):
        self.write(WRONG)
        self.run_it()
        self.script("window.reached = new Set(); window.unseen = []; document.body.tabIndex = -1; document.body.focus(); document.addEventListener('focusin', (event) => { reached.add(event.target); "
                    "const style = getComputedStyle(event.target); if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) unseen.push(event.target.outerHTML.slice(0, 80)); })")
        wanted = self.script(FOCUSABLE)
        self.assertEqual(wanted, 7)  # Run, Seed, Copy link, Save, the text, the messages, an error
        for _ in range(wanted + 1):
            self.browser.switch_to.active_element.send_keys(Keys.TAB)
        self.assertEqual(self.script("return reached.size - Number(reached.has(document.body))"), wanted)
        self.assertEqual(self.script("return unseen"), [])
        names = self.script("return [...document.querySelectorAll('button, input, select, textarea, section')].filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim())).length")
        self.assertEqual(names, 0)

    def test_it_is_legible_in_both_themes_and_on_a_phone(self):
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride", {})
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.setEmulatedMedia", {"media": "", "features": []})
        backgrounds = set()
        for text in (WRONG, HELLO, HELLO.replace('sees "hello"', 'sees "bye"')):
            self.write(text)
            self.run_it()
            for theme in ("light", "dark"):
                self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [{"name": "prefers-color-scheme", "value": theme}]})
                found = self.script(CONTRAST)
                self.assertGreater(found["looked"], 10)
                # A disabled button may be pale.
                self.assertEqual([each for each in found["poor"] if not each.endswith(": Stop")], [], theme)
                backgrounds.add(self.script("return getComputedStyle(document.body.parentElement).backgroundColor"))
            self.assertLessEqual(self.script("return document.documentElement.scrollHeight"), self.script("return innerHeight"), "nothing to scroll on a screen")
            self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
            self.assertLessEqual(self.script("return document.documentElement.scrollWidth"), PHONE["width"])
            self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.assertEqual(len(backgrounds), 2)


if __name__ == "__main__":
    main()
