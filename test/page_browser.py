"""The replay page in a browser, for the tests of it: pages of one run, of two, and of one that fails."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from needed import skip_all

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    skip_all("python3-selenium is not installed")

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
LONG = os.environ.get("RINGSIDE_LONG") == "1"
CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
DEADLINE_S = 120
EXPECTATION_FAILED = 4
DROP = TEST.parent / "scenarios" / "20-quirk-xcs-drop-when-full.scn"
FAILS = """# A lesson that fails.
#
# The guest prints one word, and another one is expected.
scenario "Fails"
xen boots dom1
user connects to dom1
## Printing
dom1 prints "welcome\\n"                           # one message
expect user sees "goodbye"
expect dom1.tx req_prod 2 within 1ms
"""


def browser(folder, width=1280, height=800):
    """`folder` contains what the browser does not remove from its temporary folder itself."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={width},{height}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service(DRIVER, env={**os.environ, "TMPDIR": str(folder)}), options=options)


def ringside(folder, *arguments, status=0):
    done = subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == status, done.stdout + done.stderr


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keeper = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.keeper.name)
        for loss in ("on", "off"):
            ringside(cls.folder, "run", str(DROP), "-p", "BYTES=1000", "-p", f"LOSS={loss}", "--journal", f"{loss}.jsonl")
        ringside(cls.folder, "view", "on.jsonl", "--html", "one.html")
        ringside(cls.folder, "view", "off.jsonl", "on.jsonl", "--html", "two.html")
        (cls.folder / "fails.scn").write_text(FAILS)
        ringside(cls.folder, "run", "fails.scn", "--html", "fails.html", status=EXPECTATION_FAILED)
        cls.steps = [json.loads(line) for line in (cls.folder / "on.jsonl").read_text().splitlines() if '"step":' in line]
        cls.browser = browser(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.keeper.cleanup()

    def tearDown(self):
        self.assertEqual([entry["message"] for entry in self.browser.get_log("browser")], [], "the console has complaints")

    def open(self, name, address=""):
        self.browser.get("about:blank")
        self.browser.get((self.folder / name).as_uri() + address)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        """The text at one moment: during playback elements come and go."""
        return self.browser.execute_script("return document.querySelector(arguments[0]).innerText", selector)

    def press(self, key):
        self.find("body").send_keys(key)

    def wait(self, condition, what):
        WebDriverWait(self.browser, DEADLINE_S, poll_frequency=0.02).until(lambda _: condition(), what)

    def step(self):
        return int(self.text("#now .stamp b").split()[1])


def main():
    if not CHROMIUM or not DRIVER:
        skip_all("chromium or chromedriver is not installed (apt-get install chromium chromium-driver)")
    unittest.main()
