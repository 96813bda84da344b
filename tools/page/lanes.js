// The lanes: which actor passes what to which, from top to bottom, one row a step. Only visible rows are drawn, so that
// a run may have any number of steps. An arrow ends in the row in which its content arrives.
"use strict";

const ROW = 28;            // pixels
const FOLD_FROM = 4;       // this many steps of one sort become one row
const ARROW_ROWS_MAX = 40; // the longest arrow; longer ones are cut
const LANES = [
  ["user", "user"], ["client", "client"], ["xend", "xend"], ["xenctld", "xenctld"], ["xcs", "xcs"], ["event", "event channel"],
  ["page", "shared page"], ["domU", "domU kernel"], ["tty", "terminal"], ["dom0", "dom0 kernel"], ["xen", "Xen"], ["uart", "UART"],
];
const SHORT = { event: "evt", page: "page", domU: "domU", tty: "tty", dom0: "dom0", client: "cli", xenctld: "ctld" };

// The look of a step: its class, and its content in a few words.
function lookOf(step) {
  if (step.l) return ["lost", "lost"];
  if (step.b === undefined || (step.v !== "request" && step.v !== "bytes")) return [step.v, step.x];
  const count = step.b.length + (step.b.length === 1 ? " byte " : " bytes ");
  return [step.v, (step.x ? step.x + " " : "") + count + "\u201c" + visible(step.b).slice(0, 10) + (step.b.length > 10 ? "\u2026" : "") + "\u201d"];
}

class Lanes {
  constructor(run, number, go) {
    this.run = run;
    this.go = go;
    this.hidden = new Set();
    this.query = "";
    this.byte = null;
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
    this.box = make("div", { class: "lanes", tabindex: "0", role: "group", "aria-label": "Who hands what to whom; the sentence above says it in words" }, this.spacer);
    this.element = make("section", { class: "lane-pane", id: "lanes-" + number }, this.head, this.box);
    this.box.addEventListener("scroll", () => this.draw());
    this.box.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.fold();
  }

  // Collects the lanes that the steps use.
  learn(steps) {
    for (const step of steps) this.lanesUsed.add(step.f).add(step.o);
    this.used = LANES.filter(([lane]) => this.lanesUsed.has(lane));
  }

  shows(step) {
    if (this.hidden.has(step.f) || this.hidden.has(step.o)) return false;
    if (this.byte !== null && !this.run.hasByte(step, this.byte)) return false;
    return !this.query || matches(step, this.query);
  }

  // Makes the rows: one step, or several of one sort. The start of the machine is one row.
  fold() {
    const steps = this.run.steps;
    const plain = !this.query && this.byte === null;
    this.rows = [];
    let at = 0;
    const beginning = this.run.beginning;
    if (plain && beginning > FOLD_FROM) {
      this.rows.push({ from: 0, to: beginning - 1, start: true });
      at = beginning;
    }
    while (at < steps.length) {
      if (!this.shows(steps[at])) {
        at++;
        continue;
      }
      let to = at;
      const first = steps[at];
      while (to + 1 < steps.length && alike(first, steps[to + 1]) && this.shows(steps[to + 1])) to++;
      if (to - at + 1 < FOLD_FROM || !plain) to = at;
      this.rows.push({ from: at, to });
      at = to + 1;
    }
    this.spacer.style.height = (this.rows.length + 2) * ROW + "px";
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
    if (follow) {
      const row = this.rowOf(index);
      const top = row * ROW;
      const room = this.box.clientHeight;
      if (top < this.box.scrollTop + ROW || top > this.box.scrollTop + room - 3 * ROW) this.box.scrollTop = Math.max(0, top - room * 0.55);
    }
    this.draw();
  }

  click(event) {
    const y = event.clientY - this.spacer.getBoundingClientRect().top;
    const row = this.rows[Math.floor(y / ROW)];
    if (row) this.go(row.to);
  }

  draw() {
    const width = this.box.clientWidth;
    if (!width) return;
    const lanes = this.lanes();
    const gutter = width < 480 ? 44 : 92;
    const lane = (width - gutter) / Math.max(lanes.length, 1);
    const x = new Map(lanes.map(([name], at) => [name, gutter + lane * (at + 0.5)]));
    this.drawHeads(lanes, gutter, lane);
    const first = Math.max(Math.floor(this.box.scrollTop / ROW) - ARROW_ROWS_MAX, 0);
    const last = Math.min(Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW) + 2, this.rows.length);
    const top = first * ROW;
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", Math.max((last - first + 1) * ROW, 1));
    this.svg.style.top = top + "px";
    const parts = [];
    for (const [name] of lanes) {
      const at = x.get(name);
      parts.push(`<line class="lane${name === this.focus ? " focus" : ""}" x1="${at}" x2="${at}" y1="0" y2="${(last - first + 1) * ROW}"/>`);
    }
    const visibleFrom = Math.floor(this.box.scrollTop / ROW) - 1;
    for (let at = first; at < last; at++) parts.push(this.rowMarkup(at, (at - first) * ROW, x, width, gutter, at >= visibleFrom));
    this.svg.innerHTML = parts.join("");
  }

  drawHeads(lanes, gutter, lane) {
    const names = lanes.map(([name, label]) => {
      const head = make("span", { class: name === this.focus ? "focus" : "", text: lane < 52 ? SHORT[name] || label : label });
      head.style.width = lane + "px";
      return head;
    });
    const time = make("span", { class: "time", text: gutter > 50 ? "ms / step" : "step" });
    time.style.width = gutter + "px";
    this.head.replaceChildren(time, ...names);
  }

  lookOfMany(row) {
    const steps = this.run.steps.slice(row.from, row.to + 1);
    const [look, words] = lookOf(steps[steps.length - 1]);
    const bytes = steps.reduce((sum, step) => sum + (step.b ? step.b.length : 0), 0);
    return [look, `${steps.length} times: ` + (bytes ? `${bytes} bytes in all` : words)];
  }

  rowMarkup(at, y, x, width, gutter, inSight) {
    const row = this.rows[at];
    const step = this.run.steps[row.to];
    const middle = y + ROW / 2;
    const here = this.current >= row.from && this.current <= row.to;
    const when = row.from > this.current ? " future" : here ? " here" : "";
    let out = `<g class="row${when}" data-step="${step.n}">`;
    if (here) out += `<rect class="band" x="0" y="${y}" width="${width}" height="${ROW}"/>`;
    if (inSight) {
      if (gutter > 50) out += `<text class="time" x="50" y="${middle + 4}" text-anchor="end">${Math.abs(step.t) < 1e9 ? milliseconds(step.t) : (step.t / 1e6).toFixed(0)}</text>`;
      out += `<text class="number" x="${gutter - 6}" y="${middle + 4}" text-anchor="end">${step.n}</text>`;
    }
    if (row.start) {
      return out + `<text class="words note" x="${gutter + 8}" y="${middle + 4}">the machine starts: ${row.to + 1} steps</text></g>`;
    }
    const count = row.to - row.from + 1;
    const [look, words] = count > 1 ? this.lookOfMany(row) : lookOf(step);
    const label = escaped(words);
    const from = x.get(step.f);
    const to = x.get(step.o);
    if (from === undefined && to === undefined) return out + "</g>";
    if (from === undefined || to === undefined || from === to) {
      const point = from ?? to;
      const left = point > width * 0.62;
      out += look === "lost" ? cross(point, middle) : `<circle class="dot ${look}" cx="${point}" cy="${middle}" r="3.5"/>`;
      return out + `<text class="words ${look}" x="${point + (left ? -9 : 9)}" y="${middle + 4}" text-anchor="${left ? "end" : "start"}">${label}</text></g>`;
    }
    // Content that is passed on is under way until it is taken. Content of the page, or an event, is there at once and
    // waits.
    const waits = step.k === "event_raised" || step.k === "slot_written";
    const arrival = this.run.arrivals[row.from];
    const rows = arrival === undefined ? 0 : Math.min(Math.max(this.rowOf(arrival) - at, 0), ARROW_ROWS_MAX);
    const drop = waits || rows === 0 ? ROW * 0.25 : rows * ROW;
    if (waits && rows > 0) out += `<path class="waiting ${look}" d="M${to} ${middle + drop} V${middle + rows * ROW}"/>`;
    out += `<path class="arrow ${look}${rows > 3 && !waits ? " long" : ""}" d="M${from} ${middle} L${to} ${middle + drop}" marker-end="url(#head-${look})"/>`;
    if (inSight) out += `<circle class="dot ${look}" cx="${from}" cy="${middle}" r="3"/>${besides((from + to) / 2, middle - 4 + Math.min(drop, ROW) / 2, look, label, gutter, width)}`;
    return out + "</g>";
  }
}

// Places a label in the middle of its arrow, or at the edge if it would not fit there.
function besides(x, y, look, label, gutter, width) {
  const half = label.length * 3.2;
  const [at, anchor] = x - half < gutter ? [gutter + 2, "start"] : x + half > width - 4 ? [width - 4, "end"] : [x, "middle"];
  return `<text class="words ${look}" x="${at}" y="${y}" text-anchor="${anchor}">${label}</text>`;
}

function cross(x, y) {
  return `<path class="cross" d="M${x - 5} ${y - 5} l10 10 m0 -10 l-10 10"/>`;
}

function alike(one, other) {
  return one.k === other.k && one.f === other.f && one.o === other.o && one.h === other.h && one.m === other.m && one.a === other.a;
}

function matches(step, query) {
  return step.s.toLowerCase().includes(query) || step.k.includes(query) || step.f === query || step.o === query;
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
