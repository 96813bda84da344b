// The glossary, and the functions that turn text of a run into elements. Text of a run is never treated as HTML.
"use strict";

const GLOSSARY = {
  "dom0": "The first, privileged domain. It has the real hardware, and runs the tools that serve the other domains.",
  "domU": "An unprivileged domain: a guest. It has no hardware of its own; its console is what this page is about.",
  "xcs": "The control switch, a process in dom0. It moves control messages between the guests' rings and its clients, in frames of 80 bytes.",
  "xend": "The daemon in dom0 that manages domains. Its console server keeps what guests print, and takes what users type.",
  "xenctld": "One daemon in place of xcs and xend. It gives each domain's console a pty.",
  "xen": "The hypervisor. It allocates pages and event channels; console data of a guest do not pass through it.",
  "uart": "The serial port of the machine. Bytes on this line reach Xen first, which passes them on to dom0.",
  "page": "The shared_info page: 4096 bytes of a guest that dom0 maps, too. It contains both rings and the event bits.",
  "ring": "Eight slots that are used in turn. Requests and responses share them: a response overwrites the request that it answers.",
  "rings": "Eight slots each, used in turn: tx for requests of the guest, rx for requests of dom0.",
  "tx": "The ring of the guest's requests: its output goes up in this ring.",
  "rx": "The ring of dom0's requests to the guest: typed input goes down in this ring.",
  "slot": "64 bytes of a ring: 4 of header, up to 60 of payload. There are 8 of them: 8 times 60 is 480.",
  "slots": "64 bytes each: 4 of header, up to 60 of payload. There are 8 in a ring: 8 times 60 is 480.",
  "request": "A message that needs an answer. Its slot is taken until the answer has been fetched.",
  "requests": "Messages that need an answer. Each keeps its slot until the answer has been fetched.",
  "response": "The answer to a request, written over it in the same slot.",
  "responses": "Answers to requests, each written over its request in the same slot.",
  "req_prod": "The number of requests written so far. It is in the page; the end that requests moves it after it has filled the slot.",
  "req_cons": "The number of requests taken so far. It is private to the end that responds.",
  "rsp_prod": "The number of responses written so far. It is in the page; the end that responds moves it.",
  "rsp_cons": "The number of responses taken so far. It is private to the end that requests: a slot is free once its response is taken.",
  "in_prod": "The number of bytes that xenconsoled has typed into the ring in so far. The guest knows the value that it found last.",
  "in_cons": "The number of bytes that the guest has taken from the ring in so far. Moving it frees their places.",
  "out_prod": "The number of bytes that the guest has printed into the ring out so far. It moves it after the bytes are there.",
  "out_cons": "The number of bytes that xenconsoled has taken from the ring out so far. The guest knows the value that it found last.",
  "xenconsoled": "The console daemon of today's Xen, in dom0. It serves two rings of bytes for each domain, and a pty. Debian's own program reports nothing to this page; ringside's does.",
  "event": "A bit that tells the receiver to look for work. It does not say what or how much.",
  "port": "A number by which a domain knows one end of an event channel.",
  "pending": "The bit of a port for an event that was not handled yet.",
  "masked": "An event at a masked port causes no wake-up. The receiver has to check the ring when it unmasks.",
  "selector": "A word with a bit for each word of pending bits. The upcall checks only those.",
  "raised": "How often an event was raised at this port.",
  "woken": "How often a raised event was also a kick, which wakes the receiver. Coalesced and masked events cause no kick.",
  "eventfd": "Kicks that the receiver has not read yet: a kick is a write to an eventfd, which is a counter of Linux.",
  "virq": "A virtual interrupt: an event that Xen itself raises.",
  "frame": "One message on xcs's sockets: always 80 bytes.",
  "quirk": "An error of the programs of 2005. Each can be switched on.",
  "pty": "A pseudo-terminal: a device to which any terminal program can attach.",
};

const TERM = new RegExp("\\b(" + Object.keys(GLOSSARY).sort((a, b) => b.length - a.length).join("|") + ")\\b", "g");

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// The text with its glossary terms marked, for tooltips.
function withTerms(text) {
  const fragment = document.createDocumentFragment();
  const seen = new Set();
  let from = 0;
  for (const match of text.matchAll(TERM)) {
    if (seen.has(match[0])) continue;
    // Skips quotations, which are bytes of the run.
    if ((text.slice(0, match.index).match(/"/g) || []).length % 2 === 1) continue;
    seen.add(match[0]);
    fragment.append(text.slice(from, match.index));
    fragment.append(make("dfn", { tabindex: "0", "data-term": match[0], text: match[0] }));
    from = match.index + match[0].length;
  }
  fragment.append(text.slice(from));
  return fragment;
}

// Makes control characters visible: a newline becomes an arrow, NUL becomes "^@".
function visible(bytes) {
  let text = "";
  for (const character of bytes) {
    const code = character.charCodeAt(0);
    if (character === "\n") text += "\u21b5";
    else if (code >= 0x20 && code < 0x7f) text += character;
    else text += code < 0x20 ? "^" + String.fromCharCode(0x40 + code) : "\u25a1"; // every font has these
  }
  return text;
}

function hex(bytes) {
  return Array.from(bytes, (character) => character.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
}

function milliseconds(ns) {
  return (ns / 1e6).toFixed(3);
}

// Tooltips for terms, by mouse, by focus and by touch.
function listenForTerms() {
  const tip = document.getElementById("tip");
  const hide = () => {
    tip.hidden = true;
    document.querySelectorAll("dfn[aria-describedby]").forEach((each) => each.removeAttribute("aria-describedby"));
  };
  const show = (element) => {
    hide();
    element.setAttribute("aria-describedby", "tip");
    tip.textContent = GLOSSARY[element.dataset.term];
    tip.hidden = false;
    const box = element.getBoundingClientRect();
    const width = Math.min(320, window.innerWidth - 16);
    tip.style.maxWidth = width + "px";
    tip.style.left = Math.max(8, Math.min(box.left, window.innerWidth - width - 8)) + "px";
    const below = box.bottom + 8;
    tip.style.top = (below + tip.offsetHeight > window.innerHeight ? box.top - tip.offsetHeight - 8 : below) + "px";
  };
  const term = (event) => event.target.closest && event.target.closest("dfn");
  document.addEventListener("mouseover", (event) => (term(event) ? show(term(event)) : hide()));
  document.addEventListener("focusin", (event) => (term(event) ? show(term(event)) : hide()));
  document.addEventListener("click", (event) => { if (term(event)) show(term(event)); });
  document.addEventListener("scroll", hide, true);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}
