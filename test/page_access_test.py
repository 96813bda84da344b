#!/usr/bin/env python3
"""The replay page by keyboard and for screen readers, in a real browser: names and roles as the browser computes them, the
order of Tab, announcements, contrast, motion.

usage: page_access_test.py     RINGSIDE names the program
"""

from page_browser import Keys, PageTest, main, ringside

# What takes the focus by Tab, and is seen.
FOCUSABLE = """return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
    .filter((each) => each.checkVisibility() && !each.closest("dialog") && !each.disabled).length"""
# Of each text that is seen: its contrast with what is behind it, if it is too low. Large text needs less.
CONTRAST = """
    const parse = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const light = ([red, green, blue]) => [red, green, blue].map((each) => each / 255).map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
      .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = parse(getComputedStyle(at).backgroundColor);
        if (colour.length < 4 || colour[3] === 1) return colour;
      }
      return [255, 255, 255];
    };
    const poor = [];
    let looked = 0;
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const element = node.parentElement;
      if (!node.data.trim() || element.closest("script, style, .unseen, .skip, dialog:not([open]), [hidden]") || !element.checkVisibility()) continue;
      const style = getComputedStyle(element);
      const ink = element.closest("svg") ? style.fill : style.color;
      const here = element.closest(".here");
      const paper = here ? parse(getComputedStyle(document.querySelector(".band")).fill) : behind(element.closest("svg") ? element.closest(".lane-pane") : element);
      const [one, other] = [light(parse(ink)), light(paper)].sort((a, b) => b - a);
      const ratio = (one + 0.05) / (other + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      looked++;
      if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${element.className.baseVal ?? element.className}: ${node.data.trim().slice(0, 30)}`);
    }
    return { looked, poor: [...new Set(poor)] };"""


class Access(PageTest):
    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def test_every_control_has_a_name_and_a_fitting_role(self):
        self.browser.execute_cdp_cmd("Accessibility.enable", {})
        for page in ("one.html", "two.html", "fails.html"):
            self.open(page, "#step=130")
            nodes = self.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
            seen = [node for node in nodes if not node["ignored"]]
            roles = {node["role"]["value"] for node in seen}
            self.assertLessEqual({"banner", "main", "region", "button", "slider", "searchbox", "combobox", "heading", "status"}, roles)
            for node in seen:
                focusable = any(each["name"] == "focusable" and each["value"]["value"] for each in node.get("properties", []))
                if not focusable or node["role"]["value"] in ("RootWebArea", "generic"):
                    continue
                self.assertTrue(node.get("name", {}).get("value", "").strip(), (page, node["role"]["value"], node.get("properties")))
            # A slot is a button that tells its state.
            slots = [node["name"]["value"] for node in seen if node["role"]["value"] in ("button", "ToggleButton") and node["name"]["value"].startswith("slot ")]
            self.assertGreaterEqual(len(slots), 8)
            ids = self.script("return [...document.querySelectorAll('[id]')].map((each) => each.id)")
            self.assertEqual(len(ids), len(set(ids)), "an id is used twice")
            levels = self.script("return [...document.querySelectorAll('h1, h2, h3, h4')].filter((each) => each.checkVisibility()).map((each) => Number(each.tagName[1]))")
            self.assertEqual(levels[0], 1)
            self.assertTrue(all(below - above <= 1 for above, below in zip(levels, levels[1:])), levels)
        self.browser.execute_cdp_cmd("Accessibility.disable", {})

    def test_tab_reaches_every_control_and_the_focus_is_seen(self):
        self.open("fails.html")
        self.script("window.reached = new Set(); window.unseen = []; document.addEventListener('focusin', (event) => { reached.add(event.target); "
                    "const style = getComputedStyle(event.target); if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) unseen.push(event.target.outerHTML.slice(0, 80)); })")
        wanted = self.script(FOCUSABLE)
        self.assertGreater(wanted, 40)
        self.browser.switch_to.active_element.send_keys(Keys.TAB * (wanted + 10))
        self.assertEqual(self.script("return reached.size - Number(reached.has(document.body))"), wanted)
        self.assertEqual(self.script("return unseen"), [])

    def test_a_step_is_announced_once(self):
        self.open("one.html", "#step=109")
        self.script("window.spoken = []; const watch = new MutationObserver((all) => all.forEach((each) => { "
                    "const live = (each.target.closest ? each.target : each.target.parentElement).closest('[aria-live], [role=status], [role=alert], output'); "
                    "if (live) spoken.push(live.id); })); watch.observe(document.body, { subtree: true, childList: true, characterData: true });")
        self.press(".")
        self.wait(lambda: self.script("return spoken.length"), "something is announced")
        self.assertEqual(set(self.script("return spoken")), {"said"})
        self.assertEqual(self.find("#scrub").get_attribute("aria-valuetext").split(":")[0], "step 110")

    def test_the_skip_link_goes_to_the_step_and_keeps_it(self):
        self.open("one.html", "#step=109")
        self.script("document.querySelector('.skip').focus()")
        self.browser.switch_to.active_element.send_keys(Keys.ENTER)
        self.wait(lambda: self.script("return document.activeElement.id") == "now", "the step has the focus")
        self.press(".")
        self.assertEqual(self.step(), 110)

    def test_keys_go_to_what_went_wrong_and_open_what_is_folded(self):
        self.open("one.html", "#step=102")
        self.press("n")
        self.assertEqual(self.step(), 112)
        self.press("n")
        self.assertEqual(self.step(), 114)
        self.press("NN")
        self.assertEqual(self.step(), 69, "a quirk")
        self.press(Keys.HOME)
        before = self.script("return player.views[0].lanes.rows.length")
        self.find(".lanes").send_keys(Keys.ENTER)
        self.assertGreater(self.script("return player.views[0].lanes.rows.length"), before + 10)

    def test_a_term_is_explained_to_a_screen_reader(self):
        self.open("one.html", "#step=130")
        self.script("document.querySelector(\"dfn[data-term='req_prod']\").focus()")
        self.assertEqual(self.script("return document.activeElement.getAttribute('aria-describedby')"), "tip")
        self.script("document.activeElement.blur()")
        self.find("#last").send_keys("")
        self.script("document.getElementById('last').focus()")
        self.assertEqual(self.script("return document.querySelectorAll('dfn[aria-describedby]').length"), 0)

    def test_marks_of_the_source_are_words_for_a_screen_reader(self):
        self.open("fails.html")
        heard = self.script("return [...document.querySelectorAll('.source .unseen')].map((each) => each.textContent).filter(Boolean)")
        self.assertEqual(heard, ["the steps are effects of: ", "failed: ", "failed: "])

    def test_text_has_contrast_in_both_themes(self):
        for page, address in (("one.html", "#step=130"), ("one.html", "#step=118"), ("two.html", ""), ("fails.html", "")):
            self.open(page, address)
            for theme in ("light", "dark"):
                self.script("document.documentElement.dataset.theme = arguments[0]", theme)
                found = self.script(CONTRAST)
                self.assertGreater(found["looked"], 100)
                self.assertEqual(found["poor"], [], (page, theme))

    def test_slides_turn_by_keys_and_are_all_printed(self):
        ringside(self.folder, "view", "on.jsonl", "--slides", "slides.html")
        self.open("slides.html")
        shown = """return [...document.querySelectorAll("section")].map((each, at) => [at, getComputedStyle(each).visibility])
            .filter(([, visibility]) => visibility === "visible").map(([at]) => at)"""
        count = self.script("return document.querySelectorAll('section').length")
        self.assertGreater(count, 10)
        self.assertEqual(self.script(shown), [0])
        for keys, place in ((Keys.ARROW_RIGHT, 1), (" ", 2), (Keys.ARROW_LEFT, 1), (Keys.HOME + Keys.ARROW_LEFT, 0),
                            (Keys.END + Keys.ARROW_RIGHT, count - 1), (Keys.PAGE_UP, count - 2)):
            self.press(keys)
            self.assertEqual(self.script(shown), [place])
            self.assertEqual(self.script("return document.activeElement.tagName"), "SECTION", "a screen reader reads the slide")
        self.browser.refresh()
        self.assertEqual(self.script(shown), [count - 2], "the address keeps the place")
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        try:
            self.assertEqual(self.script(shown), list(range(count)))
        finally:
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})

    def test_a_user_who_wants_no_motion_gets_none(self):
        running = "player.go(117); player.go(118); return document.getAnimations().length"
        self.open("one.html", "#step=109")
        self.assertGreater(self.script(running), 0)
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]})
        try:
            self.open("one.html", "#step=109")
            self.assertEqual(self.script(running), 0)
        finally:
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


if __name__ == "__main__":
    main()
