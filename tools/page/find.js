// Find: the steps whose words contain what was typed, in both runs. Enter goes to the next one, Escape returns to the
// step at which the search began.
"use strict";

// Whether a step contains the words: in its sentences, its label, its lanes or its bytes. `words` is an expression. No
// lower-case copy of the texts is stored: for 100,000 steps it would take more memory than all other data.
function matches(step, words, run) {
  return words.test(step.s) || words.test(step.p) || words.test(lookOf(step)[1]) || words.test(laneName(run, step.f)) || words.test(laneName(run, step.o)) || words.test(step.k) || (step.b !== undefined && words.test(visible(step.b)));
}

function expressionOf(text) {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|\/-]/g, "\\$&"), "i");
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
    const query = text.trim();
    if (query && this.origin === null) this.origin = player.position;
    this.words = query ? expressionOf(query) : null;
    const all = player.runs.map((run) => (query ? new Set(run.steps.filter((step) => matches(step, this.words, run))) : null));
    player.views.forEach((view, number) => {
      view.lanes.found = all[number];
      view.lanes.fold();
    });
    const began = (row, number, at) => at === 0 || row[number] !== player.rows[at - 1][number];
    this.hits = [];
    if (query) player.rows.forEach((row, at) => { if (all.some((found, number) => began(row, number, at) && found.has(player.runs[number].steps[row[number]]))) this.hits.push(at); });
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
