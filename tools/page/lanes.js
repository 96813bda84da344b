// The lanes: which actor passes what to which, from top to bottom, one row a step. Only visible rows are drawn, so that
// a run may have any number of steps. An arrow ends in the row in which its content arrives.
"use strict";

const ROW_REM = 1.75;      // the height of a row
const FOLD_FROM = 4;       // at least this many similar steps become one row
const ROWS_BELOW = 2;      // empty ones, after the last
const ARROW_ROWS_MAX = 40; // the longest arrow; longer ones are cut
const LANES = [
  ["user", "user"], ["client", "client"], ["xend", "xend"], ["xenctld", "xenctld"], ["xencons", "xenconsoled"], ["xcs", "xcs"], ["event", "event channel"],
  ["page", "shared page"], ["domU", "domU kernel"], ["tty", "terminal"], ["dom0", "dom0 kernel"], ["xen", "Xen"], ["uart", "UART"],
];
// The lanes of a run, and their names.
function lanesOf(run) {
  return run.header.lanes || LANES;
}
function laneName(run, lane) {
  return (lanesOf(run).find(([name]) => name === lane) || [lane, lane])[1];
}

const SHORT = { event: "evt", page: "page", domU: "domU", tty: "tty", dom0: "dom0", client: "cli", xenctld: "ctld", xencons: "consd" };

// The look of a step: its class, and its content in a few words.
function lookOf(step) {
  if (step.l) return ["lost", "lost"];
  if (step.k === "check" && step.m === "!") return [step.v, "* " + step.x]; // as the verdict calls it
  if (step.b === undefined || (step.v !== "request" && step.v !== "bytes")) return [step.v, step.k.includes("index") ? step.x.replace("->", "\u2192") : step.x];
  const count = step.b.length + (step.b.length === 1 ? " byte " : " bytes ");
  return [step.v, (step.x ? step.x + " " : "") + count + "\u201c" + visible(step.b).slice(0, 10) + (step.b.length > 10 ? "\u2026" : "") + "\u201d"];
}

class Lanes {
  constructor(run, number, go) {
    this.run = run;
    this.go = go;
    this.hidden = new Set();
    this.found = null; // a Set of steps: only those are shown
    this.byte = null;
    this.opened = new Set(); // starts of machines and domains that are shown step by step
    this.hidesFuture = false;
    this.current = 0;
    this.focus = null;
    this.lanesUsed = new Set();
    this.learn(run.steps);
    // Xen's output on an unused serial line is hidden.
    if (run.header.mode !== "live" && !run.steps.some((step) => step.f === "uart" && step.o !== "user")) this.hidden.add("uart");
    this.head = make("div", { class: "lane-heads", "aria-hidden": "true" });
    this.spacer = make("div", { class: "spacer" });
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("aria-hidden", "true");
    this.spacer.append(this.svg);
    this.box = make("div", { class: "lanes", tabindex: "0", role: "group", "aria-label": "Which actor passes what to which. The sentence of the step says the same in words. Enter shows the steps of a folded start." }, this.spacer);
    this.element = make("section", { class: "lane-pane", id: "lanes-" + number }, this.head, this.box);
    this.box.addEventListener("scroll", () => this.scrolled());
    this.box.addEventListener("click", (event) => this.click(event));
    this.box.addEventListener("keydown", (event) => { if (event.key === "Enter") this.openStart(this.rows[this.rowOf(this.current)]); });
    new ResizeObserver(() => this.resized()).observe(this.box);
    this.fold();
  }

  // Collects the lanes that the steps use.
  learn(steps) {
    for (const step of steps) this.lanesUsed.add(step.f).add(step.o);
    this.used = lanesOf(this.run).filter(([lane]) => this.run.header.lanes || this.lanesUsed.has(lane));
  }

  shows(step) {
    if (this.hidden.has(step.f) || this.hidden.has(step.o)) return false;
    if (this.byte !== null && !this.run.hasByte(step, this.byte)) return false;
    return this.found === null || this.found.has(step);
  }

  // Makes the rows: one step, or several similar ones. The start of the machine or of a domain is one row.
  fold() {
    this.unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    this.height = Math.round(ROW_REM * 16 * this.unit);
    this.rows = [];
    this.foldFrom(0);
  }

  // Updates the rows after steps were added: only the last row may have changed.
  foldAdded() {
    const last = this.rows.pop();
    this.foldFrom(last ? last.from : 0);
  }

  foldFrom(begin) {
    const steps = this.run.steps;
    const plain = this.found === null && this.byte === null;
    let at = begin;
    const starts = plain ? this.run.starts.filter(([from, to]) => to - from + 1 >= FOLD_FROM && !this.opened.has(from)) : [];
    while (at < steps.length) {
      while (starts.length && starts[0][0] < at) starts.shift();
      if (starts.length && starts[0][0] === at) {
        const [from, to, start] = starts.shift();
        this.rows.push({ from, to, start });
        at = to + 1;
        continue;
      }
      if (!this.shows(steps[at])) {
        at++;
        continue;
      }
      let to = at;
      const first = steps[at];
      const end = starts.length ? starts[0][0] : steps.length;
      while (to + 1 < end && alike(first, steps[to + 1]) && this.shows(steps[to + 1])) to++;
      if (to - at + 1 < FOLD_FROM || !plain) to = at;
      this.rows.push({ from: at, to });
      at = to + 1;
    }
    this.spacer.style.height = (this.rows.length + ROWS_BELOW) * this.height + "px";
    this.draw();
  }

  rowOf(index) {
    return Math.max(lastWhere(this.rows, (row) => row.from <= index), 0);
  }

  lanes() {
    return this.used.filter(([lane]) => !this.hidden.has(lane));
  }

  show(index, follow) {
    this.current = index;
    this.follows = follow;
    if (!this.width) this.measure();
    if (follow) this.follow();
    this.draw();
  }

  // Finds the position to which the box is scrolled, so that the current row is visible.
  follow() {
    const at = this.rowOf(this.current) * this.height;
    if (at < this.top + this.height || at > this.top + this.room - 3 * this.height) {
      this.top = Math.max(0, Math.min(at - this.room * 0.55, (this.rows.length + ROWS_BELOW) * this.height - this.room));
    }
  }

  settle() {
    if (this.follows) this.box.scrollTop = this.top;
  }

  // The size of the box is read only when it may have changed: each reading costs a layout of the page.
  measure() {
    this.width = this.box.clientWidth;
    this.room = this.box.clientHeight;
    this.top = this.box.scrollTop;
  }

  resized() {
    this.measure();
    if (this.follows) this.follow(), this.settle();
    this.draw();
  }

  scrolled() {
    if (Math.abs(this.top - this.box.scrollTop) < 1) return;
    this.top = this.box.scrollTop;
    this.follows = false;
    this.draw();
  }

  click(event) {
    const y = event.clientY - this.spacer.getBoundingClientRect().top;
    const row = this.rows[Math.floor(y / this.height)];
    if (!row) return;
    // A second click on a start shows its steps.
    if (this.current >= row.from && this.current <= row.to) this.openStart(row);
    this.go(row.to);
  }

  openStart(row) {
    if (!row || !row.start) return;
    this.opened.add(row.from);
    this.fold();
  }

  draw() {
    const { width } = this;
    if (!width) return;
    const lanes = this.lanes();
    const gutter = (width < 480 * this.unit || this.run.header.mode === "check" ? 44 : 92) * this.unit;
    const lane = (width - gutter) / Math.max(lanes.length, 1);
    const x = new Map(lanes.map(([name], at) => [name, gutter + lane * (at + 0.5)]));
    this.drawHeads(lanes, gutter, lane);
    const first = Math.max(Math.floor(this.top / this.height) - ARROW_ROWS_MAX, 0);
    const last = Math.min(Math.ceil((this.top + this.room) / this.height) + 2, this.rows.length);
    const top = first * this.height;
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", Math.max((last - first + 1) * this.height, 1));
    this.svg.style.top = top + "px";
    const parts = [];
    for (const [name] of lanes) {
      const at = x.get(name);
      parts.push(`<line class="lane${name === this.focus ? " focus" : ""}" x1="${at}" x2="${at}" y1="0" y2="${(last - first + 1) * this.height}"/>`);
    }
    const visibleFrom = Math.floor(this.top / this.height) - 1;
    const current = this.rowOf(this.current);
    if (current >= first && current < last) // below all arrows
      parts.push(`<rect class="band" x="0" y="${(current - first) * this.height}" width="${width}" height="${this.height}"/>`);
    const labels = []; // above all arrows
    for (let at = first; at < last; at++) {
      if (this.hidesFuture && this.rows[at].from > this.current) break;
      const [shapes, label] = this.rowMarkup(at, (at - first) * this.height, x, width, gutter, at >= visibleFrom);
      parts.push(shapes);
      labels.push(label);
    }
    this.svg.innerHTML = parts.join("") + labels.join("");
  }

  drawHeads(lanes, gutter, lane) {
    const state = [lanes.map(([name]) => name), gutter, lane, this.focus].join(" ");
    if (this.headsState === state) return;
    this.headsState = state;
    const names = lanes.map(([name, label]) => {
      const head = make("span", { class: name === this.focus ? "focus" : "", text: lane < 60 * this.unit ? SHORT[name] || label : label });
      head.style.width = lane + "px";
      return head;
    });
    const time = make("span", { class: "time", text: gutter > 50 * this.unit ? "ms / step" : "step" });
    time.style.width = gutter + "px";
    this.head.replaceChildren(time, ...names);
  }

  lookOfMany(row) {
    const steps = this.run.steps.slice(row.from, row.to + 1);
    const [look, words] = lookOf(steps[steps.length - 1]);
    const bytes = steps.reduce((sum, step) => sum + (step.b ? step.b.length : 0), 0);
    return [look, `${steps.length} times: ` + (bytes ? `${bytes} bytes in all` : words)];
  }

  // The shapes of a row, and its label, which is drawn above the shapes of all rows.
  rowMarkup(at, y, x, width, gutter, inSight) {
    const { height, unit } = this;
    const row = this.rows[at];
    const step = this.run.steps[row.to];
    const middle = y + height / 2;
    const base = middle + 4 * unit;
    const here = this.current >= row.from && this.current <= row.to;
    const when = row.from > this.current ? " future" : here ? " here" : "";
    const group = `<g class="row${when}" data-step="${step.n}">`;
    let out = group;
    let label = group;
    const done = () => [out + "</g>", label + "</g>"];
    if (inSight) {
      if (gutter > 50 * unit) label += `<text class="time" x="${50 * unit}" y="${base}" text-anchor="end">${Math.abs(step.t) < 1e9 ? milliseconds(step.t) : (step.t / 1e6).toFixed(0)}</text>`;
      label += `<text class="number" x="${gutter - 6 * unit}" y="${base}" text-anchor="end">${here ? this.run.steps[this.current].n : step.n}</text>`;
    }
    if (row.start) {
      const within = here && row.from < row.to ? `: ${this.current - row.from + 1} of ${row.to - row.from + 1}: ${lookOf(this.run.steps[this.current])[1]}` : `: ${row.to - row.from + 1} steps`;
      label += `<text class="words note" x="${gutter + 8}" y="${base}">\u25b8 ${escaped(row.start + within)}</text>`;
      return done();
    }
    const count = row.to - row.from + 1;
    const [look, words] = count > 1 ? this.lookOfMany(row) : lookOf(step);
    const text = escaped(words);
    const from = x.get(step.f);
    const to = x.get(step.o);
    if (from === undefined && to === undefined) return done();
    if (from === undefined || to === undefined || from === to) {
      const point = from ?? to;
      const left = point > width * 0.62;
      out += look === "lost" ? cross(point, middle) : `<circle class="dot ${look}" cx="${point}" cy="${middle}" r="${3.5 * unit}"/>`;
      label += `<text class="words ${look}" x="${point + (left ? -9 : 9)}" y="${base}" text-anchor="${left ? "end" : "start"}">${text}</text>`;
      return done();
    }
    // Bytes that are passed on are in transit until the receiver takes them. A slot of the page, or an event, is there at
    // once and waits.
    const waits = step.k === "event_raised" || step.k === "slot_written";
    const arrival = this.run.arrivals[row.from];
    const known = arrival !== undefined && !(this.hidesFuture && arrival > this.current);
    const rows = known ? Math.min(Math.max(this.rowOf(arrival) - at, 0), ARROW_ROWS_MAX) : 0;
    const begin = y + height * 0.62; // below the label
    const end = waits || rows === 0 ? y + height * 0.88 : y + rows * height + height * 0.5;
    if (waits && rows > 0) out += `<path class="waiting ${look}" d="M${to} ${end} V${middle + rows * height}"/>`;
    out += `<path class="arrow ${look}${rows > 3 && !waits ? " long" : ""}" d="M${from} ${begin} L${to} ${end}" marker-end="url(#head-${look})"/>`;
    if (inSight) {
      out += `<circle class="dot ${look}" cx="${from}" cy="${begin}" r="${3 * unit}"/>`;
      label += besides((from + to) / 2, y + height * 0.42, look, text, gutter, width, unit);
    }
    return done();
  }
}

// Places a label in the middle of its arrow, or at the edge if it would not fit there.
function besides(x, y, look, label, gutter, width, unit) {
  const half = label.length * 3.2 * unit;
  const [at, anchor] = x - half < gutter ? [gutter + 2, "start"] : x + half > width - 4 ? [width - 4, "end"] : [x, "middle"];
  return `<text class="words ${look}" x="${at}" y="${y}" text-anchor="${anchor}">${label}</text>`;
}

function cross(x, y) {
  return `<path class="cross" d="M${x - 5} ${y - 5} l10 10 m0 -10 l-10 10"/>`;
}

function alike(one, other) {
  return one.k === other.k && one.f === other.f && one.o === other.o && one.h === other.h && one.m === other.m && one.a === other.a;
}

function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

// The arrow heads, once for the page.
function arrowHeads() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "unseen");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = "<defs>" + ["request", "response", "event", "bytes", "note", "bite", "lost"].map((look) =>
    `<marker id="head-${look}" class="head ${look}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L10 5 L0 10 z"/></marker>`).join("") + "</defs>";
  document.body.append(svg);
}
