// Reading aids: the size of the text, the presenter's mode, the sheet for paper, and popups that close.
"use strict";

const SIZES = [0.8, 0.9, 1, 1.15, 1.3, 1.5, 1.75, 2];
const SHEET_ROWS_MAX = 3000; // about forty pages

class Reading {
  constructor(player) {
    this.player = player;
    this.size = SIZES.indexOf(1);
    this.base = parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.pane = 0;
    $("smaller").addEventListener("click", () => this.resize(-1));
    $("larger").addEventListener("click", () => this.resize(1));
    $("present").addEventListener("click", () => this.present());
    document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement && this.presenting) this.present(); });
    this.listenToPopups();
    this.listenToPrinter();
  }

  resize(by) {
    this.size = Math.max(0, Math.min(this.size + by, SIZES.length - 1));
    document.documentElement.style.fontSize = this.base * SIZES[this.size] + "px";
    for (const view of this.player.views) view.lanes.fold();
    this.player.go(this.player.position, { quiet: true });
  }

  get presenting() { return document.body.classList.contains("presenting"); }

  // Full screen, larger text, one pane at a time, and the scenario's comments as notes.
  present() {
    const on = document.body.classList.toggle("presenting");
    $("present").setAttribute("aria-pressed", String(on));
    this.resize(on ? 2 : -2);
    if (on) {
      document.documentElement.requestFullscreen().catch(() => {}); // without it, the mode is the same in a window
      this.showPane(0);
    } else {
      if (document.fullscreenElement) document.exitFullscreen();
      this.pane = 0;
      document.querySelectorAll(".chosen-pane").forEach((each) => each.classList.remove("chosen-pane"));
    }
    for (const view of this.player.views) view.lanes.fold();
    this.player.go(this.player.position, { quiet: true });
  }

  // The panes of a view that have something to show.
  panesOf(view) {
    return [view.lanes.element, ...view.panes.children].filter((each) => !each.hidden);
  }

  showPane(number) {
    for (const view of this.player.views) {
      const panes = this.panesOf(view);
      this.pane = (number + panes.length) % panes.length;
      [view.lanes.element, ...view.panes.children].forEach((each) => each.classList.toggle("chosen-pane", each === panes[this.pane]));
      view.element.classList.toggle("shows-lanes", this.pane === 0);
      view.lanes.resized();
    }
  }

  nextPane() {
    if (this.presenting) this.showPane(this.pane + 1);
  }

  // A click outside, or Escape, closes an open popup.
  listenToPopups() {
    const lanes = document.querySelector(".lane-choice");
    document.addEventListener("pointerdown", (event) => {
      if (!lanes.contains(event.target)) lanes.open = false;
      if (event.target.matches("dialog[open]") && isOutside(event, event.target)) event.target.close();
    });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") lanes.open = false; });
    // A click leaves no focus on a button, so that the space key still plays.
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button, summary, input[type=checkbox]");
      if (button && event.detail > 0 && !button.closest("dialog")) button.blur();
    });
  }

  // Printing uses the light theme, and appends the whole run.
  listenToPrinter() {
    const root = document.documentElement;
    let theme;
    window.addEventListener("beforeprint", () => {
      theme = root.dataset.theme;
      root.dataset.theme = "light";
      for (const view of this.player.views) view.element.append(this.sheetOf(view));
    });
    window.addEventListener("afterprint", () => {
      theme === undefined ? delete root.dataset.theme : (root.dataset.theme = theme);
      document.querySelectorAll(".sheet").forEach((each) => each.remove());
    });
  }

  sheetOf(view) {
    const { run, lanes } = view;
    const rows = lanes.rows.slice(0, SHEET_ROWS_MAX).map((row) => {
      const step = run.steps[row.to];
      const words = row.start ? `${row.start}: ${row.to - row.from + 1} steps` : row.to > row.from ? lanes.lookOfMany(row)[1] : lookOf(step)[1];
      const way = row.start ? "" : step.f === step.o ? laneName(run, step.f) : `${laneName(run, step.f)} \u2192 ${laneName(run, step.o)}`;
      return make("li", { class: step.l || step.m === "!" ? "bad" : "" }, make("b", { text: step.n }), ` ${way}${way && ": "}`, make("span", { text: words }));
    });
    const rest = lanes.rows.length - rows.length;
    return make("section", { class: "sheet" }, make("h3", { text: "The whole run" }), make("ol", {}, ...rows), make("p", { text: rest > 0 ? `and ${rest} more rows` : "" }),
      ...run.ending.map((text) => make("p", { class: "ending", text })));
  }
}

function isOutside(event, dialog) {
  const box = dialog.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}
