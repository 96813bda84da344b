#!/usr/bin/env python3
"""Measures the replay page of 100,000 steps in a browser: the time until it shows its first step, and the time of one more step.

usage: page.py [--rounds N] [--steps N] [--log FILE] [PROGRAM]     PROGRAM: build/ringside

The peer is a page that only reads the same data: plain JSON, and no script but JSON.parse. Both are opened in turn by the
same browser. Compare only the ratios. --log appends a line to a file, as `ringside bench --log` does. It needs Debian's
chromium, chromium-driver and python3-selenium.
"""

import argparse
import base64
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

TREE = pathlib.Path(__file__).resolve().parents[2]
LESSON = TREE / "scenarios" / "72-a-mebibyte-each-way.scn"
DEADLINE_S = 300
STEPS_TAKEN = 200
# Forces a layout after each step, as the browser does before it paints.
STEP = """const from = player.rows.length >> 1; player.go(from); const began = performance.now();
          for (let at = 0; at < arguments[0]; at++) { player.move(1); void document.body.offsetHeight; }
          return (performance.now() - began) / arguments[0];"""
JUMP = """const began = performance.now();
          for (let at = 0; at < arguments[0]; at++) { player.go((at * 7919) % player.rows.length); void document.body.offsetHeight; }
          return (performance.now() - began) / arguments[0];"""


def make_pages(program, folder, steps):
    subprocess.run([program, "run", LESSON, "--journal", "whole.jsonl"], cwd=folder, check=True, capture_output=True)
    with open(folder / "whole.jsonl", encoding="utf-8") as whole, open(folder / "run.jsonl", "w", encoding="utf-8") as run:
        header = next(whole)
        run.write(header)
        count = 0
        for line in whole:
            count += line.startswith('{"step":')
            run.write(line)
            if count == steps:
                break
    subprocess.run([program, "view", "run.jsonl", "--html", "page.html"], cwd=folder, check=True, capture_output=True)
    page = (folder / "page.html").read_text(encoding="utf-8")
    data = zlib.decompress(base64.b64decode(re.search(r'id="run-0">(.*?)</script>', page)[1])).decode()
    (folder / "peer.html").write_text('<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="application/json" id="run">'
                                      + data.replace("<", "\\u003c") + "</script>\n<script>window.player = JSON.parse(document.getElementById('run').textContent)</script>\n",
                                      encoding="utf-8")
    return len(page), len(data)


def opened(browser, page):
    """Seconds from the request until the page has its first step."""
    browser.get("about:blank")
    began = time.monotonic()
    browser.get(page.as_uri())
    WebDriverWait(browser, DEADLINE_S, poll_frequency=0.01).until(lambda _: browser.execute_script("return Boolean(window.player)"))
    return time.monotonic() - began


def start_browser(folder):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1366,768"):
        options.add_argument(argument)
    return webdriver.Chrome(service=Service(shutil.which("chromedriver"), env={**os.environ, "TMPDIR": str(folder)}), options=options)


def figure(samples, peers):
    low, _, high = statistics.quantiles(samples, n=4) if len(samples) > 1 else samples * 3
    its = {"median": statistics.median(samples), "low_quartile": low, "high_quartile": high, "rounds": len(samples)}
    its["ratio"] = statistics.median(mine / peer for mine, peer in zip(samples, peers))
    return {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in its.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", default=str(TREE / "build" / "ringside"))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--log")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    load = os.getloadavg()[0]
    samples = {"page": [], "peer": [], "step": [], "jump": []}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        page_bytes, data_bytes = make_pages(program, folder, options.steps)
        browser = start_browser(folder)
        try:
            for _ in range(options.rounds):
                samples["peer"].append(opened(browser, folder / "peer.html"))
                samples["page"].append(opened(browser, folder / "page.html"))
                samples["step"].append(browser.execute_script(STEP, STEPS_TAKEN) / 1000)
                samples["jump"].append(browser.execute_script(JUMP, STEPS_TAKEN) / 1000)
            nodes = browser.execute_script("return document.querySelectorAll('*').length")
        finally:
            browser.quit()
    about = {"part": "page", "place": "browser", "what": f"{options.steps} steps", "peer": "JSON.parse of the same data",
             "open_seconds": figure(samples["page"], samples["peer"]), "step_seconds": figure(samples["step"], samples["peer"]),
             "jump_seconds": figure(samples["jump"], samples["peer"]), "peer_seconds": figure(samples["peer"], samples["peer"]),
             "page_bytes": page_bytes, "data_bytes": data_bytes, "elements": nodes}
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=TREE, capture_output=True, text=True, check=False).stdout.strip()
    line = {"commit": commit, "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": {"cpus": os.cpu_count(), "kernel": f"{platform.system()} {platform.release()}", "load": round(load, 2)}, "figures": [about]}
    for name in ("peer", "open", "step", "jump"):
        its = about[name + "_seconds"]
        print(f"{name:<5}{its['median']:9.4f} s  ({its['low_quartile']:.4f} .. {its['high_quartile']:.4f})  {its['ratio']:.4g} of the peer")
    print(f"{page_bytes:,} bytes of page, {data_bytes:,} bytes of data, {nodes} elements; load {load:.1f} at the start")
    if options.log:
        with open(options.log, "a", encoding="utf-8") as log:
            log.write(json.dumps(line, separators=(",", ":")) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
