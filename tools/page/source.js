// The lesson: its opening prose, and its source with the line in force. Also the verdict on a failed run.
"use strict";

// The values of this run. The scenario "name[BYTES=481,LOSS=on]" has a number for "{BYTES}". Its table ("cases BYTES
// LOST") has a row with these values; the row contains the values of the other parameters.
function valuesOf(scenario) {
  const values = new Map((/\[(.*)\]$/.exec(scenario.name) || ["", ""])[1].split(",").map((each) => each.split("=")));
  const words = scenario.lines.map((line) => line.replace(/\s#.*$/, "").trim().split(/\s+/));
  words.forEach(([first, ...names], at) => {
    if (first !== "cases") return;
    for (let row = at + 1; row < words.length && words[row].length === names.length; row++) {
      const its = words[row];
      if (names.every((name, column) => !values.has(name) || values.get(name) === its[column])) return names.forEach((name, column) => values.set(name, its[column]));
    }
  });
  return values;
}

function withValues(line, values) {
  return line.replace(/\{(\w+)\}/g, (whole, parameter) => values.get(parameter) ?? whole);
}

// The files of a run: name, number of the first line, lines. A scenario's own file has the name "".
function filesOf(run) {
  if (run.header.files) return run.header.files;
  if (!run.scenario || !run.scenario.lines.length) return [];
  const values = valuesOf(run.scenario);
  return [{ name: "", first: 1, lines: run.scenario.lines.map((line) => withValues(line, values)) }];
}

class SourcePane {
  constructor(run) {
    this.run = run;
    this.items = new Map(); // "file:line" -> its element
    this.element = make("section", { class: "pane line", "aria-label": "The lesson" }, make("h3", { text: run.header.mode === "check" ? "The code" : "The lesson" }));
    if (run.prose.length) {
      const prose = make("details", { class: "prose" }, make("summary", { text: "What it is about" }), ...run.prose.map((text) => make("p", {}, withTerms(text))));
      prose.open = run.header.mode !== "check";
      prose.firstChild.addEventListener("click", () => { this.chosen = true; });
      this.prose = prose;
      this.element.append(prose);
    }
    this.phase = make("p", { class: "phase" });
    this.elsewhere = make("p", { class: "elsewhere" });
    this.box = make("div", { class: "source-box", tabindex: "0", "aria-label": "The source" });
    const failed = new Set(run.verdict ? run.verdict.failures.map((each) => this.key(each)) : []);
    for (const file of filesOf(run)) {
      const list = make("ol", { class: "source", start: file.first });
      file.lines.forEach((line, at) => {
        const number = file.first + at;
        const key = file.name + ":" + number;
        const item = make("li", { class: failed.has(key) ? "failed" : "" }, make("span", { class: "line-mark", "aria-hidden": "true" }), make("span", { class: "unseen" }), make("span", { class: "line-number", text: number + " " }), line || " ");
        this.items.set(key, item);
        list.append(item);
      });
      if (file.name) this.box.append(make("p", { class: "file-name", text: file.name }));
      this.box.append(list);
    }
    // Names that have other values in a line than in the run's name, as those of a table.
    for (const mark of run.marks) {
      const text = this.items.get(this.key(mark))?.lastChild;
      if (text && mark.mark === "statement" && text.data.includes("{")) text.data = mark.text + (/(\s+when\s[^"#]*)?(\s+#.*)?$/.exec(text.data) || [""])[0]; // its condition, its comment
    }
    this.element.append(this.phase, this.elsewhere, this.box);
    this.element.hidden = !this.items.size && !run.marks.length;
  }

  key(mark) { return (mark.file || "") + ":" + mark.line; }

  // The comment after a line, and the comments directly above it: a presenter's notes for this line.
  noteOf(mark) {
    const item = mark && this.items.get(this.key(mark));
    if (!item) return "";
    const comment = (text) => (/(?:^|\s)#+\s+(.*)$/.exec(text) || ["", ""])[1];
    const notes = [];
    for (let above = item.previousElementSibling; above; above = above.previousElementSibling) {
      const text = above.lastChild.data;
      if (!/^\s*#(?!#)/.test(text)) break;
      notes.unshift(comment(text));
    }
    // The opening prose is shown elsewhere.
    if (notes.length && this.run.prose.join(" ").includes(notes[notes.length - 1])) notes.length = 0;
    notes.push(comment(item.lastChild.data));
    return notes.filter(Boolean).join(" ");
  }

  show(index) {
    // The prose is an introduction. Later it is closed to make room for the rings, unless the user has opened it.
    if (this.prose && !this.chosen && (this.shown === undefined ? index > this.run.beginning : this.shown !== index)) this.prose.open = false;
    this.shown = index;
    const { act, waits, phase, failures } = this.run.marksAt(index);
    this.phase.textContent = phase ? phase.text : "";
    this.phase.hidden = !phase;
    const marks = [[act, "act", "\u25b6"], [waits, "waiting", "\u2026"]].filter(([mark]) => mark);
    const elsewhere = marks.filter(([mark]) => !this.items.has(this.key(mark)));
    this.elsewhere.hidden = !elsewhere.length;
    this.elsewhere.replaceChildren(...elsewhere.map(([mark, , glyph]) => make("span", { text: `${glyph} ${mark.file ? mark.file + ":" : "line "}${mark.line}: ${mark.text} ` })));
    for (const item of this.marked || []) {
      item.classList.remove("act", "waiting", "fails");
      item.removeAttribute("aria-current");
      this.mark(item, "", "");
    }
    this.marked = [];
    for (const item of this.box.querySelectorAll("li.failed")) this.mark(item, "\u2717", "failed: ");
    for (const [mark, kind, glyph] of marks) {
      const item = this.items.get(this.key(mark));
      if (!item) continue;
      item.classList.add(kind);
      if (kind === "act" || !act) item.setAttribute("aria-current", "step");
      const failed = item.classList.contains("failed");
      this.mark(item, failed ? "\u2717" : glyph, failed ? "failed: " : kind === "act" ? "the steps are effects of: " : "the run waits at: ");
      item.firstChild.title = kind === "act" ? "the steps are effects of this line" : "the run waits here until this holds";
      this.marked.push(item);
    }
    for (const mark of failures) {
      const item = this.items.get(this.key(mark));
      if (item) item.classList.add("fails"), this.marked.push(item);
    }
    this.markAhead();
    this.notes = [this.noteOf(act), this.noteOf(waits)].filter(Boolean);
  }

  // Sets the mark of a line: a glyph, and words for a screen reader.
  mark(item, glyph, words) {
    const [seen, heard] = item.children;
    seen.textContent = glyph;
    heard.textContent = words;
  }

  // Lines after those in force; hidden while the next step is to be predicted.
  markAhead() {
    let ahead = false;
    const last = this.marked[0]; // the act comes first
    for (const item of this.items.values()) {
      item.classList.toggle("ahead", ahead);
      if (item === last) ahead = true;
    }
  }

  // Scrolls the box only, so that the page stays where it is.
  scroll() {
    // Before any line is in force: the first line after the opening comment.
    const item = this.marked[this.marked.length - 1] || [...this.items.values()].find((each) => !/^#|^\s*$/.test(each.lastChild.data));
    if (!item || !this.box.clientHeight) return;
    const at = item.offsetTop - this.box.offsetTop;
    const room = this.box.clientHeight;
    if (at < this.box.scrollTop + 20 || at > this.box.scrollTop + room - 50) this.box.scrollTop = at - room * 0.4;
  }
}

// The failures in words, each with a button that goes to the deciding step.
function verdictElement(run, go) {
  const { title, failures } = run.verdict;
  const element = make("section", { class: "verdict", role: "region", "aria-label": "The verdict" }, make("h3", {}, "\u2717 " + title));
  const shown = failures.map((failure) => {
    const list = make("dl", {});
    for (const [label, text, more] of failure.rows) {
      const words = make("dd", { class: label === "again" ? "command" : "" }, text);
      if (more) words.append(make("details", {}, make("summary", { text: "what that is" }), make("p", {}, withTerms(more))));
      list.append(make("dt", { text: label }), words);
    }
    const jump = make("button", { type: "button", class: "jump", text: "step " + failure.step });
    jump.addEventListener("click", () => go(Math.max(lastWhere(run.steps, (step) => step.n <= failure.step), 0)));
    return make("div", { class: "failure-rows" }, list, jump);
  });
  element.append(shown[0]);
  if (shown.length > 1) element.append(make("details", {}, make("summary", { text: `${shown.length - 1} more` }), ...shown.slice(1)));
  return element;
}
