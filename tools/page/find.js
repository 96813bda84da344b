// Find: the steps whose words contain what was typed, in both runs. Enter goes to the next one, Escape returns to the
// step at which the search began.
"use strict";

// What can be read of a step: its sentences, its label, its lanes, its bytes.
function readable(step, run) {
  if (step.words === undefined) {
    const lanes = [step.f, step.o].map((lane) => laneName(run, lane));
    step.words = [step.s, step.p, lookOf(step)[1], ...lanes, step.k, visible(step.b || "")].join("\n").toLowerCase();
  }
  return step.words;
}

function matches(step, query, run) {
  return readable(step, run).includes(query);
}

class Finder {
  constructor(player) {
    this.player = player;
    this.origin = null; // the position at which the search began
    this.hits = [];
    const field = $("filter");
    field.addEventListener("input", () => this.search(field.value));
    field.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.key === "Enter") this.move(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") this.leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  search(text) {
    const player = this.player;
    const query = text.trim().toLowerCase();
    if (query && this.origin === null) this.origin = player.position;
    for (const view of player.views) {
      view.lanes.query = query;
      view.lanes.fold();
    }
    const began = (row, number, at) => at === 0 || row[number] !== player.rows[at - 1][number];
    this.hits = !query ? [] : player.rows.map((row, at) => [row, at]).filter(([row, at]) => player.runs.some((run, number) =>
      began(row, number, at) && matches(run.steps[row[number]], query, run))).map(([, at]) => at);
    if (!query) {
      $("found").textContent = "";
      return player.go(player.position, { quiet: true });
    }
    if (!this.hits.length) {
      $("found").textContent = "no step";
      return player.go(player.position, { quiet: true });
    }
    this.at = Math.max(this.hits.findIndex((hit) => hit >= this.origin), 0);
    this.show();
  }

  move(by) {
    if (!this.hits.length) return;
    this.at = (this.at + by + this.hits.length) % this.hits.length;
    this.show();
  }

  show() {
    $("found").textContent = `${this.at + 1} of ${this.hits.length} step${this.hits.length === 1 ? "" : "s"}`;
    this.player.go(this.hits[this.at]);
  }

  leave() {
    const origin = this.origin;
    this.origin = null;
    $("filter").value = "";
    $("filter").blur();
    this.search("");
    if (origin !== null) this.player.go(origin);
  }
}
