#!/usr/bin/env python3
"""The pages of the course in a real browser: legible on a screen, a phone and paper; and the quiz, answered by keyboard,
makes a result that `ringside lab collect` reads.

usage: lab_browser_test.py     RINGSIDE names the program
"""

import base64
import csv
import io
import json
import pathlib
import re
import subprocess
import tempfile

from page_access_test import CONTRAST
from page_browser import EXPECTATION_FAILED, PROGRAM, Keys, PageTest, browser, main, ringside

PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
MM = 96 / 25.4  # pixels
PAGES = ("index.html", "lab-1.html", "lab-4.html", "sheet-04-ring-wraps.html", "quiz.html")


class Course(PageTest):
    @classmethod
    def setUpClass(cls):
        cls.keeper = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.keeper.name)
        ringside(cls.folder, "lab", "html", ".")
        cls.browser = browser(cls.folder)
        cls.browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(cls.folder / "handed-in")})

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def emulate(self, **media):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media.get("media", ""), "features": media.get("features", [])})
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.setEmulatedMedia", {"media": "", "features": []})

    def test_text_has_contrast_in_both_themes(self):
        backgrounds = set()
        for theme in ("light", "dark"):
            self.emulate(features=[{"name": "prefers-color-scheme", "value": theme}])
            for page in PAGES:
                self.open(page)
                # Pictures are on white in both.
                self.script("for (const each of document.querySelectorAll('svg')) each.remove()")
                found = self.script(CONTRAST)
                self.assertGreater(found["looked"], 20)
                self.assertEqual(found["poor"], [], (page, theme))
                backgrounds.add(self.script("return getComputedStyle(document.documentElement).backgroundColor"))
        self.assertEqual(len(backgrounds), 2)

    def test_every_page_opens(self):
        """Complaints in the console are found afterwards."""
        pages = sorted(path.name for path in self.folder.glob("*.html"))
        self.assertGreater(len(pages), 30)
        for page in pages:
            self.open(page)
            self.assertTrue(self.browser.title, page)

    def test_pages_fit_a_phone(self):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride", {})
        for page in PAGES:
            self.open(page)
            self.assertLessEqual(self.script("return document.documentElement.scrollWidth"), PHONE["width"], page)
        slides = min(path.name for path in self.folder.glob("slides-*.html"))
        self.open(slides, "#5")
        self.assertLessEqual(self.script("return document.querySelector('section.shown').scrollWidth"), PHONE["width"], slides)

    def test_paper_has_the_text_and_no_controls(self):
        # A page of A4 between its margins has 186 by 273 mm.
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": round(186 * MM), "height": round(273 * MM), "deviceScaleFactor": 1, "mobile": False})
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride", {})
        for page in PAGES:
            self.open(page)
            self.emulate(media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
            seen = "return [...document.querySelectorAll(arguments[0])].filter((each) => each.checkVisibility()).length"
            self.assertEqual(self.script(seen, "nav, details, button, kbd, #end"), 0, page)
            self.assertEqual(self.script("return getComputedStyle(document.documentElement).backgroundColor"), "rgb(255, 255, 255)")
            if page == "quiz.html":
                self.assertEqual(self.script(seen, "form"), 10, "all questions are printed")
            # No picture is cut by the end of a page.
            heights = self.script("return [...document.querySelectorAll('figure')].map((each) => each.getBoundingClientRect().height)")
            self.assertLess(max(heights, default=0), 273 * MM, page)
            self.assertLessEqual(self.script("return document.documentElement.scrollWidth"), 186 * MM + 1, page)
            printed = base64.b64decode(self.browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
            self.assertTrue(printed.startswith(b"%PDF"))

    def collected(self, status=0):
        done = subprocess.run([PROGRAM, "lab", "collect", "handed-in", "--csv"], cwd=self.folder, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, status, done.stderr)
        return list(csv.DictReader(io.StringIO(done.stdout)))

    def test_the_quiz_is_answered_by_keyboard_and_collected(self):
        self.open("quiz.html")
        answers = json.loads(base64.b64decode(self.script("return document.getElementById('answers').textContent")))["answers"]
        good = 0
        for number, answer in enumerate(answers):
            shown = self.script("return [...document.querySelectorAll('form')].filter((each) => each.checkVisibility()).map((each) => each.querySelector('h2').textContent)")
            self.assertEqual(shown, [f"Question {number + 1} of {len(answers)}"])
            self.assertEqual(self.text("form:not([hidden]) .verdict"), "")
            wanted = answer["right"] if number % 3 else (answer["right"] + 1) % 3
            good += wanted == answer["right"]
            self.browser.switch_to.active_element.send_keys(str(wanted + 1))
            self.browser.switch_to.active_element.send_keys(Keys.ENTER)
            verdict = self.text("form:not([hidden]) .verdict")
            self.assertEqual(verdict.startswith("Yes. "), wanted == answer["right"], verdict)
            self.assertIn(answer["tells"], verdict)
            # The first answer counts.
            self.browser.switch_to.active_element.send_keys("1")
            self.assertEqual(self.text("#score"), f"{good} of {number + 1} right so far.")
            self.browser.switch_to.active_element.send_keys(Keys.ENTER)
        self.assertLess(good, len(answers))
        self.assertIn(f"{good} of {len(answers)} are right.", self.text("#result"))
        self.assertEqual(self.script("return document.activeElement.textContent"), "Hand it in")
        self.browser.switch_to.active_element.send_keys(Keys.TAB)
        self.assertEqual(self.find("#text").get_property("value"), "", "a name is missing")
        self.browser.switch_to.active_element.send_keys("=Ada")
        self.assertIn("A name has letters", self.text("#name-problem"))
        self.assertFalse(self.find("#save").is_enabled())
        self.browser.switch_to.active_element.send_keys(Keys.BACKSPACE * 4 + "Zo\u00eb O'Hara-Lind" + Keys.ENTER)
        saved = self.folder / "handed-in" / "quiz-Zo\u00eb-O-Hara-Lind.txt"
        self.wait(saved.exists, "the file is saved")
        text = self.find("#text").get_property("value")
        self.assertEqual(saved.read_text(), text)
        row, = self.collected()
        self.assertEqual({name: row[name] for name in ("student", "lab", "good", "checks", "hints", "state", "folder")},
                         {"student": "Zo\u00eb O'Hara-Lind", "lab": "quiz", "good": str(good), "checks": str(len(answers)), "hints": "0",
                          "state": "intact", "folder": f"handed-in/{saved.name}"})
        self.assertRegex(row["number"], r"^[0-9a-f]{8}$")
        self.assertRegex(row["checked"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        # Sent by mail, and renamed; then edited.
        other = self.folder / "handed-in" / "1234_assignment.txt"
        other.write_bytes(text.replace("\n", "\r\n").encode())
        self.assertEqual([each["state"] for each in self.collected()], ["intact", "intact"])
        other.write_text(re.sub(r"\ngood: \d+\n", f"\ngood: {len(answers)}\n", text))
        self.assertEqual(sorted(each["state"] for each in self.collected(EXPECTATION_FAILED)), ["intact", "the result was edited"])

    def test_the_digest_is_that_of_coreutils(self):
        self.open("quiz.html")
        for length in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000):
            text = "\u00e9" * (length // 2) + "a" * (length % 2)
            done = subprocess.run("sha256sum", input=text.encode(), capture_output=True, check=True).stdout.split()[0].decode()
            self.assertEqual(self.script("return sha256(arguments[0])", text), done, length)


if __name__ == "__main__":
    main()
