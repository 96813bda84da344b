#!/usr/bin/env python3
"""`ringside watch --web`: a real browser shows a running machine and types into a guest; no other program gets access.

usage: watch_web_test.py     RINGSIDE names the program.
"""
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

from support import RINGSIDE, PATIENCE_S, Machine, eventually, skip_all

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
except ImportError:
    skip_all("python3-selenium is not installed")


class Watch:
    """`ringside watch --web` while the body runs, and its address."""

    def __init__(self, machine, *words):
        self.process = subprocess.Popen([RINGSIDE, "watch", "--dir", machine.directory, "--web", *words], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.status = self.process.wait(PATIENCE_S)
        self.process.stdout.close()

    def ask(self, method, path, host=None, body=None):
        """The status of a response."""
        where = urllib.parse.urlsplit(self.address)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE_S)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or where.netloc)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        status = connection.getresponse().status
        connection.close()
        return status


class WatchWeb(unittest.TestCase):
    def start_browser(self):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1440,900"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # This folder contains what the browser does not remove from its temporary folder itself.
        folder = tempfile.TemporaryDirectory(prefix="rs-")
        self.addCleanup(folder.cleanup)
        service = Service(shutil.which("chromedriver"), env={**os.environ, "TMPDIR": folder.name})
        browser = webdriver.Chrome(service=service, options=options)
        self.addCleanup(browser.quit)
        return browser

    def test_each_keystroke_is_shown_hop_by_hop(self):
        browser = self.start_browser()
        with Machine() as machine:
            machine.run("create", "web", check=0)
            with Watch(machine, "web") as watch:
                self.look(browser, watch)
            self.assertEqual(watch.status, 0)

    def test_the_page_says_who_has_the_console_and_gets_it_when_it_is_free(self):
        browser = self.start_browser()
        with Machine() as machine:
            machine.run("create", "web", check=0)
            listed = machine.run("list", "--json", check=0).stdout.decode()
            viewer = socket.socket(socket.AF_UNIX)
            viewer.connect(re.search(r'"(/[^"]+/console-\d+)"', listed)[1])
            eventually("the viewer has the console", lambda: '"connected"' in machine.run("list", "--json", check=0).stdout.decode())
            with Watch(machine, "web") as watch:
                browser.get(watch.address)

                def said():
                    return browser.execute_script("const its = document.getElementById('console-state'); return its.hidden ? '' : its.textContent")
                eventually("the page names the viewer", lambda: said().startswith("another viewer has this console"))
                viewer.close()
                eventually("the page has the console", lambda: said() == "")
                keyboard = browser.find_element(By.ID, "keyboard")
                keyboard.click()
                keyboard.send_keys("echo ring\n")
                eventually("the guest has answered", lambda: browser.execute_script("return document.getElementById('keyboard').innerText").count("ring") >= 2)
                machine.run("pause", "web", check=0)
                eventually("the page says why nothing happens", lambda: "ringside unpause web" in said())
                machine.run("unpause", "web", check=0)
                eventually("the page is live again", lambda: said() == "")
                machine.run("destroy", "web", check=0)
                eventually("the domain has ended", lambda: said() == "web has ended")
                keyboard.send_keys("x")
                eventually("the page says it again", lambda: said() == "web has ended (not sent: 1 byte)")
                self.assertEqual([entry["message"] for entry in browser.get_log("browser")], [])
            self.assertEqual(watch.status, 0)

    def look(self, browser, watch):
        def script(text):
            return browser.execute_script("return " + text)
        browser.get(watch.address)
        eventually("the page is live", lambda: browser.find_element(By.ID, "live-state").get_attribute("textContent") == "live")
        keyboard = browser.find_element(By.ID, "keyboard")
        keyboard.click()
        keyboard.send_keys("echo ring")
        keyboard.send_keys("side\n")
        eventually("the guest has answered", lambda: script("document.getElementById('keyboard').innerText").count("ringside") >= 2)
        kinds = eventually("the path is seen", lambda: set(script("player.runs[0].steps.map((step) => step.k)")) >= {
            "bytes_passed", "frame_passed", "slot_written", "index_moved", "event_raised", "event_taken"})
        self.assertTrue(kinds)
        # A key passes the page and the guest's terminal, and the picture of the ring is that of the last step.
        ways = script("player.runs[0].steps.map((step) => step.f + ' ' + step.o)")
        for way in ("user xend", "xend xcs", "xcs page", "page domU", "domU tty", "page xcs", "xcs xend", "xend client", "client user"):
            self.assertIn(way, ways)
        self.assertEqual(len(browser.find_elements(By.CSS_SELECTOR, "[data-ring='dom1.rx'] .slot")), 8)
        self.assertEqual([entry["message"] for entry in browser.get_log("browser")], [])
        # From an earlier step the user can return to the live view.
        back = browser.find_element(By.ID, "back-to-live")
        self.assertFalse(back.is_displayed())
        browser.find_element(By.ID, "back").click()
        self.assertTrue(back.is_displayed())
        self.assertEqual(back.text, "Back to live (1 step behind)")
        back.click()
        self.assertEqual(script("player.position"), script("player.rows.length - 1"))
        self.assertFalse(back.is_displayed())
        if os.environ.get("RINGSIDE_SHOT"):
            browser.save_screenshot(os.environ["RINGSIDE_SHOT"])

    def test_no_other_program_gets_access(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            with Watch(machine, "web") as watch:
                path = urllib.parse.urlsplit(watch.address).path
                self.assertTrue(watch.address.startswith("http://127.0.0.1:"))
                self.assertEqual(len(path.strip("/")), 32)
                self.assertEqual(watch.ask("GET", path), 200)
                self.assertEqual(watch.ask("GET", "/"), 404)
                self.assertEqual(watch.ask("GET", "/" + "0" * 32 + "/"), 404)
                self.assertEqual(watch.ask("POST", "/" + "0" * 32 + "/type", body=b"x"), 404)
                # A foreign page that maps its own host name to this address.
                self.assertEqual(watch.ask("GET", path, host="evil.example"), 403)
                self.assertEqual(watch.ask("POST", path + "type", body=b"x" * 5000), 413)
                self.assertEqual(watch.ask("GET", "/" + "a" * 9000), 431)
                self.assertEqual(watch.ask("POST", path + "type", body=b"\r"), 204)
            self.assertEqual(watch.status, 0)


if __name__ == "__main__":
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        skip_all("chromium or chromedriver is not installed (apt-get install chromium chromium-driver)")
    unittest.main(verbosity=2)
