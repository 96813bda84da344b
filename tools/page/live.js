// A running machine: shows its steps as they arrive, and has a keyboard for the guest.
"use strict";

const SHOW_EVERY_MS = 100; // more frequent updates would be invisible
const TYPED_BYTES_MAX = 4096; // in one request
const SERVER_GONE = "the machine or the server of the page has ended";
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
    this.why = ""; // what the server said last about the console
    this.makeKeyboard(title);
    const source = new EventSource("steps");
    source.onmessage = (event) => this.take(JSON.parse(event.data));
    source.onopen = () => this.say("live");
    source.onerror = () => this.say(SERVER_GONE);
    source.addEventListener("console", (event) => {
      this.why = JSON.parse(event.data);
      this.sayConsole(this.why);
    });
    source.addEventListener("full", () => {
      source.close();
      this.say("this page has 64 MiB of steps and takes no more: reload it to continue");
    });
  }

  say(text) {
    this.state.textContent = text;
    this.state.classList.toggle("gone", text !== "live");
  }

  // The reason why the guest does not receive what is typed; empty: the guest receives it.
  sayConsole(why) {
    this.console.textContent = why;
    this.console.hidden = !why;
    this.screen.classList.toggle("takes-nothing", Boolean(why));
  }

  makeKeyboard(title) {
    this.state = make("span", { class: "chip plain", role: "status", id: "live-state", text: "connecting" });
    this.console = make("p", { class: "console-state", role: "status", id: "console-state" });
    this.console.hidden = true;
    this.screen = make("pre", { class: "screen keyboard", id: "keyboard", tabindex: "0", role: "textbox", "aria-multiline": "true", "aria-label": `Type to ${title}. Tab goes to the guest; Shift+Tab leaves.`, "aria-describedby": "console-state" });
    const heading = title === "no keyboard" ? "The machine " : `The console of ${title}: click and type (Shift+Tab leaves) `;
    const pane = make("section", { class: "pane typing", "aria-label": "Keyboard" }, make("h3", {}, heading, this.state), this.console, this.screen);
    if (title === "no keyboard") this.screen.hidden = true;
    this.back = make("button", { type: "button", id: "back-to-live", text: "Back to live" });
    this.back.hidden = true;
    this.back.addEventListener("click", () => this.player.go(this.player.rows.length - 1));
    pane.firstChild.append(" ", this.back);
    this.player.moved = () => this.showBack();
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

  // Sends in order. A request has at most as many bytes as the server takes, and waits for the previous request.
  send(text) {
    const bytes = new TextEncoder().encode(text);
    this.sending = this.sending.then(async () => {
      for (let at = 0; at < bytes.length; at += TYPED_BYTES_MAX) {
        const answer = await fetch("type", { method: "POST", body: bytes.slice(at, at + TYPED_BYTES_MAX) }).catch(() => null);
        if (!answer || !answer.ok) return this.say(SERVER_GONE);
        // An answer with text says why the console did not take the bytes.
        const why = await answer.text();
        this.sayConsole(why ? `${why} (not sent: ${bytes.length - at} byte${bytes.length - at === 1 ? "" : "s"})` : this.why);
        if (why) return;
      }
    });
  }

  // While the user looks at an earlier step, the button counts the steps that have arrived since.
  showBack() {
    const behind = this.player.rows.length - 1 - this.player.position;
    this.back.hidden = behind <= 0;
    this.back.textContent = `Back to live (${behind} step${behind === 1 ? "" : "s"} behind)`;
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
