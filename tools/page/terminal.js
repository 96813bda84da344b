// What a terminal shows of the bytes that it was sent: enough of a VT100 for shells and their line editing. Bytes
// that are no text are shown as the control pictures of old terminals do.
"use strict";

const SCREEN_COLUMNS = 80;
const SCREEN_ROWS = 24;
const SCREEN_BYTES_READ = 16384; // of the end of what was sent

class Terminal {
  constructor() {
    this.lines = [[]];
    this.row = 0;
    this.column = 0;
  }

  line() {
    while (this.lines.length <= this.row) this.lines.push([]);
    return this.lines[this.row];
  }

  put(character) {
    if (this.column >= SCREEN_COLUMNS) {
      this.column = 0;
      this.row++;
    }
    const line = this.line();
    while (line.length < this.column) line.push(" ");
    line[this.column++] = character;
  }

  escape(letter, numbers) {
    const many = Math.min(numbers[0] || 1, 999);
    if (letter === "A") this.row = Math.max(this.row - many, 0);
    else if (letter === "B") this.row += many;
    else if (letter === "C") this.column = Math.min(this.column + many, SCREEN_COLUMNS - 1);
    else if (letter === "D") this.column = Math.max(this.column - many, 0);
    else if (letter === "K") this.line().splice(this.column);
    else if (letter === "J") {
      if (numbers[0] === 2) this.lines = [[]], this.row = 0, this.column = 0;
      else this.line().splice(this.column), this.lines.splice(this.row + 1);
    } else if (letter === "H") {
      const top = Math.max(this.lines.length - SCREEN_ROWS, 0);
      this.row = top + Math.min((numbers[0] || 1) - 1, SCREEN_ROWS - 1);
      this.column = Math.min((numbers[1] || 1) - 1, SCREEN_COLUMNS - 1);
    }
  }

  write(text) {
    for (let at = 0; at < text.length; at++) {
      const character = text[at];
      const code = text.charCodeAt(at);
      if (character === "\n") this.row++, this.column = 0;
      else if (character === "\r") this.column = 0;
      else if (character === "\b") this.column = Math.max(this.column - 1, 0);
      else if (character === "\t") this.column = Math.min((this.column | 7) + 1, SCREEN_COLUMNS - 1);
      else if (character === "\x1b") {
        const sequence = /^\x1b\[([0-9;?]*)([@-~])/.exec(text.slice(at, at + 24));
        if (sequence) {
          this.escape(sequence[2], sequence[1].split(";").map(Number));
          at += sequence[0].length - 1;
        }
      } else if (code >= 0x20 && code !== 0x7f) this.put(character);
      else if (code !== 7) this.put("^"), this.put(String.fromCharCode(code ^ 0x40));
    }
  }

  // The last screenful, with the cursor.
  shown() {
    this.line();
    const top = Math.max(this.row + 1 - SCREEN_ROWS, 0);
    return {
      lines: this.lines.slice(top, top + SCREEN_ROWS).map((line) => line.join("")),
      row: this.row - top,
      column: this.column,
    };
  }
}

function screenOf(text) {
  const terminal = new Terminal();
  terminal.write(text.slice(-SCREEN_BYTES_READ));
  return terminal.shown();
}
