#!/usr/bin/env python3
"""The lecture in a real browser: the commands that scenarios/labs/README.md has for it, as they stand there, and then the
keys and clicks of the lecturer.

usage: lecture_browser_test.py     RINGSIDE names the program
"""

import os
import pathlib
import re
import subprocess
import tempfile

from page_browser import PROGRAM, TEST, By, Keys, PageTest, browser, main
from play_test import Play

PATIENCE_S = 600
TEXT = (TEST.parent / "scenarios" / "labs" / "README.md").read_text()
PROJECTOR = (1280, 720)


def commands(place):
    """The commands of ringside in the row of the lecture, or in the paragraph, that has this text."""
    line, = (line for line in re.split(r"\n\n|\n(?=[|-])", TEXT) if place in line)
    found = [each for each in re.findall(r"`(ringside [^`]+)`", line.replace("\n", " ")) if not each.endswith("LINK'")]
    assert found, place
    return found


class Lecture(PageTest):
    @classmethod
    def setUpClass(cls):
        cls.keeper = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.keeper.name)
        (cls.folder / "bin").mkdir()
        (cls.folder / "bin" / "ringside").symlink_to(PROGRAM)
        (cls.folder / "scenarios").symlink_to(TEST.parent / "scenarios")
        cls.browser = browser(cls.folder, *PROJECTOR)

    def say(self, command, status=0):
        """As typed at a shell, in the lecturer's folder."""
        environment = {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(command, shell=True, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, status, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def position(self):
        return self.script("return player.position")

    def answer(self, right):
        """Answers the question that is open, by its number; returns the verdict, and goes on."""
        expected = self.script("return player.predictor.way(player.predictor.asked.step)")
        choices = [each.text.split(" ", 1)[1] for each in self.browser.find_elements(By.CSS_SELECTOR, "#answers button")]
        self.assertIn(expected, choices)
        chosen = next(at for at, each in enumerate(choices) if (each == expected) == right)
        self.browser.switch_to.active_element.send_keys(str(chosen + 1))
        verdict = self.text("#answer-verdict")
        before = self.position()
        self.browser.switch_to.active_element.send_keys(Keys.ENTER)
        self.wait(lambda: self.position() > before, "the answered step is shown")
        return verdict

    def asked(self):
        return self.script("return document.getElementById('question').open")

    def predict_until_asked(self):
        """Step by step: the page asks only where something is passed on."""
        for _ in range(50):
            self.press(".")
            if self.asked():
                return
        self.fail("the page asks nothing")

    def test_demo_1_the_class_predicts_the_next_hop(self):
        demo, = commands("live demo 1")
        self.assertIn('"u"', self.say(demo))
        self.open("demo.html")
        # Play it, and stop it.
        before = self.position()
        self.find("#play").click()
        self.wait(lambda: self.position() > before + 1, "it plays")
        self.press(" ")
        self.assertEqual(self.text("#play"), "Play")
        self.press(Keys.HOME)
        self.find("#predict").click()
        self.predict_until_asked()
        self.assertTrue(self.answer(True).startswith("Yes. "))
        self.predict_until_asked()
        self.assertTrue(self.answer(False).startswith("No: "))
        self.assertEqual(self.text("#score"), "1 of 2 right")
        # Playing asks, too; Escape leaves the question, and nothing is shown.
        self.find("#play").click()
        self.wait(self.asked, "playing stops for a question")
        place = self.position()
        self.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
        self.wait(lambda: not self.asked() and self.text("#play") == "Play", "the question is left, and playing ends")
        self.assertEqual(self.position(), place)
        self.press("p")
        self.press(Keys.END)
        self.assertEqual(self.position(), self.script("return player.rows.length - 1"))

    def test_demo_2_where_do_the_two_runs_part(self):
        run, view = commands("live demo 2")
        self.say(run)
        self.say(view)
        self.open("why.html")
        self.assertIn("xcs-drop-when-full is on right only", self.text("#facts"))
        # "Where do the two runs part?" The class says; the page shows it, from anywhere.
        self.press(Keys.HOME)
        self.find("#differs").click()
        self.assertIn("waits in xcs", self.text("#now .sentence"))
        self.assertIn(" lost.", self.text("#now-1 .sentence"))
        self.assertEqual(self.position(), self.script("return player.differs"))
        # Back, and predicted: the questions are of both runs.
        self.press(",")
        self.press("p")
        self.predict_until_asked()
        self.assertRegex(self.text("#question-run"), r"^In run [12]:")
        self.answer(True)
        self.press("p")
        self.press(Keys.END)
        self.assertIn("1000 arrived", self.text("#run-view-0 .ledger"))
        self.assertIn("520 lost", self.text("#run-view-1 .ledger"))

    def test_the_other_commands_of_the_lecture(self):
        last, = commands("who must check what")
        self.assertRegex(self.say(last), r"\n\d+ runs?: \d+ passed, in ")
        demo, slides = commands("**Slides.**")
        self.say(demo)
        self.say(slides)
        self.open("slides.html")
        number = "return location.hash"
        first = self.script(number)
        self.press(Keys.ARROW_RIGHT)
        second = self.script(number)
        self.assertNotEqual(first, second)
        self.press(Keys.ARROW_RIGHT)
        self.press(Keys.ARROW_LEFT)
        self.assertEqual(self.script(number), second)

    def test_a_lesson_is_changed_in_front_of_the_class(self):
        play, = commands("**Change a lesson in front of the class.**")
        words = play.split()[2:]
        with Play(self.folder, *words) as server:
            self.browser.get(server.address)

            def run_it():
                self.browser.switch_to.active_element.send_keys(Keys.CONTROL + Keys.ENTER)
                self.wait(lambda: not self.find("#run").get_property("disabled"), "the run has ended")
                return self.text("#status")
            self.script("document.getElementById('text').focus()")
            self.assertIn("passed", run_it())
            self.script("const its = document.getElementById('text'); its.value = its.value.replace('length 3', 'length 4'); its.dispatchEvent(new Event('input'))")
            self.assertIn("failed", run_it())
            self.browser.get("about:blank")
        self.assertEqual(server.status, 0)


if __name__ == "__main__":
    main()
