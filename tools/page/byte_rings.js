// The byte rings of a domain of today: a bar of the whole ring, in which the waiting bytes have a colour, both indices below
// it, and those bytes as text. xenconsoled reports nothing: its two indices are as the guest found them last.
"use strict";

const WAITING_SHOWN_MAX = 240; // of the bytes that wait: the oldest
const FOUND = { out: "cons", in: "prod" }; // the index that xenconsoled moves

// The parts of the bar that are filled, as [begin, end] of the ring: two if the waiting bytes wrap.
function filledParts(cons, waiting, size) {
  const begin = cons % size;
  if (begin + waiting <= size) return waiting ? [[begin, begin + waiting]] : [];
  return [[begin, size], [0, begin + waiting - size]];
}

function byteRingElement(ring, was) {
  const size = BYTE_RINGS[ring.ring];
  const known = ring.prod !== null && ring.cons !== null;
  const waiting = known ? (ring.prod - ring.cons) >>> 0 : 0;
  const impossible = waiting > size;
  const state = impossible ? "impossible" : waiting === size ? "full" : "";
  const words = !known ? "not known" : impossible ? "impossible: one end is faulty" : `${waiting} of ${size} bytes wait${state ? ": full" : ""}`;
  const title = make("h4", {}, make("b", { text: `dom${ring.domain}.${ring.ring}` }), make("span", { class: "way-of", text: ring.ring === "out" ? "the guest prints, xenconsoled takes" : "xenconsoled types, the guest takes" }),
    make("span", { class: "outstanding " + state, text: words }));
  const bar = make("div", { class: "byte-bar", role: "img", "aria-label": `dom${ring.domain}.${ring.ring}: ${words}` });
  for (const [begin, end] of impossible || !known ? [] : filledParts(ring.cons, waiting, size)) {
    const part = make("span", { class: "filled" });
    part.style.left = (100 * begin) / size + "%";
    part.style.width = (100 * (end - begin)) / size + "%";
    bar.append(part);
  }
  const pointers = make("div", { class: "pointers byte-pointers" }, ...["prod", "cons"].map((index) => bytePointer(ring, index, size, was)));
  const wraps = known && !impossible && ring.cons % size + waiting > size;
  const parts = [title, bar, pointers];
  if (ring.bytes) {
    const cut = ring.bytes.length > WAITING_SHOWN_MAX;
    parts.push(make("p", { class: "waiting-bytes" }, make("span", { class: "quiet", text: wraps ? "wait, and wrap at the end: " : "wait: " }),
      make("span", { class: "bytes", text: visible(ring.bytes.slice(0, WAITING_SHOWN_MAX)) + (cut ? "\u2026" : "") })));
  }
  return make("div", { class: `ring byte-ring ${state}`, "data-ring": `dom${ring.domain}.${ring.ring}` }, ...parts);
}

function bytePointer(ring, index, size, was) {
  const value = ring[index];
  const name = `${ring.ring}_${index}`;
  const changed = was && was[index] !== value;
  const found = FOUND[ring.ring] === index;
  const at = value === null ? 0 : value % size;
  const pointer = make("span", { class: `pointer ${index}${changed ? " changed" : ""}`, title: value === null ? `${name} is not known` : `${name} ${value}, at byte ${at} of ${size}` },
    make("i", { text: "\u25b2" }), make("b", { text: name }), value === null ? " ?" : ` ${value}`, value === null ? "" : make("small", { text: `&${size - 1}=${at}` }), found ? make("small", { text: "as found" }) : "");
  pointer.style.setProperty("--byte-at", at / size);
  pointer.classList.toggle("leftward", at > size / 2);
  return pointer;
}
