// The view of one run at one step: the sentence, the scenario's line, the places of the bytes, rings, event channel,
// screens, counters.
"use strict";

const INDICES = ["req_prod", "req_cons", "rsp_prod", "rsp_cons"];
const GLYPHS = { free: "\u00b7", request: "\u25cf", response: "\u25c6", stale: "\u25cb" };
const STATE_WORDS = { free: "free", request: "request", response: "response", stale: "stale" };
const TYPES = ["console", "blkif-be", "blkif-fe", "netif-be", "netif-fe", "type 5", "shutdown", "mem-request", "usbif-be", "usbif-fe", "vcpu-hotplug", "debug"];
const SLOT_BYTES = 60;
const RINGS_SHOWN_MAX = 6;  // with more, only those of the step's domain

// The ways of the bytes: the places that they pass, in order.
const WAYS = [
  { down: 1, title: "Down: what is typed", places: [["user", "typed"], ["client", "in the client"], ["xend", "in xend"], ["xenctld", "in xenctld"], ["xcs", "in xcs"], ["xenconsoled", "in xenconsoled or its pty"], ["rx", "in the ring rx"], ["in", "in the ring in"], ["domU", "in the guest"]], end: "arrived" },
  { down: 0, title: "Up: what is printed", places: [["tty", "in the terminal"], ["domU", "in the guest"], ["tx", "in the ring tx"], ["out", "in the ring out"], ["xcs", "in xcs"], ["xend", "in xend"], ["xenctld", "in xenctld"], ["xenconsoled", "in xenconsoled"], ["client", "in the client"]], end: "shown" },
];

class RunView {
  constructor(run, number, go) {
    this.run = run;
    this.lanes = new Lanes(run, number, go);
    this.now = make("section", { class: "now", id: number === 0 ? "now" : "now-1", tabindex: "-1", "aria-label": "This step" });
    this.source = new SourcePane(run);
    this.line = this.source.element;
    this.ledger = make("section", { class: "pane ledger", "aria-label": "Where the bytes are" });
    this.rings = make("section", { class: "pane rings", "aria-label": "The rings" });
    this.events = make("section", { class: "pane events", "aria-label": "The event channel" });
    this.screens = make("section", { class: "pane screens", "aria-label": "Screens" });
    this.counters = make("section", { class: "pane counters", "aria-label": "Counters" });
    const facts = factsOf(run);
    this.heading = make("h2", { class: "run-title", text: facts.title });
    this.heading.append(make("span", { class: "chips" }, ...facts.chips.map(([text, mark]) => make("span", { class: "chip " + mark, text }))));
    this.panes = make("div", { class: "panes" }, this.line, this.ledger, this.rings, this.events, this.screens, this.counters);
    this.verdict = run.verdict ? verdictElement(run, go) : "";
    this.element = make("article", { class: "run", id: "run-view-" + number, "aria-label": facts.title }, this.heading, this.verdict, this.now,
      make("div", { class: "split" }, this.lanes.element, this.panes));
    this.slotInSight = null;
    this.shownScreens = new Map(); // name -> its elements, and how much of its text they show
    this.rings.addEventListener("click", (event) => this.chooseSlot(event));
    this.rings.addEventListener("focusin", (event) => this.chooseSlot(event));
  }

  show(index, waits, follow) {
    this.index = index;
    const step = this.run.steps[index];
    if (!step) return;
    const before = this.picture;
    this.picture = this.run.picture(index);
    this.source.show(index);
    this.showNow(step, waits);
    if (this.run.header.mode === "check") this.showCheck(before);
    else this.showState(step, before);
    this.lanes.show(index, follow);
  }

  // Scrolls. Only this function reads the layout, so that one step costs one layout.
  settle() {
    this.source.scroll();
    this.lanes.settle();
    for (const its of this.shownScreens.values()) {
      if (its.moved && !this.screens.hidden) scrollToCursor(its.screen);
      its.moved = false;
    }
  }

  showState(step, before) {
    this.showLedger();
    this.showRings(step, before);
    this.showEvents(step);
    this.showScreens(this.index);
    this.showCounters();
  }

  showCheck(before) {
    const [words, buffers, ...rest] = checkPanes(this.run, this.picture, before);
    this.panes.replaceChildren(...[words, buffers, this.line, ...rest].filter(Boolean));
  }

  showNow(step, waits) {
    const hop = step.h === null ? null : HOPS[step.h];
    const words = make("p", { class: "sentence" });
    words.append(withTerms(step.p));
    const parts = [
      make("p", { class: "stamp" }, make("b", { text: "step " + step.n }), this.run.header.mode === "check" ? "" : ` at ${milliseconds(step.t)} ms`, waits ? make("span", { class: "waits", text: "waits for the other run" }) : ""),
      words,
      make("p", { class: "terse", text: step.s }),
    ];
    for (const note of this.source.notes) parts.push(make("p", { class: "note-of-line" }, withTerms(note)));
    if (this.index === this.run.steps.length - 1) parts.push(...this.run.ending.map((text) => make("p", { class: "ending", text })));
    if (hop) parts.push(this.hopDetails(hop));
    this.now.classList.toggle("bad", step.m === "!" || step.l === 1);
    this.now.classList.toggle("bite", step.m === "*");
    this.now.replaceChildren(...parts);
  }

  hopDetails(hop) {
    const details = make("details", { class: "hop" }, make("summary", { text: "This hop: " + hop.title }));
    details.open = this.hopOpen || false;
    details.addEventListener("toggle", () => { this.hopOpen = details.open; });
    const row = (title, text) => text && details.append(make("p", {}, make("b", { text: title + " " }), withTerms(text)));
    row("", hop.meaning);
    row("More:", hop.more);
    row(hop.today ? "Today:" : "In 2005:", hop.source);
    row("What goes wrong:", hop.wrong);
    for (const [name, what] of hop.quirks) row("Quirk " + name + ":", what);
    return details;
  }

  showLedger() {
    const parts = [];
    for (const [key, totals] of Object.entries(this.picture.totals)) {
      const [domain, down] = key.split(" ").map(Number);
      if (!totals.said && !totals.delivered) continue;
      const way = WAYS.find((each) => each.down === down);
      parts.push(this.ledgerOf(domain, way, totals));
    }
    this.ledger.hidden = parts.length === 0;
    this.ledger.replaceChildren(make("h3", { text: "Where are the bytes?" }), ...parts);
  }

  ledgerOf(domain, way, totals) {
    const shares = way.places
      .map(([place, words]) => [place, words, this.picture.queues[[domain, way.down, place].join(" ")] || 0])
      .filter(([place, , bytes]) => bytes > 0 && place !== "user");
    shares.push(["end", way.end, totals.delivered], ["gone", "lost", totals.lost], ["unknown", "unknown: taken by a program that reports nothing", totals.unseen]);
    const whole = shares.reduce((sum, [, , bytes]) => sum + bytes, 0) || 1;
    const bar = make("div", { class: "bar", "aria-hidden": "true" });
    const list = make("ul", { class: "legend" });
    for (const [place, words, bytes] of shares) {
      if (!bytes) continue;
      const piece = make("span", { class: "share " + place });
      piece.style.width = (100 * bytes) / whole + "%";
      bar.append(piece);
      const extra = place === "rx" || place === "tx" ? this.slotsWords(domain, place) : BYTE_RINGS[place] ? ` (of ${BYTE_RINGS[place]})` : "";
      list.append(make("li", { class: "share-name " + place }, make("b", { text: bytes + " " }), words + extra));
    }
    const title = `dom${domain}. ${way.title}: ${totals.said} byte${totals.said === 1 ? "" : "s"}` +
      (totals.appeared ? `, ${totals.appeared} of them from an unknown sender` : "");
    return make("div", { class: "way" }, make("p", { class: "way-title", text: title }), bar, list);
  }

  slotsWords(domain, ring) {
    const its = this.picture.rings[domain + "." + ring];
    const full = its ? its.slots.filter((slot) => slot.state === "request").length : 0;
    return full === 8 ? ` (8 slots \u00d7 up to ${SLOT_BYTES}: full)` : ` (${full} of 8 slots)`;
  }

  showRings(step, before) {
    const all = Object.values(this.picture.rings);
    const used = all.filter((ring) => ring.domain !== 0 || ring.indices.some(Boolean));
    const near = used.filter((ring) => ring.domain === step.d);
    const rest = used.filter((ring) => ring.domain !== step.d && used.length <= RINGS_SHOWN_MAX);
    const shown = (used.length <= RINGS_SHOWN_MAX ? used : near.concat(rest)).sort((a, b) => a.domain - b.domain || (a.ring < b.ring ? 1 : -1));
    const byteRings = Object.values(this.picture.byteRings).sort((a, b) => a.domain - b.domain || (a.ring < b.ring ? 1 : -1));
    const byteRingsShown = byteRings.length <= RINGS_SHOWN_MAX ? byteRings : byteRings.filter((ring) => ring.domain === step.d);
    this.rings.hidden = shown.length + byteRingsShown.length === 0;
    for (const change of step.c || []) if (change[0] === "s") this.slotInSight = `${change[1]}.${change[2]}.${change[3]}`;
    this.rings.replaceChildren(make("h3", { text: "The rings" }), shown.length ? this.key() : "", ...shown.map((ring) => this.ringElement(ring, before)),
      ...byteRingsShown.map((ring) => byteRingElement(ring, before && before.byteRings[ring.domain + "." + ring.ring])));
  }

  key() {
    return make("p", { class: "key" }, ...Object.keys(GLYPHS).map((state) => make("span", { class: "state " + state }, make("i", { text: GLYPHS[state] }), " " + STATE_WORDS[state])));
  }

  ringElement(ring, before) {
    const outstanding = (ring.indices[0] - ring.indices[2]) >>> 0;
    const was = before && before.rings[ring.domain + "." + ring.ring];
    const written = ring.slots.filter((slot) => slot.state === "request").length;
    // Messages written before req_prod moves already occupy slots, but the other side cannot see them yet.
    const unseen = written > outstanding ? written - outstanding : 0;
    const taken = unseen ? `${written} of 8 taken, ${outstanding || "none"} published` : `${outstanding} of 8 unanswered`;
    const full = outstanding > 8 ? "impossible" : outstanding === 8 || written === 8 ? "full" : "";
    const title = make("h4", {}, make("b", { text: `dom${ring.domain}.${ring.ring}` }), make("span", { class: "way-of", text: ring.ring === "tx" ? "the guest asks" : "dom0 asks" }),
      make("span", { class: "outstanding " + full, text: taken + (full === "impossible" ? ": one end is faulty" : full ? ": full" : "") }));
    const slots = make("div", { class: "slots", role: "group", "aria-label": `slots of dom${ring.domain}.${ring.ring}` });
    ring.slots.forEach((slot, number) => slots.append(this.slotElement(ring, slot, number, was)));
    const pointers = make("div", { class: "pointers" });
    INDICES.forEach((name, at) => {
      const value = ring.indices[at];
      const changed = was && was.indices[at] !== value;
      const pointer = make("span", { class: `pointer ${name}${changed ? " changed" : ""}`, title: `${name} ${value}, in slot ${value & 7}` },
        make("i", { text: "\u25b2" }), make("b", { text: name }), ` ${value}`, make("small", { text: `&7=${value & 7}` }));
      pointer.style.setProperty("--at", value & 7);
      pointer.classList.toggle("leftward", (value & 7) > 4);
      pointers.append(pointer);
    });
    const parts = [title, slots, pointers];
    if (this.slotInSight && this.slotInSight.startsWith(`${ring.domain}.${ring.ring}.`)) parts.push(this.slotDetails(ring));
    const idle = !ring.indices.some(Boolean) && ring.slots.every((slot) => slot.state === "free");
    return make("div", { class: `ring ${full}${idle ? " idle" : ""}`, "data-ring": `dom${ring.domain}.${ring.ring}` }, ...parts);
  }

  slotElement(ring, slot, number, was) {
    const id = `${ring.domain}.${ring.ring}.${number}`;
    const changed = was && (was.slots[number].state !== slot.state || was.slots[number].bytes !== slot.bytes);
    const text = slot.state === "free" ? "" : slot.length === 0 ? "empty" : visible(slot.bytes).slice(0, 6) + (slot.bytes.length > 6 ? "\u2026" : "");
    return make("button", {
      type: "button", "aria-pressed": String(this.slotInSight === id), class: `slot ${slot.state}${changed ? " changed" : ""}${this.slotInSight === id ? " chosen" : ""}`, "data-slot": id,
      "aria-label": `slot ${number}: ${STATE_WORDS[slot.state]}` + (slot.length ? `, ${slot.length} bytes` : ""),
    }, make("span", { class: "slot-number", text: number }), make("i", { text: GLYPHS[slot.state] }), make("span", { class: "slot-length", text: slot.state === "free" ? "" : slot.length + " B" }), make("span", { class: "slot-text", text }));
  }

  slotDetails(ring) {
    const number = Number(this.slotInSight.split(".")[2]);
    const slot = ring.slots[number];
    if (slot.state === "free") return make("p", { class: "slot-details", text: `slot ${number} was never used` });
    const head = `slot ${number}: ${STATE_WORDS[slot.state]}, ${TYPES[slot.type] || "type " + slot.type} (${slot.type},${slot.subtype}), id ${slot.id}, length ${slot.length}`;
    return make("div", { class: "slot-details" }, make("p", { text: head }), slot.length ? make("p", { class: "bytes", text: visible(slot.bytes) }) : "", slot.length ? make("p", { class: "bytes hex", text: hex(slot.bytes) }) : "");
  }

  chooseSlot(event) {
    const slot = event.target.closest("[data-slot]");
    if (!slot || this.slotInSight === slot.dataset.slot) return;
    this.slotInSight = slot.dataset.slot;
    // The elements of the slots are kept, so that the focus stays.
    for (const each of this.rings.querySelectorAll("[data-slot]")) {
      each.classList.toggle("chosen", each === slot);
      each.setAttribute("aria-pressed", String(each === slot));
    }
    for (const each of this.rings.querySelectorAll(".slot-details")) each.remove();
    const [domain, ring] = this.slotInSight.split(".");
    slot.closest(".ring").append(this.slotDetails(this.picture.rings[domain + "." + ring]));
  }

  showEvents(step) {
    const ports = Object.values(this.picture.ports).filter((port) => port.raised > 0);
    this.events.hidden = ports.length === 0;
    const touched = new Set((step.c || []).filter((change) => change[0] === "e").map((change) => change[1] + ":" + change[2]));
    const bit = (on, changed) => make("td", { class: `bit ${on ? "on" : ""} ${changed ? "changed" : ""}`, text: on ? "1" : "0" });
    const rows = ports.sort((a, b) => a.domain - b.domain || a.port - b.port).slice(0, 12).map((port) => {
      const now = touched.has(port.domain + ":" + port.port);
      return make("tr", { class: now ? "touched" : "" }, make("th", { scope: "row", text: `dom${port.domain} port ${port.port}` }), bit(port.pending, now), bit(port.masked, now), bit(port.selected, now), make("td", { text: `${port.raised}` }), make("td", { text: `${port.kicks}` }), make("td", { class: now ? "changed" : "", text: `${port.eventfd}` }));
    });
    const head = make("tr", {}, ...["who", "pending", "masked", "selector", "raised", "woken", "eventfd"].map((text) => make("th", { scope: "col" }, withTerms(text))));
    this.events.replaceChildren(make("h3", { text: "Event channels" }), make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))));
  }

  showScreens(index) {
    const figures = [];
    for (const name of this.run.screens.keys()) {
      const text = this.run.screenText(name, index);
      if (text) figures.push(this.screenFigure(name, text));
    }
    this.screens.hidden = figures.length === 0;
    if (this.screens.children.length !== figures.length + 1) this.screens.replaceChildren(make("h3", { text: "Screens" }), ...figures);
  }

  // Draws a screen again only if its text has changed: interpreting the text takes longer than drawing all other panes.
  screenFigure(name, text) {
    if (!this.shownScreens.has(name)) {
      const caption = make("figcaption");
      const screen = make("pre", { class: "screen", tabindex: "0", role: "group", "aria-label": `The screen of ${name}` });
      this.shownScreens.set(name, { caption, screen, figure: make("figure", {}, caption, screen), bytes: -1 });
    }
    const its = this.shownScreens.get(name);
    if (its.bytes === text.length) return its.figure;
    its.bytes = text.length;
    its.moved = true;
    its.caption.textContent = name.endsWith(".out") ? `what ${name.replace(".out", "")} has written into its ring out: ${text.length} bytes` : name.endsWith(".tty") ? `what ${name.replace(".tty", "")}'s terminal received: ${text.length} bytes` : `${name}: ${text.length} bytes`;
    showScreen(its.screen, text);
    return its.figure;
  }

  showCounters() {
    const all = Object.entries(this.picture.counters);
    this.counters.hidden = all.length === 0;
    this.counters.replaceChildren(make("h3", { text: "Counters" }), make("ul", {}, ...all.map(([name, value]) => make("li", {}, make("b", { text: value + " " }), name))));
  }
}

function factsOf(run) {
  const header = run.header;
  if (header.mode === "check") return { title: run.name, chips: checkChips(run) };
  const chips = [];
  for (const quirk of header.quirks) chips.push(["quirk " + quirk, "quirk"]);
  if (!header.quirks.length && header.mode !== "live") chips.push(["no quirk", "plain"]);
  chips.push([{ sim: "simulated", real: "processes", live: "live" }[header.mode] + (header.seed === undefined ? "" : ", seed " + header.seed), "plain"]);
  if (header.controller) chips.push([header.controller, "plain"]);
  if (header.answer) chips.push(["answered by " + header.answer, "plain"]);
  const layouts = [...new Set(header.domains.map((domain) => domain.layout))];
  if (layouts.length) chips.push([layouts.join(", "), "plain"]);
  // The totals at the end, for each way that was used.
  for (const [key, totals] of Object.entries(run.latest.totals)) {
    const [domain, down] = key.split(" ").map(Number);
    if (domain === 0 || !totals.said) continue;
    const words = `dom${domain} ${down ? "typed" : "printed"} ${totals.said}, ${down ? "arrived" : "shown"} ${totals.delivered}`;
    const unknown = totals.unseen ? `, unknown ${totals.unseen}` : "";
    if (chips.length < 12) chips.push([words + (totals.lost ? `, lost ${totals.lost}` : "") + unknown, totals.lost ? "gone outcome" : "plain outcome"]);
  }
  return { title: run.scenario ? run.scenario.name : run.name, chips };
}
