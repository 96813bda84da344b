// Playback: the position of the page, and the controls that change it.
"use strict";

const SPEEDS = [0.5, 1, 2, 5, 10, 50, 200]; // steps a second
const KEYS = [
  ["space", "play, pause"], [", .", "one step back, on"], ["\u2190 \u2192", "the same"], ["\u2191 \u2193", "ten steps back, on"],
  ["[ ]", "the line or phase before, next"], ["0 \u2026 9", "to 0 % \u2026 90 %"], ["Home End", "beginning, end"],
  ["+ -", "faster, slower"], ["d", "first difference of two runs"], ["f", "follow a byte of this step; again: another; Escape: no longer"],
  ["p", "ask before showing"], ["t", "light, dark"], ["/", "find"], ["?", "this list"],
];

const $ = (id) => document.getElementById(id);

class Player {
  constructor(runs) {
    this.runs = runs;
    this.align();
    this.views = runs.map((run, number) => new RunView(run, number, (index) => this.go(this.positionOf(number, index))));
    this.position = 0;
    this.speed = 1;
    this.timer = null;
    $("runs").replaceChildren(...this.views.map((view) => view.element));
    document.body.classList.toggle("two", runs.length > 1);
    const title = runs[0].title;
    $("title").textContent = title;
    $("facts").textContent = factsLine(runs);
    document.title = title + " \u00b7 ringside";
    $("scrub").max = this.rows.length - 1;
    $("differs").hidden = this.differs < 0;
    SPEEDS.forEach((speed, at) => $("speed").append(make("option", { value: at, text: speed + "/s" })));
    $("speed").value = this.speed;
    this.makeLaneList();
    this.ticks();
  }

  align() {
    const { rows, differs } = aligned(this.runs);
    this.rows = rows;
    this.differs = differs;
  }

  // Adds steps of a live run.
  extend(steps) {
    const run = this.runs[0];
    const from = run.steps.length;
    run.add(steps, []);
    for (let index = from; index < run.steps.length; index++) this.rows.push([index]);
    const lanes = this.views[0].lanes;
    lanes.learn(steps);
    lanes.fold();
    $("scrub").max = Math.max(this.rows.length - 1, 0);
    steps.forEach((step, at) => { if (step.m) this.tickList.push([from + at, step.m === "!" || step.l ? "bad" : "bite"]); });
    if (from === 0) this.makeLaneList();
  }

  // The initial position: the first difference of two runs, or the scenario's first line.
  get beginning() {
    return this.runs.length > 1 && this.differs >= 0 ? this.differs : this.positionOf(0, this.runs[0].beginning);
  }

  positionOf(number, index) {
    return Math.max(0, Math.min(this.rows.length - 1, firstWhere(this.rows, (row) => row[number] >= index)));
  }

  positionOfStep(step) {
    const index = lastWhere(this.runs[0].steps, (each) => each.n <= step);
    return this.positionOf(0, Math.max(index, 0));
  }

  get row() { return this.rows[this.position]; }
  get step() { return this.runs[0].steps[this.row[0]]; }

  go(position, { quiet = false } = {}) {
    if (!this.rows.length) return;
    this.position = Math.max(0, Math.min(position, this.rows.length - 1));
    const before = this.rows[this.position - 1];
    this.views.forEach((view, number) => {
      const waits = this.runs.length > 1 && before !== undefined && before[number] === this.row[number];
      view.show(this.row[number], waits, true);
    });
    $("scrub").value = this.position;
    $("where").textContent = `step ${this.step.n} of ${this.runs[0].steps[this.runs[0].steps.length - 1].n}`;
    $("scrub").setAttribute("aria-valuetext", `step ${this.step.n}: ${this.step.s}`);
    if (!quiet) this.announce();
    this.address();
    this.drawTicks();
  }

  // Announces the step to screen readers, except during playback, when there would be too many.
  announce() {
    if (this.timer !== null) return;
    $("said").textContent = this.views.map((view, number) => (this.runs.length > 1 ? `Run ${number + 1}: ` : "") + `step ${this.runs[number].steps[this.row[number]].n}. ` + this.runs[number].steps[this.row[number]].p).join(" ");
  }

  address() {
    clearTimeout(this.addressing);
    this.addressing = setTimeout(() => {
      const focus = this.views[0].lanes.focus;
      history.replaceState(null, "", `#step=${this.step.n}` + (focus ? `&lane=${focus}` : ""));
    }, 120);
  }

  fromAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    for (const view of this.views) {
      view.lanes.focus = wanted.get("lane");
    }
    const step = Number(wanted.get("step"));
    this.go(step > 0 ? this.positionOfStep(step) : this.beginning);
  }

  // -- playing

  play() {
    if (this.timer !== null) return this.pause();
    if (this.position >= this.rows.length - 1) this.go(this.beginning, { quiet: true });
    $("play").textContent = "Pause";
    this.tick();
  }

  tick() {
    const many = Math.max(1, Math.round(SPEEDS[this.speed] / 30));
    this.timer = setTimeout(() => {
      if (this.position >= this.rows.length - 1) return this.pause();
      this.go(many === 1 ? this.nextShown(1) : this.position + many, { quiet: true });
      this.tick();
    }, Math.max(1000 / 30, 1000 / SPEEDS[this.speed]));
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = null;
    $("play").textContent = "Play";
    this.announce();
  }

  move(by) {
    if (this.timer !== null) this.pause();
    if (by === 1 && this.predicting && this.position < this.rows.length - 1) return this.ask();
    // Single steps skip steps that the filter hides.
    this.go(Math.abs(by) === 1 ? this.nextShown(by) : this.position + by);
  }

  nextShown(by) {
    let at = this.position + by;
    const shown = (row) => this.views.some((view, number) => view.lanes.shows(this.runs[number].steps[row[number]]));
    while (at > 0 && at < this.rows.length - 1 && !shown(this.rows[at])) at += by;
    return at;
  }

  setSpeed(at) {
    this.speed = Math.max(0, Math.min(at, SPEEDS.length - 1));
    $("speed").value = this.speed;
  }

  // The positions at which a line or phase of the scenario begins.
  stops() {
    return [...new Set(this.runs[0].markIndex.map((index) => this.positionOf(0, index)))].sort((a, b) => a - b);
  }

  stop(direction) {
    if (this.timer !== null) this.pause();
    const stops = this.stops();
    const next = direction > 0 ? stops.find((at) => at > this.position) : stops.filter((at) => at < this.position).pop();
    this.go(next ?? (direction > 0 ? this.rows.length - 1 : 0));
  }

  // -- the strip above the scrubber: phases and lines, quirks and faults

  ticks() {
    this.tickList = [];
    const add = (position, sort) => this.tickList.push([position, sort]);
    for (const [number, run] of this.runs.entries()) {
      run.steps.forEach((step, index) => { if (step.m) add(this.positionOf(number, index), step.m === "!" || step.l ? "bad" : "bite"); });
    }
    this.runs[0].marks.forEach((mark, at) => add(this.positionOf(0, this.runs[0].markIndex[at]), { phase: "phase", fault: "bite", failure: "bad" }[mark.mark] || "line"));
    this.drawTicks();
  }

  drawTicks() {
    const canvas = $("ticks");
    const width = canvas.clientWidth;
    if (!width) return;
    const scale = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale), canvas.height = 14 * scale;
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, 14);
    const style = getComputedStyle(document.documentElement);
    const last = Math.max(this.rows.length - 1, 1);
    const drawn = new Set();
    for (const [position, sort] of this.tickList) {
      const x = Math.round(8 + ((width - 16) * position) / last);
      if (drawn.has(sort + x)) continue;
      drawn.add(sort + x);
      pen.fillStyle = style.getPropertyValue({ bad: "--lost", bite: "--bite", phase: "--ink", line: "--faint" }[sort]);
      // Marks differ in shape as well as colour: errors are tall, phases are blocks.
      if (sort === "bad") pen.fillRect(x - 1, 0, 2, 14);
      else if (sort === "bite") pen.fillRect(x - 1, 3, 2, 11);
      else if (sort === "phase") pen.fillRect(x - 3, 6, 6, 6);
      else pen.fillRect(x, 8, 1, 6);
    }
    pen.fillStyle = style.getPropertyValue("--accent");
    const here = 8 + ((width - 16) * this.position) / last;
    pen.beginPath();
    pen.moveTo(here - 5, 0);
    pen.lineTo(here + 5, 0);
    pen.lineTo(here, 7);
    pen.fill();
  }

  // -- search

  filter(query) {
    for (const view of this.views) {
      view.lanes.query = query.trim().toLowerCase();
      view.lanes.fold();
    }
    const lanes = this.views[0].lanes;
    const found = lanes.query ? this.runs[0].steps.filter((step) => matches(step, lanes.query)) : [];
    $("found").textContent = lanes.query ? `${found.length} step${found.length === 1 ? "" : "s"}` : "";
    if (lanes.query && found.length && !matches(this.step, lanes.query)) {
      const next = found.find((step) => step.n >= this.step.n) || found[0];
      this.go(this.positionOfStep(next.n));
    } else this.go(this.position, { quiet: true });
  }

  // Follows the first byte of this step; each further call follows the next one.
  follow() {
    const lanes = this.views[0].lanes;
    const here = this.runs.map((run, number) => run.steps[this.row[number]]).find((each) => each.y);
    const step = here || this.runs[0].steps.slice(this.row[0]).find((each) => each.y && lanes.shows(each));
    if (!step) {
      $("found").textContent = "no bytes from here on";
      return;
    }
    const all = step.y.flatMap(([first, count]) => Array.from({ length: Math.min(count, 256) }, (_, at) => first + at));
    const next = all[all.indexOf(lanes.byte) + 1] ?? all[0];
    for (const view of this.views) {
      view.lanes.byte = next;
      view.lanes.fold();
    }
    const fates = this.runs.map((run, number) => (number ? `run ${number + 1}: ` : "") + run.fateOf(next));
    $("found").textContent = `${this.runs[0].letterOf(next)}: ${fates.join("; ")}`;
    $("follow").setAttribute("aria-pressed", "true");
    this.go(here ? this.position : this.positionOfStep(step.n), { quiet: true });
  }

  unfollow() {
    for (const view of this.views) {
      view.lanes.byte = null;
      view.lanes.fold();
    }
    $("follow").setAttribute("aria-pressed", "false");
    $("found").textContent = "";
    this.go(this.position, { quiet: true });
  }

  makeLaneList() {
    $("lane-list").replaceChildren();
    const used = new Map(this.views.flatMap((view) => view.lanes.used));
    for (const [lane, label] of used) {
      const box = make("input", { type: "checkbox" });
      box.checked = !this.views[0].lanes.hidden.has(lane);
      box.addEventListener("change", () => {
        for (const view of this.views) {
          box.checked ? view.lanes.hidden.delete(lane) : view.lanes.hidden.add(lane);
          view.lanes.fold();
        }
        this.go(this.position, { quiet: true });
      });
      $("lane-list").append(make("label", { "data-lane": lane }, box, " " + label));
    }
  }

  // -- predict

  ask() {
    const position = this.nextShown(1);
    const next = this.runs[0].steps[this.rows[position][0]];
    const way = (step) => (step.f === step.o ? laneName(step.f) : `${laneName(step.f)} \u2192 ${laneName(step.o)}`);
    const others = [...new Set(this.runs[0].steps.slice(this.runs[0].beginning).map(way))].filter((each) => each !== way(next));
    const wrong = others.sort((a, b) => (a + next.n).localeCompare(b + next.n)).filter((_, at) => at % Math.max(1, Math.floor(others.length / 3)) === 0).slice(0, 3);
    const choices = [...wrong, way(next)].sort();
    $("verdict").textContent = "";
    $("answers").replaceChildren(...choices.map((choice) => {
      const button = make("button", { type: "button", text: choice });
      button.addEventListener("click", () => { $("verdict").textContent = (choice === way(next) ? "Yes. " : `No: ${way(next)}. `) + next.s; });
      return button;
    }));
    $("question").showModal();
    $("question").onclose = () => this.go(position);
  }
}

function laneName(lane) {
  return (LANES.find(([name]) => name === lane) || [lane, lane])[1];
}

function firstWhere(list, holds) {
  return lastWhere(list, (each) => !holds(each)) + 1;
}

function factsLine(runs) {
  const run = runs[0];
  const about = run.scenario && run.scenario.path ? run.scenario.path : run.name;
  if (run.header.mode === "live") return `a machine at work \u00b7 ${run.header.made_by}`;
  const steps = run.steps.length + " steps";
  if (runs.length === 1) return `${about} \u00b7 ${steps} \u00b7 ${run.header.made_by}`;
  const differ = [0, 1].map((which) => runs[which].header.quirks.filter((quirk) => !runs[1 - which].header.quirks.includes(quirk)));
  const words = differ.flatMap((quirks, which) => quirks.map((quirk) => `${quirk} is on ${which === 0 ? "left" : "right"} only`));
  return `${about} \u00b7 two runs` + (words.length ? ": " + words.join(", ") : "");
}

function listenToButtons(player) {
  const click = (id, does) => $(id).addEventListener("click", does);
  click("first", () => player.go(0));
  click("last", () => player.go(player.rows.length - 1));
  click("back", () => player.move(-1));
  click("forth", () => player.move(1));
  click("phase-back", () => player.stop(-1));
  click("phase-forth", () => player.stop(1));
  click("play", () => player.play());
  click("differs", () => player.go(player.differs));
  click("follow", () => (player.views[0].lanes.byte === null ? player.follow() : player.unfollow()));
  click("help", () => $("keys").showModal());
  click("theme", switchTheme);
  click("print", () => window.print());
  click("predict", () => switchPredict(player));
  $("scrub").addEventListener("input", () => {
    if (player.timer !== null) player.pause();
    player.go(Number($("scrub").value), { quiet: true });
  });
  $("scrub").addEventListener("change", () => player.announce());
  $("speed").addEventListener("change", () => player.setSpeed(Number($("speed").value)));
  $("filter").addEventListener("input", () => player.filter($("filter").value));
  $("key-list").replaceChildren(...KEYS.flatMap(([key, what]) => [make("dt", { text: key }), make("dd", { text: what })]));
}

function switchPredict(player) {
  player.predicting = !player.predicting;
  $("predict").setAttribute("aria-pressed", String(Boolean(player.predicting)));
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  window.dispatchEvent(new Event("resize"));
}

// Printing uses the light theme.
function onPaper() {
  const root = document.documentElement;
  let theme;
  window.addEventListener("beforeprint", () => { theme = root.dataset.theme; root.dataset.theme = "light"; });
  window.addEventListener("afterprint", () => { theme === undefined ? delete root.dataset.theme : root.dataset.theme = theme; });
}

const BY_KEY = {
  " ": (player) => player.play(), ",": (player) => player.move(-1), ".": (player) => player.move(1),
  ArrowLeft: (player) => player.move(-1), ArrowRight: (player) => player.move(1), ArrowUp: (player) => player.move(-10), ArrowDown: (player) => player.move(10),
  "[": (player) => player.stop(-1), "]": (player) => player.stop(1), Home: (player) => player.go(0), End: (player) => player.go(player.rows.length - 1),
  "+": (player) => player.setSpeed(player.speed + 1), "-": (player) => player.setSpeed(player.speed - 1),
  d: (player) => { if (player.differs >= 0) player.go(player.differs); }, f: (player) => player.follow(), p: switchPredict, t: switchTheme,
  "/": () => $("filter").focus(), "?": () => $("keys").showModal(), Escape: (player) => player.unfollow(),
};

function listenToKeys(player) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const target = event.target;
    const writes = target.matches("input[type=search], textarea, select");
    if (writes && event.key === "Escape") target.blur();
    if (writes || target.closest(".keyboard")) return;
    // A focused button or summary handles space and Enter itself. The scrubber uses the same arrow keys as the page.
    if (event.key === " " && target.matches("button, summary, input[type=checkbox]")) return;
    if (/^[0-9]$/.test(event.key)) {
      player.go(Math.round(((player.rows.length - 1) * Number(event.key)) / 10));
    } else if (BY_KEY[event.key]) BY_KEY[event.key](player);
    else return;
    event.preventDefault();
  });
}

function begin() {
  const sources = [];
  for (let number = 0; data("run-" + number); number++) sources.push(data("run-" + number));
  arrowHeads();
  const player = new Player(sources.map((source) => new Run(source)));
  listenToButtons(player);
  listenToKeys(player);
  listenForTerms();
  onPaper();
  window.addEventListener("hashchange", () => player.fromAddress());
  window.addEventListener("resize", () => player.drawTicks());
  player.fromAddress();
  window.player = player;
  if (data("live")) window.live = new Live(player, data("live"));
}

begin();
