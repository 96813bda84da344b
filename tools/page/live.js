// A running machine: shows its steps as they arrive, and has a keyboard for the guest.
"use strict";

const SHOW_EVERY_MS = 100; // more frequent updates would be invisible
const CONTROL_KEYS = {
  Enter: "\r", Backspace: "\x7f", Tab: "\t", Escape: "\x1b", ArrowUp: "\x1b[A", ArrowDown: "\x1b[B", ArrowRight: "\x1b[C", ArrowLeft: "\x1b[D",
  Home: "\x1b[H", End: "\x1b[F", Delete: "\x1b[3~",
};

class Live {
  constructor(player, title) {
    this.player = player;
    this.waiting = [];
    this.due = null;
    this.sending = Promise.resolve();
    this.makeKeyboard(title);
    const source = new EventSource("steps");
    source.onmessage = (event) => this.take(JSON.parse(event.data));
    source.onopen = () => this.say("live");
    source.onerror = () => this.say("the machine is gone, or the page's server");
    source.addEventListener("full", () => {
      source.close();
      this.say("this page is full: reload it to go on");
    });
  }

  say(text) {
    this.state.textContent = text;
    this.state.classList.toggle("gone", text !== "live");
  }

  makeKeyboard(title) {
    this.state = make("span", { class: "chip plain", role: "status", id: "live-state", text: "connecting" });
    this.screen = make("pre", { class: "screen keyboard", id: "keyboard", tabindex: "0", role: "textbox", "aria-multiline": "true", "aria-label": "Type to " + title });
    const pane = make("section", { class: "pane typing", "aria-label": "Keyboard" }, make("h3", {}, `The console of ${title}: click and type `, this.state), this.screen);
    if (title === "no keyboard") this.screen.hidden = true;
    this.back = make("button", { type: "button", id: "back-to-live", text: "Back to live" });
    this.back.hidden = true;
    this.back.addEventListener("click", () => this.player.go(this.player.rows.length - 1));
    pane.firstChild.append(" ", this.back);
    this.player.moved = () => { this.back.hidden = this.player.position >= this.player.rows.length - 1; };
    this.player.views[0].panes.prepend(pane);
    this.screen.addEventListener("keydown", (event) => this.key(event));
    this.screen.addEventListener("paste", (event) => {
      event.preventDefault();
      this.send(event.clipboardData.getData("text").replace(/\r?\n/g, "\r"));
    });
    this.showScreen();
  }

  key(event) {
    if (event.metaKey || event.altKey) return;
    let text = CONTROL_KEYS[event.key];
    if (event.ctrlKey && /^[a-z]$/i.test(event.key)) text = String.fromCharCode(event.key.toUpperCase().charCodeAt(0) & 0x1f);
    else if (!event.ctrlKey && event.key.length === 1) text = event.key;
    if (text === undefined || (event.key === "Tab" && event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
    this.send(text);
  }

  // Sends in order: each request waits for the previous one.
  send(text) {
    this.sending = this.sending.then(async () => {
      const answer = await fetch("type", { method: "POST", body: text }).catch(() => null);
      if (!answer || !answer.ok) this.say("the console accepts no input");
    });
  }

  take(steps) {
    this.waiting.push(...steps);
    if (this.due === null) this.due = setTimeout(() => this.show(), SHOW_EVERY_MS);
  }

  show() {
    this.due = null;
    const player = this.player;
    const followed = player.position >= player.rows.length - 1;
    player.extend(this.waiting.splice(0));
    if (followed && player.timer === null) player.go(player.rows.length - 1, { quiet: true });
    player.moved();
    this.showScreen();
  }

  showScreen() {
    const run = this.player.runs[0];
    const name = [...run.screens.keys()].find((each) => each.startsWith("user"));
    showScreen(this.screen, name ? run.screens.get(name).text : "");
  }
}
