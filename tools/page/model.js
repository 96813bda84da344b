// The runs of the page, and their state after each step. The data contain the changes of each step
// (tools/page/README.md describes their fields). This file applies them and knows nothing of rings.
"use strict";

const DOMAINS_SHOWN_EMPTY = 2;
const CHECKPOINT_STEPS = 256; // the interval of stored pictures, for going back
const MARKS_BACK_MAX = 400;   // the number of marks that are searched for the line in force

function data(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

// The bytes of a text that has one character for each byte.
function bytesOf(text) {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

// The data of a run. The data of a long run are compressed: a browser would spend most of the time reading them.
async function runData(id) {
  const element = document.getElementById(id);
  if (element.type === "application/json") return data(id);
  if (!window.DecompressionStream) throw new Error("this run is long, so it is compressed, and this browser cannot read that (Chrome 80, Firefox 113, Safari 16.4 or newer can)");
  const unpacking = new DecompressionStream("deflate");
  const writer = unpacking.writable.getWriter();
  writer.write(bytesOf(atob(element.textContent)));
  writer.close();
  const decoder = new TextDecoder();
  const reader = unpacking.readable.getReader();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += decoder.decode(part.value, { stream: true });
  return JSON.parse(text);
}

const HOPS = data("hops");

function emptyPicture() {
  return { rings: {}, byteRings: {}, ports: {}, queues: {}, totals: {}, counters: {}, words: {}, slots: {}, buffers: {} };
}

// Changes replace values, except that a ring's lists are changed in place.
function copyOf(picture) {
  const copy = {};
  for (const [name, values] of Object.entries(picture)) copy[name] = { ...values };
  for (const [key, ring] of Object.entries(copy.rings)) copy.rings[key] = { ...ring, indices: ring.indices.slice(), slots: ring.slots.slice() };
  return copy;
}

// A byte ring of a domain of today. Such a domain has no other rings.
const BYTE_RINGS = { out: 2048, in: 1024 };
function setByteRing(picture, domain, ring, prod, cons, bytes) {
  delete picture.rings[domain + ".tx"];
  delete picture.rings[domain + ".rx"];
  picture.byteRings[domain + "." + ring] = { domain, ring, prod, cons, bytes };
}

function ringOf(picture, domain, ring) {
  const key = domain + "." + ring;
  if (!picture.rings[key]) {
    picture.rings[key] = { domain, ring, indices: [0, 0, 0, 0], slots: Array.from({ length: 8 }, () => ({ state: "free" })) };
  }
  return picture.rings[key];
}

// One change of the picture: a letter for its kind, then its values.
const CHANGES = {
  i: (picture, [, domain, ring, index, value]) => { ringOf(picture, domain, ring).indices[index] = value; },
  s: (picture, [, domain, ring, slot, state, type, subtype, id, length, bytes]) => {
    ringOf(picture, domain, ring).slots[slot] = { state, type, subtype, id, length, bytes };
  },
  r: (picture, [, domain, ring, prod, cons, bytes]) => setByteRing(picture, domain, ring, prod, cons, bytes),
  e: (picture, [, domain, port, pending, masked, selected, raised, kicks, eventfd]) => {
    picture.ports[domain + ":" + port] = { domain, port, pending, masked, selected, raised, kicks, eventfd };
  },
  q: (picture, [, domain, place, down, bytes]) => { picture.queues[`${domain} ${down} ${place}`] = bytes; },
  t: (picture, [, domain, down, said, delivered, lost, unseen, appeared]) => {
    picture.totals[`${domain} ${down}`] = { said, delivered, lost, unseen, appeared };
  },
  c: (picture, [, name, value]) => { picture.counters[name] = value; },
  w: (picture, [, word, value]) => { picture.words[word] = value; },
  m: (picture, [, slot, bytes]) => { picture.slots[slot] = bytes; },
  b: (picture, [, end, stores]) => { picture.buffers[end] = stores; },
};

function apply(picture, step) {
  for (const change of step.c || []) CHANGES[change[0]](picture, change);
}

class Run {
  constructor(source) {
    this.name = source.name;
    this.header = source.header;
    this.verdict = source.verdict || null; // of a failed run
    this.prose = source.prose || [];
    this.ending = source.ending || [];
    this.marks = [];
    this.steps = [];
    this.indexOf = new Map();
    this.arrivals = [];      // by index of a step: the index at which its content arrives
    this.screens = new Map(); // name -> { text: [], ends: [[index, length]] }
    this.latest = emptyPicture(); // after all steps so far
    // Rings are shown even before they are used.
    for (const { id, byte_rings: today } of source.header.domains.slice(0, DOMAINS_SHOWN_EMPTY)) {
      if (!today) ringOf(this.latest, id, "tx"), ringOf(this.latest, id, "rx");
    }
    apply(this.latest, { c: source.begin });
    this.checkpoints = [copyOf(this.latest)];
    this.add(source.steps, source.marks);
  }

  // Adds steps.
  add(steps, marks) {
    for (const mark of marks) this.marks.push(mark);
    for (const step of steps) {
      const index = this.steps.length;
      this.steps.push(step);
      this.indexOf.set(step.n, index);
      if (step.u !== undefined && this.indexOf.has(step.u)) this.arrivals[this.indexOf.get(step.u)] = index;
      if (step.w !== undefined) this.show(step.w, step.b || "", index);
      apply(this.latest, step);
      if (this.steps.length % CHECKPOINT_STEPS === 0) this.checkpoints.push(copyOf(this.latest));
    }
    this.placeMarks();
  }

  show(screen, text, index) {
    if (!this.screens.has(screen)) this.screens.set(screen, { text: "", ends: [] });
    const its = this.screens.get(screen);
    its.text += text;
    its.ends.push([index, its.text.length]);
  }

  // Places the marks: the index of the first step after each mark.
  placeMarks() {
    let at = 0;
    this.markIndex = this.marks.map((mark) => {
      while (at < this.steps.length && this.steps[at].n <= mark.after) at++;
      return at;
    });
  }

  get scenario() { return this.header.scenario || null; }
  get title() { return this.scenario ? this.scenario.title : this.name; }

  // The picture after the step of this index. Callers do not change it.
  picture(index) {
    let at = Math.min(Math.floor((index + 1) / CHECKPOINT_STEPS), this.checkpoints.length - 1);
    let from = this.checkpoints[at];
    at *= CHECKPOINT_STEPS;
    // Starts from the picture of the last call, if that is nearer.
    if (this.pictured && this.pictured.index <= index && this.pictured.index >= at) from = this.pictured.picture, at = this.pictured.index + 1;
    const picture = copyOf(from);
    for (; at <= index; at++) apply(picture, this.steps[at]);
    this.pictured = { index, picture };
    return picture;
  }

  // What was sent to a screen up to this step.
  screenText(name, index) {
    const its = this.screens.get(name);
    const at = lastWhere(its.ends, (end) => end[0] <= index);
    return at < 0 ? "" : its.text.slice(0, its.ends[at][1]);
  }

  // The lines in force at an index: the last line that did something (the steps are its effects), and a later line
  // at which the run waits. Also the phase, and the failures since the last line.
  marksAt(index) {
    const in_force = { act: null, waits: null, phase: null, failures: [] };
    const last = lastWhere(this.markIndex, (at) => at <= index);
    for (let at = last; at >= 0 && last - at <= MARKS_BACK_MAX; at--) {
      const mark = this.marks[at];
      if (mark.mark === "phase") in_force.phase ||= mark;
      else if (mark.mark === "failure") in_force.failures.push(mark);
      else if (mark.act) in_force.act ||= mark;
      else if (!in_force.act) in_force.waits ||= mark;
      if (in_force.act && in_force.phase) break;
    }
    return in_force;
  }

  // Steps that start the machine or its domains, as [first, last, why]: in every run they are much the same.
  get starts() {
    const first = Math.max(this.steps.findIndex((step) => step.t >= 0), this.markIndex[0] ?? 0, 0);
    const starts = first > 0 ? [[0, first - 1, "the machine starts"]] : [];
    this.marks.forEach((mark, at) => {
      if (mark.act !== "boots") return;
      const next = this.markIndex.find((index, other) => other > at && index > this.markIndex[at]) ?? this.steps.length;
      if (next > this.markIndex[at]) starts.push([this.markIndex[at], next - 1, mark.text]);
    });
    return starts;
  }

  // The first step after the start of the machine and its domains.
  get beginning() {
    let index = 0;
    for (const [first, last] of this.starts) if (first <= index) index = last + 1;
    return Math.min(index, Math.max(this.steps.length - 1, 0));
  }

  // The position at which the page of a failed run opens: the deciding step.
  get failedAt() {
    if (!this.verdict || this.header.mode === "check") return -1;
    return Math.max(lastWhere(this.steps, (step) => step.n <= this.verdict.failures[0].step), 0);
  }

  hasByte(step, byte) {
    return (step.y || []).some(([first, count]) => byte >= first && byte < first + count);
  }

  // The text of a byte at its first step.
  letterOf(byte) {
    const step = this.steps.find((each) => each.b !== undefined && this.hasByte(each, byte));
    let offset = 0;
    for (const [first, count] of (step && step.y) || []) {
      if (byte >= first && byte < first + count) return `\u201c${visible(step.b[offset + byte - first] || "")}\u201d`;
      offset += count;
    }
    return "byte " + byte;
  }

  // How many hops the byte takes, and where it ends.
  fateOf(byte) {
    const passes = this.steps.filter((each) => this.hasByte(each, byte));
    const last = passes[passes.length - 1];
    if (!last) return "in no step";
    const hops = `${passes.length} hop${passes.length === 1 ? "" : "s"}, `;
    return hops + (last.l ? `lost at step ${last.n}` : `last seen at step ${last.n}, in ${last.o === "page" || last.k === "bytes_found" ? "the ring" : last.k === "byte_index_found" ? "xenconsoled" : last.o}`);
  }
}

// The last index of `list` for which `holds` is true, or -1. `holds` must be true up to some point and false after it.
function lastWhere(list, holds) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle])) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// Pairs the steps of two runs of one scenario. Both reach each line of the scenario at the same position. Between two
// lines, steps are paired in order, and the run with fewer steps waits.
function aligned(runs) {
  if (runs.length === 1) {
    return { rows: runs[0].steps.map((_, index) => [index]), differs: -1 };
  }
  const bounds = runs.map((run) => {
    const starts = run.marks.map((mark, at) => [mark, run.markIndex[at]]).filter(([mark]) => mark.mark !== "failure");
    return [0, ...starts.map(([, index]) => index), run.steps.length];
  });
  const parts = Math.min(bounds[0].length, bounds[1].length) - 1;
  const rows = [];
  let differs = -1;
  for (let part = 0; part < parts; part++) {
    const last = part === parts - 1;
    const begins = bounds.map((each) => each[part]);
    const ends = bounds.map((each, which) => (last ? runs[which].steps.length : each[part + 1]));
    const count = Math.max(ends[0] - begins[0], ends[1] - begins[1]);
    for (let at = 0; at < count; at++) {
      const row = begins.map((begin, which) => Math.min(begin + at, Math.max(ends[which] - 1, 0)));
      const inside = begins.map((begin, which) => begin + at < ends[which]);
      if (differs < 0 && (inside[0] !== inside[1] || runs[0].steps[row[0]].s !== runs[1].steps[row[1]].s)) differs = rows.length;
      rows.push(row);
    }
  }
  return { rows, differs };
}
