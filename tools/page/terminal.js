// A terminal of 80 columns and 24 rows, with enough of a VT100, a Linux console and an xterm for shells, editors
// and pagers. Its bytes are UTF-8; one message may contain only a part of a character. Control characters are shown
// as pictures.
//
// A cell holds a character and its combining characters. An empty cell follows a wide character.
"use strict";

const SCREEN_COLUMNS = 80;
const SCREEN_ROWS = 24;
const SCREEN_BYTES_READ = 16384; // only this many bytes at the end are read
const SILENT_CODES = new Set([0, 7, 14, 15]); // NUL, the bell, and switching the character set

const blankRows = (many) => Array.from({ length: many }, () => Array(SCREEN_COLUMNS).fill(" "));
const RIGHT_HALF = "";
const MARKS_MAX = 2;
const MARK = /^[\p{Mn}\p{Me}]$/u;
const UNSEEN = /^[\p{Cf}\u0080-\u009f\ufe00-\ufe0f]$/u; // joiners, directional marks and other controls
// Wide East Asian characters, and emoji.
const WIDE = /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}])/u;
const within = (value, limit) => Math.min(Math.max(value, 0), limit - 1);

class Terminal {
  constructor() {
    this.reset();
  }

  reset() {
    this.cells = blankRows(SCREEN_ROWS);
    this.row = 0;
    this.column = 0; // SCREEN_COLUMNS: the next character starts a new line
    this.first = 0; // the scrolling region: first row, and the row after its last
    this.end = SCREEN_ROWS;
    this.saved = [0, 0];
    this.firstScreen = null; // the first screen and its cursor, while the second one is shown
  }

  put(character) {
    const isPlain = character <= "~"; // most characters are plain, and cost the least
    if (!isPlain && UNSEEN.test(character)) return;
    if (!isPlain && MARK.test(character)) return this.combine(character);
    const columns = !isPlain && WIDE.test(character) ? 2 : 1;
    if (this.column + columns > SCREEN_COLUMNS) {
      this.column = 0;
      this.lineFeed();
    }
    this.cells[this.row][this.column++] = character;
    if (columns === 2) this.cells[this.row][this.column++] = RIGHT_HALF;
  }

  // Combines the mark with the character before the cursor.
  combine(mark) {
    const line = this.cells[this.row];
    const at = line[this.column - 1] === RIGHT_HALF ? this.column - 2 : this.column - 1;
    if (at >= 0 && [...line[at]].length <= MARKS_MAX) line[at] += mark;
  }

  lineFeed() {
    if (this.row + 1 === this.end) this.scrollUp(this.first, 1);
    else this.row = within(this.row + 1, SCREEN_ROWS);
  }

  reverseLineFeed() {
    if (this.row === this.first) this.scrollDown(this.first, 1);
    else this.row = within(this.row - 1, SCREEN_ROWS);
  }

  // Scrolls from `row` to the end of the scrolling region.
  scrollUp(row, wanted) {
    const many = Math.min(wanted, this.end - row);
    this.cells.splice(row, many);
    this.cells.splice(this.end - many, 0, ...blankRows(many));
  }

  scrollDown(row, wanted) {
    const many = Math.min(wanted, this.end - row);
    this.cells.splice(this.end - many, many);
    this.cells.splice(row, 0, ...blankRows(many));
  }

  clearRows(first, end) {
    for (let row = first; row < end; row++) this.cells[row].fill(" ");
  }

  escape(letter) {
    if (letter === "D" || letter === "E") this.lineFeed();
    if (letter === "E") this.column = 0;
    if (letter === "M") this.reverseLineFeed();
    if (letter === "7") this.saved = [this.row, this.column];
    if (letter === "8") [this.row, this.column] = this.saved;
    if (letter === "c") this.reset();
  }

  sequence(letter, numbers) {
    const many = numbers[0] || 1;
    const column = within(this.column, SCREEN_COLUMNS);
    const line = this.cells[this.row];
    const scrolls = this.row >= this.first && this.row < this.end;
    const steps = Math.min(many, SCREEN_COLUMNS - column);
    if (letter === "A") this.row = within(this.row - many, SCREEN_ROWS);
    else if (letter === "B") this.row = within(this.row + many, SCREEN_ROWS);
    else if (letter === "C") this.column = within(column + many, SCREEN_COLUMNS);
    else if (letter === "D") this.column = within(column - many, SCREEN_COLUMNS);
    else if (letter === "G") this.column = within(many - 1, SCREEN_COLUMNS);
    else if (letter === "d") this.row = within(many - 1, SCREEN_ROWS);
    else if (letter === "H" || letter === "f") this.row = within(many - 1, SCREEN_ROWS), this.column = within((numbers[1] || 1) - 1, SCREEN_COLUMNS);
    else if (letter === "r") this.setRegion(many - 1, Math.min(numbers[1] || SCREEN_ROWS, SCREEN_ROWS));
    else if (letter === "K" || letter === "J") {
      line.fill(" ", numbers[0] ? 0 : this.column, numbers[0] === 1 ? column + 1 : SCREEN_COLUMNS);
      if (letter === "J" && numbers[0] !== 1) this.clearRows(this.row + 1, SCREEN_ROWS);
      if (letter === "J" && numbers[0]) this.clearRows(0, this.row);
    } else if (letter === "X") line.fill(" ", column, column + steps);
    else if (letter === "P") line.splice(column, steps), line.push(...Array(steps).fill(" "));
    else if (letter === "@") line.splice(column, 0, ...Array(steps).fill(" ")), line.splice(SCREEN_COLUMNS);
    else if (letter === "L" && scrolls) this.scrollDown(this.row, many);
    else if (letter === "M" && scrolls) this.scrollUp(this.row, many);
    else if (letter === "S") this.scrollUp(this.first, many);
    else if (letter === "T") this.scrollDown(this.first, many);
  }

  setRegion(first, end) {
    if (first + 1 >= end) return;
    this.first = first;
    this.end = end;
    this.row = this.column = 0;
  }

  // Full-screen programs use a second screen, and restore the first.
  privateSequence(letter, number) {
    if (![47, 1047, 1049].includes(number)) return;
    if (letter === "h" && !this.firstScreen) {
      this.firstScreen = { cells: this.cells, row: this.row, column: this.column };
      this.cells = blankRows(SCREEN_ROWS);
    } else if (letter === "l" && this.firstScreen) {
      Object.assign(this, this.firstScreen);
      this.firstScreen = null;
    }
  }

  // The number of characters after an escape that belong to it.
  afterEscape(text) {
    const sequence = /^\[([<-?]?)([0-9;]*)([@-~])/.exec(text);
    const string = /^[\]PX^_][^\x07\x1b]*(\x07|\x1b\\)?/.exec(text);
    if (sequence) {
      const numbers = sequence[2].split(";").map((digits) => Math.min(Number(digits), 9999));
      if (sequence[1]) this.privateSequence(sequence[3], numbers[0]);
      else this.sequence(sequence[3], numbers);
      return sequence[0].length;
    }
    if (string) return string[0].length;
    if (/^[()#]./.test(text)) return 2;
    if (/^[0-~]/.test(text) && text[0] !== "[") this.escape(text[0]);
    return /^[ -~]/.test(text) ? 1 : 0;
  }

  write(text) {
    for (let at = 0; at < text.length; at++) {
      const character = text[at];
      const code = text.charCodeAt(at);
      if (character === "\n") this.lineFeed(), this.column = 0;
      else if (character === "\r") this.column = 0;
      else if (character === "\b") this.column = Math.max(this.column - 1, 0);
      else if (character === "\t") this.column = within((this.column | 7) + 1, SCREEN_COLUMNS);
      else if (character === "\x1b") at += this.afterEscape(text.slice(at + 1));
      else if (code >= 0x20 && code !== 0x7f) {
        const whole = String.fromCodePoint(text.codePointAt(at));
        at += whole.length - 1;
        this.put(whole);
      }
      else if (!SILENT_CODES.has(code)) this.put("^"), this.put(String.fromCharCode(code ^ 0x40));
    }
  }

  // The rows up to the last non-empty one or the cursor: `lines` as text, `cells` by columns. Half of a wide character
  // whose other half was overwritten becomes a blank.
  shown() {
    const whole = (line) => line.map((cell, at) => {
      const isWide = WIDE.test(cell);
      if (cell === RIGHT_HALF ? !WIDE.test(line[at - 1] || "") : isWide && line[at + 1] !== RIGHT_HALF) return " ";
      return cell;
    });
    const cells = this.cells.map(whole);
    const lines = cells.map((line) => line.join("").trimEnd());
    while (lines.length > this.row + 1 && lines.at(-1) === "") lines.pop();
    return { lines, cells: cells.slice(0, lines.length), row: this.row, column: this.column };
  }
}

// Decodes bytes, which are characters of `bytes`. An incomplete character at the end is not shown yet.
function textOf(bytes) {
  return new TextDecoder().decode(bytesOf(bytes), { stream: true });
}

function screenOf(bytes) {
  const terminal = new Terminal();
  const isCut = bytes.length > SCREEN_BYTES_READ;
  terminal.write(textOf(isCut ? bytes.slice(-SCREEN_BYTES_READ).replace(/^[\x80-\xbf]{1,3}/, "") : bytes));
  return terminal.shown();
}

// Shows the screen in an element. A wide character gets a box of two columns, since fonts differ.
function showScreen(element, text) {
  const { lines, cells, row, column } = screenOf(text);
  const nodes = [];
  let plain = "";
  const add = (node) => {
    nodes.push(plain, node);
    plain = "";
  };
  cells.forEach((line, at) => {
    if (at > 0) plain += "\n";
    const isHere = at === row;
    // If the cursor is on the right half of a wide character, the whole character is marked.
    const here = isHere && line[column] === RIGHT_HALF ? column - 1 : column;
    const columns = Math.max(lines[at] === "" ? 0 : line.findLastIndex((cell) => cell !== " ") + 1, isHere ? here + 1 : 0);
    for (let place = 0; place < columns; place++) {
      const cell = line[place] ?? " ";
      const isWide = line[place + 1] === RIGHT_HALF;
      if (isHere && place === here) add(make("span", { class: isWide ? "cursor wide" : "cursor", text: cell }));
      else if (isWide) add(make("span", { class: "wide", text: cell }));
      else plain += cell;
    }
  });
  element.replaceChildren(...nodes, plain);
}

// Scrolls an element to the cursor, if the element is too low for its screen.
function scrollToCursor(element) {
  const cursor = element.querySelector(".cursor");
  element.scrollTop = cursor.offsetTop + 2 * cursor.offsetHeight - element.clientHeight;
}
