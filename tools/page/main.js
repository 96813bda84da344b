// Playback: the position of the page, and the controls that change it.
"use strict";

const SPEEDS = [0.5, 1, 2, 5, 10, 50, 200]; // steps a second
const TICK_NAMES_MAX = 5;
const KEYS = [
  ["space", "play, pause"], [", .", "one step back, one step forward"], ["\u2190 \u2192", "the same"], ["\u2191 \u2193", "ten steps back, ten steps forward"],
  ["[ ]", "the previous, the next line or phase"], ["0 \u2026 9", "to 0 % \u2026 90 %"], ["Home End", "beginning, end"],
  ["+ -", "faster, slower"], ["d", "first difference of two runs"], ["f", "follow a byte of this step; again: the next byte; Escape: stop following"],
  ["p", "predict: the page asks before it shows a step; 1 \u2026 4 answer"], ["/", "find; Enter: the next; Escape: back to the step where the search began"], ["t", "light, dark"],
  ["n N", "the next, the previous failure, loss or quirk"], ["z Z", "larger, smaller text"], ["v", "the presenter's mode"], ["o", "in the presenter's mode: the next pane"], ["?", "this list"],
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
    this.predictor = new Predictor(this);
    this.finder = new Finder(this);
    this.reading = new Reading(this);
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
    if (lanes.found) for (const step of steps) if (matches(step, this.finder.words, run)) lanes.found.add(step);
    lanes.foldAdded();
    $("scrub").max = Math.max(this.rows.length - 1, 0);
    steps.forEach((step, at) => {
      if (!step.m) return;
      const [sort, label, text] = tickOf(step);
      this.tickList.push({ position: from + at, sort, label, text });
    });
    if (from === 0) this.makeLaneList();
  }

  // The initial position: the first difference of two runs, the failure of one, or else the first line after the boot.
  get beginning() {
    if (this.runs.length > 1 && this.differs >= 0) return this.differs;
    const run = this.runs[0];
    return this.positionOf(0, run.failedAt >= 0 ? run.failedAt : run.beginning);
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
    if (this.reading.presenting) this.reading.showPane(this.reading.pane);
    if (!quiet) this.announce();
    this.address();
    this.drawTicks();
    for (const view of this.views) view.settle();
    if (this.moved) this.moved();
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

  fromAddress(hash) {
    const wanted = new URLSearchParams(hash.slice(1));
    for (const view of this.views) {
      view.lanes.focus = wanted.get("lane");
    }
    const step = Number(wanted.get("step"));
    this.go(step > 0 ? this.positionOfStep(step) : this.beginning);
  }

  // -- playing

  play() {
    if (this.timer !== null) return this.pause();
    if (this.position >= this.rows.length - 1) this.go(this.positionOf(0, this.runs[0].beginning), { quiet: true });
    $("play").textContent = "Pause";
    this.tick();
  }

  tick() {
    const many = Math.max(1, Math.round(SPEEDS[this.speed] / 30));
    this.timer = setTimeout(() => {
      if (this.position >= this.rows.length - 1) return this.pause();
      if (this.predictor.on) return this.predictor.to(this.nextShown(1), () => { if (this.timer !== null) this.tick(); });
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
    if (by === 1 && this.predictor.on && this.position < this.rows.length - 1) return this.predictor.to(this.nextShown(1));
    // Single steps skip steps that the filter hides.
    this.go(Math.abs(by) === 1 ? this.nextShown(by) : this.position + by);
  }

  nextShown(by) {
    let at = this.position + by;
    const shown = (row) => this.views.some((view, number) => view.lanes.shows(this.runs[number].steps[row[number]]));
    while (at > 0 && at < this.rows.length - 1 && !shown(this.rows[at])) at += by;
    return at;
  }

  // Goes to the next or previous failure, loss, quirk or fault on the strip.
  trouble(direction) {
    if (this.predictor.on) return; // it would show what happens later
    if (this.timer !== null) this.pause();
    const places = [...new Set(this.tickList.filter((tick) => tick.sort === "bad" || tick.sort === "bite").map((tick) => tick.position))].sort((a, b) => a - b);
    const next = direction > 0 ? places.find((at) => at > this.position) : places.filter((at) => at < this.position).pop();
    if (next !== undefined) this.go(next);
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
    const add = (position, sort, label, text = "") => this.tickList.push({ position, sort, label, text });
    for (const [number, run] of this.runs.entries()) {
      run.steps.forEach((step, index) => { if (step.m) add(this.positionOf(number, index), ...tickOf(step)); });
    }
    this.runs[0].marks.forEach((mark, at) => add(this.positionOf(0, this.runs[0].markIndex[at]), { phase: "phase", fault: "bite", failure: "bad" }[mark.mark] || "line",
      mark.mark === "phase" ? mark.text : `line ${mark.line}: ${mark.text}`, { phase: mark.text, failure: "failed" }[mark.mark]));
    this.drawTicks();
  }

  // The names of the marks near a place on the strip.
  tickAt(x) {
    const near = this.tickList.map((tick) => [Math.abs(this.tickPlace(tick.position) - x), tick.label]).filter(([distance]) => distance < 6).sort((a, b) => a[0] - b[0]);
    return [...new Set(near.map(([, label]) => label))].slice(0, TICK_NAMES_MAX).join("\n");
  }

  tickPlace(position) {
    if (!this.stripSize) this.measureStrip();
    return 8 + ((this.stripSize.width - 16) * position) / Math.max(this.rows.length - 1, 1);
  }

  // The size of the strip and its colours: they are read only when they may have changed.
  measureStrip() {
    const canvas = $("ticks");
    const style = getComputedStyle(document.documentElement);
    const colours = Object.fromEntries(["lost", "bite", "ink", "faint", "accent"].map((name) => [name, style.getPropertyValue("--" + name)]));
    this.stripSize = { width: canvas.clientWidth, high: canvas.clientHeight, scale: window.devicePixelRatio || 1, colours };
    this.strip = null;
  }

  drawTicks() {
    if (!this.stripSize || !this.stripSize.width) this.measureStrip();
    const canvas = $("ticks");
    const { width, high, scale, colours } = this.stripSize;
    if (!width) return;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(high * scale)) canvas.width = Math.round(width * scale), canvas.height = Math.round(high * scale);
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, high);
    const top = high - 14;
    // The marks change rarely, and there may be thousands: they are drawn once, and copied at each step.
    const state = [this.rows.length, this.tickList.length, this.predictor.on && this.position].join(" ");
    if (this.strip === null || this.stripState !== state) {
      this.stripState = state;
      this.strip = new OffscreenCanvas(canvas.width, canvas.height);
      const its = this.strip.getContext("2d");
      its.setTransform(scale, 0, 0, scale, 0, 0);
      this.drawMarks(its, colours, width, top);
    }
    pen.drawImage(this.strip, 0, 0, width, high);
    pen.fillStyle = colours.accent;
    const here = this.tickPlace(this.position);
    pen.beginPath();
    pen.moveTo(here - 5, top);
    pen.lineTo(here + 5, top);
    pen.lineTo(here, top + 7);
    pen.fill();
  }

  drawMarks(pen, colours, width, top) {
    const drawn = new Set();
    const known = this.tickList.filter((tick) => !this.predictor.on || tick.position <= this.position || tick.sort === "phase" || tick.sort === "line");
    for (const { position, sort } of known) {
      const x = Math.round(this.tickPlace(position));
      if (drawn.has(sort + x)) continue;
      drawn.add(sort + x);
      pen.fillStyle = colours[{ bad: "lost", bite: "bite", phase: "ink", line: "faint" }[sort]];
      // Marks differ in shape as well as colour: errors are tall, phases are blocks.
      if (sort === "bad") pen.fillRect(x - 1, top, 2, 14);
      else if (sort === "bite") pen.fillRect(x - 1, top + 3, 2, 11);
      else if (sort === "phase") pen.fillRect(x - 3, top + 6, 6, 6);
      else pen.fillRect(x, top + 8, 1, 6);
    }
    this.drawTickNames(pen, colours, known, width, top);
  }

  // Names above the marks, as far as there is room: failures and losses first, then phases, then quirks and faults.
  drawTickNames(pen, colours, ticks, width, top) {
    pen.font = `${top - 3}px system-ui, "DejaVu Sans", sans-serif`;
    const order = ["bad", "phase", "bite"];
    const taken = [];
    for (const { position, sort, text } of ticks.filter((tick) => tick.text).sort((a, b) => order.indexOf(a.sort) - order.indexOf(b.sort))) {
      const wide = pen.measureText(text).width;
      const from = Math.max(0, Math.min(this.tickPlace(position) - wide / 2, width - wide));
      if (taken.some(([begin, end]) => from < end + 8 && from + wide > begin - 8)) continue;
      taken.push([from, from + wide]);
      pen.fillStyle = colours[{ bad: "lost", bite: "bite", phase: "ink" }[sort]];
      pen.fillText(text, from, top - 4);
    }
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
    const fates = this.predictor.on ? ["its later hops are hidden while you predict"] : this.runs.map((run, number) => (number ? `run ${number + 1}: ` : "") + run.fateOf(next));
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
}

// The mark of a step on the strip: how it looks, its name, and the word above it.
function tickOf(step) {
  const bad = step.m === "!" || step.l;
  return [bad ? "bad" : "bite", `step ${step.n}: ${step.s}`, step.l ? "lost" : bad ? "" : step.k === "quirk" ? "quirk" : ""];
}

function firstWhere(list, holds) {
  return lastWhere(list, (each) => !holds(each)) + 1;
}

function factsLine(runs) {
  const run = runs[0];
  const about = run.scenario && run.scenario.path ? run.scenario.path : run.name;
  if (run.header.mode === "live") return `a running machine \u00b7 ${run.header.made_by}`;
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
  click("predict", () => player.predictor.switch());
  $("scrub").addEventListener("input", () => {
    if (player.timer !== null) player.pause();
    player.go(Number($("scrub").value), { quiet: true });
  });
  $("ticks").addEventListener("mousemove", (event) => { $("ticks").title = player.tickAt(event.offsetX); });
  $("scrub").addEventListener("change", () => player.announce());
  $("speed").addEventListener("change", () => {
    player.setSpeed(Number($("speed").value));
    $("speed").blur(); // the page receives keys again
  });
  $("key-list").replaceChildren(...KEYS.flatMap(([key, what]) => [make("dt", { text: key }), make("dd", { text: what })]));
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  window.dispatchEvent(new Event("resize"));
}

const BY_KEY = {
  " ": (player) => player.play(), ",": (player) => player.move(-1), ".": (player) => player.move(1),
  ArrowLeft: (player) => player.move(-1), ArrowRight: (player) => player.move(1), ArrowUp: (player) => player.move(-10), ArrowDown: (player) => player.move(10),
  "[": (player) => player.stop(-1), "]": (player) => player.stop(1), Home: (player) => player.go(0), End: (player) => player.go(player.rows.length - 1),
  "+": (player) => player.setSpeed(player.speed + 1), "-": (player) => player.setSpeed(player.speed - 1),
  d: (player) => { if (player.differs >= 0) player.go(player.differs); }, f: (player) => player.follow(), p: (player) => player.predictor.switch(), t: switchTheme,
  n: (player) => player.trouble(1), N: (player) => player.trouble(-1),
  z: (player) => player.reading.resize(1), Z: (player) => player.reading.resize(-1), v: (player) => player.reading.present(), o: (player) => player.reading.nextPane(),
  "/": () => $("filter").focus(), "?": () => $("keys").showModal(), Escape: (player) => player.unfollow(),
};

function listenToKeys(player) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const target = event.target;
    const writes = target.matches("input[type=search], textarea, select");
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

async function begin() {
  const sources = [];
  for (let number = 0; $("run-" + number); number++) sources.push(await runData("run-" + number));
  arrowHeads();
  const player = new Player(sources.map((source) => new Run(source)));
  listenToButtons(player);
  listenToKeys(player);
  listenForTerms();
  // Uses the address of the event, because the page may have changed its own address since.
  window.addEventListener("hashchange", (event) => {
    const { hash } = new URL(event.newURL);
    if (hash.startsWith("#step=")) player.fromAddress(hash);
  });
  const repaint = () => {
    player.measureStrip();
    player.drawTicks();
  };
  window.addEventListener("resize", repaint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  player.fromAddress(location.hash);
  window.player = player;
  if (data("live")) window.live = new Live(player, data("live"));
}

begin().catch((error) => {
  $("title").textContent = "This page cannot be shown";
  $("facts").textContent = error.message;
  throw error;
});
