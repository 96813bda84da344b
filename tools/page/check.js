// A counterexample of `ringside ring-check`: the shared words, the store buffers and the slots of that ring.
"use strict";

const SLOTS_SHOWN_MAX = 32;

function checkPane(title, ...children) {
  return make("section", { class: "pane checked", "aria-label": title }, make("h3", { text: title }), ...children);
}

// The panes at one step. `before`: the picture of the step before.
function checkPanes(run, picture, before) {
  const { words, slots, slot_bytes, start, ends, buffers } = run.header.check;
  const panes = [];
  const rows = words.map(([number, name, isIndex]) => {
    const value = picture.words[number];
    const changed = before && before.words[number] !== value;
    return make("tr", { "data-word": name }, make("th", { scope: "row", text: name }), make("td", { class: "word-value" + (changed ? " changed" : ""), text: value ?? "?" }), make("td", { class: "quiet", text: isIndex && slots && value !== undefined ? `slot ${BigInt(value) % BigInt(slots)}` : "" }));
  });
  if (rows.length) panes.push(checkPane("Shared words, as memory has them" + (start ? `; indices start at ${start}` : ""), make("table", { class: "words" }, make("tbody", {}, ...rows))));
  if (buffers) {
    panes.push(checkPane("Store buffers: stores that only their own end sees", ...ends.map((end, number) => {
      const stores = picture.buffers[number] || [];
      const list = stores.map(([place, value]) => make("span", { class: "stored" }, make("b", { text: place }), " := " + value));
      return make("p", { class: "buffer", "data-end": end }, make("span", { class: "buffer-end", text: end }), ...(list.length ? list : [make("span", { class: "quiet", text: "empty" })]));
    })));
  }
  if (slots && slot_bytes) {
    const numbers = Array.from({ length: slots }, (_, number) => number);
    const shown = slots <= SLOTS_SHOWN_MAX ? numbers : numbers.filter((number) => number in picture.slots);
    const list = shown.map((number) => {
      const bytes = picture.slots[number];
      const changed = before && before.slots[number] !== bytes;
      const text = bytes === undefined ? "not written yet" : bytes === null ? `${slot_bytes} bytes` : bytes.replace(/(..)/g, "$1 ");
      return make("div", { class: "checked-slot" + (bytes === undefined ? " free" : "") + (changed ? " changed" : ""), "data-slot": number }, make("b", { text: number + " " }), text);
    });
    panes.push(checkPane(`${slots} slots of ${slot_bytes} bytes`, make("div", { class: "checked-slots" }, ...list)));
  }
  return panes;
}

function checkChips(run) {
  const { what, slots, start } = run.header.check;
  const chips = [[what, "plain"]];
  if (slots) chips.push([`${slots} slots`, "plain"]);
  if (start) chips.push([`indices start at ${start}`, "plain"]);
  return chips;
}
