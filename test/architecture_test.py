#!/usr/bin/env python3
"""The picture emu/architecture.svg shows the folders of the code and the includes between them, as they are now.

usage: architecture_test.py [--update]

--update draws the picture again. The rows and arrows are computed from the #include lines; test/tidy knows the folders and
reads the lines. A folder is one row above the highest folder that it includes. To keep the picture readable, folders that are
also reached by other arrows are named in the box, without an arrow.
"""

import html
import importlib.machinery
import importlib.util
import os
import pathlib
import sys
import textwrap

TEST = pathlib.Path(__file__).resolve().parent
PICTURE = TEST.parent / "emu" / "architecture.svg"

WIDTH = 1120
MARGIN = 20
ROW_HEIGHT = 118
BOX = (210, 70)
BEND = 20  # the width that a long arrow needs where it passes a row
HEAD = 7
SPREAD = 60
COLOURS = {"emu/dom0": "#e3eefb", "emu": "#f3f3f3", "ring": "#e5f4e3", "tools": "#fbf0dc"}


def load_tidy():
    """test/tidy, although it is a program without a suffix."""
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("tidy", str(TEST / "tidy"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", loader))
    loader.exec_module(module)
    return module


def read_graph():
    """(titles of the folders, pairs of folders of which the first includes the second)."""
    tidy = load_tidy()
    tree = tidy.Tree(TEST.parent)
    pairs = set()
    for path in tree.code():
        area = tidy.area_of(path)
        for _, quoted, _ in tidy.includes(tree, path):
            if quoted and area != "test" and tidy.area_of(quoted) != area:
                pairs.add((area, tidy.area_of(quoted)))
    titles = {area: tree.lines[os.path.join(area, "README.md")][0].split(": ", 1)[1]
              for area in tidy.MAY_INCLUDE if area != "test"}
    return titles, pairs


def row_numbers(titles, pairs):
    """The row of each folder, from below: one above the highest folder that it includes."""
    rows = {}

    def row_of(area):
        if area not in rows:
            rows[area] = 1 + max((row_of(to) for source, to in pairs if source == area), default=-1)
        return rows[area]

    for area in titles:
        row_of(area)
    return rows


def arrows_needed(titles, pairs):
    """The includes that no other path of includes implies."""
    below = {area: {to for source, to in pairs if source == area} for area in titles}

    def reached(area):
        return below[area].union(*(reached(to) for to in below[area]))

    return [(source, to) for source, to in sorted(pairs) if not any(to in reached(other) for other in below[source])]


class Layout:
    """The middle of each box, and the points of each arrow. An arrow over several rows has a place of its own in each row that it
    passes. Places are sorted by what they are connected with, so that few arrows cross."""

    def __init__(self, titles, rows, arrows):
        self.rows = [[area for area in titles if rows[area] == row] for row in range(max(rows.values()) + 1)]
        self.ways = {}
        self.links = []  # (upper, lower) in neighbouring rows
        for source, to in arrows:
            bends = [(source, to, row) for row in range(rows[source] - 1, rows[to], -1)]
            for bend in bends:
                self.rows[bend[2]].append(bend)
            self.ways[source, to] = [source, *bends, to]
            self.links += zip(self.ways[source, to], self.ways[source, to][1:])
        self.x = {}
        self._place_all()
        for _ in range(12):
            for row in [*self.rows, *reversed(self.rows)]:
                row.sort(key=self._wish)
                self._place_all()

    def y(self, place):
        row = next(number for number, places in enumerate(self.rows) if place in places)
        return MARGIN + 24 + (len(self.rows) - 1 - row) * ROW_HEIGHT + BOX[1] / 2

    def _wish(self, place):
        near = [self.x[low if place == high else high] for high, low in self.links if place in (high, low)]
        return sum(near) / len(near) if near else self.x[place]

    def _place_all(self):
        for places in self.rows:
            wide = [BOX[0] if isinstance(place, str) else BEND for place in places]
            gap = (WIDTH - 2 * MARGIN - sum(wide)) / (len(places) + 1)
            left = MARGIN + gap
            for place, width in zip(places, wide):
                self.x[place] = left + width / 2
                left += width + gap


def colour(area):
    return next(colour for prefix, colour in COLOURS.items() if area.startswith(prefix))


def short(area):
    return area.removeprefix("emu/")


def text(x, y, words, style=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {style}>{html.escape(words)}</text>'


def draw_box(layout, area, title, others):
    x, y = layout.x[area], layout.y(area) - BOX[1] / 2
    yield (f'<rect x="{x - BOX[0] / 2:.0f}" y="{y:.0f}" width="{BOX[0]}" height="{BOX[1]}" rx="5" fill="{colour(area)}" '
           'stroke="#555"/>')
    yield text(x, y + 16, short(area), 'class="name"')
    for number, line in enumerate(textwrap.wrap(title, 34)):
        yield text(x, y + 30 + 12 * number, line)
    for number, line in enumerate(reversed(textwrap.wrap(others, 42))):
        yield text(x, y + BOX[1] - 6 - 11 * number, line, 'class="also"')


def draw_arrow(layout, way):
    # The ends spread over the sides of the boxes. A row is passed vertically.
    (x1, y1), (x2, y2) = [(layout.x[place], layout.y(place)) for place in (way[0], way[-1])]
    aside = max(-SPREAD, min(SPREAD, (x2 - x1) / 8))
    points = [(x1 + aside, y1 + BOX[1] / 2)]
    for bend in way[1:-1]:
        points += [(layout.x[bend], layout.y(bend) - BOX[1] / 2), (layout.x[bend], layout.y(bend) + BOX[1] / 2)]
    points.append((x2 - aside, y2 - BOX[1] / 2 - HEAD))
    drawn = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
    yield f'<polyline points="{drawn}" fill="none" stroke="#777" marker-end="url(#head)"/>'


def draw(titles, pairs):
    arrows = arrows_needed(titles, pairs)
    layout = Layout(titles, row_numbers(titles, pairs), arrows)
    height = 2 * MARGIN + 24 + (len(layout.rows) - 1) * ROW_HEIGHT + BOX[1]
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif" font-size="11" text-anchor="middle">'
    yield "<style>.name { font-weight: bold; font-size: 13px } .also { fill: #666; font-size: 9.5px } .about { text-anchor: start }</style>"
    yield '<defs><marker id="head" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    yield '<path d="M0,0 L8,4 L0,8 z" fill="#777"/></marker></defs>'
    yield f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>'
    yield text(MARGIN, MARGIN + 4, "An arrow: the upper folder includes the lower one. “also”: it includes these, too, which its arrows "
               "reach by way of others.", 'class="about"')
    for source, to in arrows:
        yield from draw_arrow(layout, layout.ways[source, to])
    for area, title in titles.items():
        others = {short(to).split("/")[0] for source, to in pairs - set(arrows) if source == area}
        words = ", ".join(sorted(others))
        yield from draw_box(layout, area, title, words and "also " + words)
    yield "</svg>"


def main():
    if sys.argv[1:] not in ([], ["--update"]):
        sys.exit(__doc__)
    now = "\n".join(draw(*read_graph())) + "\n"
    before = PICTURE.read_text(encoding="utf-8") if PICTURE.exists() else ""
    if sys.argv[1:] == ["--update"]:
        PICTURE.write_text(now, encoding="utf-8")
    elif now != before:
        print("emu/architecture.svg: the includes have changed; draw it again: test/architecture_test.py --update")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
