// Predict: asks for the next step before it is shown, hides later steps, keeps the score, and makes a table of the answers
// for the lecturer.
"use strict";

const CHOICES = 4;

class Predictor {
  constructor(player) {
    this.player = player;
    this.on = false;
    this.answers = new Map(); // "run step" -> the first answer
    $("question").addEventListener("keydown", (event) => this.key(event));
    $("question").addEventListener("close", () => this.closed());
    $("go-on").addEventListener("click", (event) => {
      event.preventDefault();
      $("question").close("show");
    });
    $("hand-in").addEventListener("click", () => this.handIn());
    $("hand-name").addEventListener("input", () => this.fill());
    $("hand-save").addEventListener("click", () => this.save());
    $("hand-copy").addEventListener("click", () => this.copy());
  }

  switch() {
    this.on = !this.on;
    $("predict").setAttribute("aria-pressed", String(this.on));
    document.body.classList.toggle("predicting", this.on);
    for (const view of this.player.views) view.lanes.hidesFuture = this.on;
    this.player.go(this.player.position, { quiet: true });
  }

  // The run and step of the question before a position; null: the position is shown without a question. The page asks
  // about steps that pass something on. Of several similar steps it asks only about the first.
  question(position) {
    const { player } = this;
    const before = player.rows[player.position];
    const row = player.rows[position];
    for (const [number, run] of player.runs.entries()) {
      if (row[number] === before[number]) continue;
      const step = run.steps[row[number]];
      const { lanes } = player.views[number];
      const its = lanes.rows[lanes.rowOf(row[number])];
      if (step.f !== step.o && !its.start && its.from === row[number]) return { run, step, number };
    }
    return null;
  }

  // Asks the question of the position if there is one, shows the position, and then calls `after`.
  to(position, after) {
    const asked = this.question(position);
    if (!asked) {
      this.player.go(position);
      return after && after();
    }
    this.position = position;
    this.after = after;
    this.asked = asked;
    this.ask();
  }

  way(step) {
    const { run } = this.asked;
    return `${laneName(run, step.f)} \u2192 ${laneName(run, step.o)}`;
  }

  ask() {
    const { run, step, number } = this.asked;
    const right = this.way(step);
    const passed = run.steps.slice(run.beginning).filter((each) => each.f !== each.o);
    const others = [...new Set(passed.map((each) => this.way(each)))].filter((each) => each !== right);
    // A step always has the same wrong answers; another step has others.
    const wrong = others.sort((a, b) => (a + step.n).localeCompare(b + step.n)).filter((_, at) => at % Math.max(1, Math.floor(others.length / (CHOICES - 1))) === 0).slice(0, CHOICES - 1);
    $("answer-verdict").textContent = "";
    $("question-run").textContent = this.player.runs.length > 1 ? `In run ${number + 1}: ` : "";
    $("answers").replaceChildren(...[...wrong, right].sort().map((choice, at) => {
      const button = make("button", { type: "button" }, make("kbd", { text: at + 1 }), " " + choice);
      button.addEventListener("click", () => this.answer(choice));
      return button;
    }));
    $("question").show();
    $("answers").firstChild.focus();
  }

  answer(choice) {
    const { run, step } = this.asked;
    const right = this.way(step);
    const key = this.player.runs.indexOf(run) + " " + step.n;
    if (!this.answers.has(key)) this.answers.set(key, { run, step, choice, expected: right });
    $("answer-verdict").textContent = (choice === right ? "Yes. " : `No: ${right}. `) + step.s;
    this.showScore();
    $("go-on").focus();
  }

  get score() {
    const all = [...this.answers.values()];
    return { right: all.filter((each) => each.choice === each.expected).length, all: all.length };
  }

  showScore() {
    const { right, all } = this.score;
    $("score").textContent = `${right} of ${all} right`;
    $("hand-in").hidden = false;
  }

  key(event) {
    const number = Number(event.key);
    if (event.key === "Escape") $("question").close("");
    else if (number >= 1 && number <= $("answers").children.length) $("answers").children[number - 1].click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Without "Show it" the page stays where it is, and playing ends.
  closed() {
    const { after } = this;
    this.after = null;
    if ($("question").returnValue !== "show") return this.player.pause();
    $("question").returnValue = "";
    this.player.go(this.position);
    if (after) after();
  }

  // -- the table for the lecturer, tab-separated

  text() {
    const { right, all } = this.score;
    const plain = (text) => String(text).replace(/[\t\r\n]+/g, " ").trim();
    const run = this.player.runs[0];
    const head = [["name", $("hand-name").value], ["lesson", run.title], ["run", this.player.runs.map((each) => (each.scenario ? each.scenario.name : each.name)).join(" | ")],
      ["made by", run.header.made_by], ["date", new Date().toISOString()], ["score", `${right} of ${all}`]];
    const rows = [...this.answers.values()].map(({ run: its, step, choice, expected }) =>
      [this.player.runs.indexOf(its) + 1, step.n, choice, expected, choice === expected ? "right" : "wrong"]);
    return [...head, ["in run", "step", "answer", "what happened", "mark"], ...rows].map((row) => row.map(plain).join("\t")).join("\n") + "\n";
  }

  fill() { $("hand-text").value = this.text(); }

  handIn() {
    this.fill();
    $("handing").showModal();
  }

  save() {
    this.fill();
    const name = $("hand-name").value.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "") || "answers";
    const link = make("a", { href: URL.createObjectURL(new Blob([$("hand-text").value], { type: "text/tab-separated-values" })), download: `predictions-${name}.tsv` });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  copy() {
    this.fill();
    $("hand-text").select();
    document.execCommand("copy");
  }
}
