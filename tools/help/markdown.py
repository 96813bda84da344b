"""Makes roff for man(7) of the Markdown that this tree's documents use: headings, paragraphs, lists, tables, blocks of
code, `code`, **bold** and links. Other markup becomes plain text."""
import re
import textwrap


def escape(text):
    for plain, roff in (("\\", "\\e"), ("-", "\\-"), ("'", "\\(aq"), ("`", "\\(ga"), ("^", "\\(ha"), ("~", "\\(ti")):
        text = text.replace(plain, roff)
    return text


def inline(text):
    """`code` and **bold** become bold, _word_ and *word* italic, a link its text and address."""
    text = re.sub(r"\[([^]]*)\]\((\S+?)\)", lambda link: f"{link[1]} <{link[2]}>" if "://" in link[2] else link[1], text)
    out = []
    for part in re.split(r"(`[^`]+`|\*\*[^*]+\*\*|(?<![\w*])\*[^*\s][^*]*\*(?![\w*]))", text):
        if part.startswith("`") and len(part) > 2:
            # Long code may be broken after a bar.
            out.append(f"\\fB{escape(part[1:-1])}\\fR".replace("|", "|\\:"))
        elif part.startswith("**"):
            out.append(f"\\fB{escape(part[2:-2])}\\fR")
        elif part.startswith("*") and len(part) > 2:
            out.append(f"\\fI{escape(part[1:-1])}\\fR")
        else:
            out.append(escape(part))
    return "".join(out)


def guarded(line):
    """Escapes a line of text that begins like a request."""
    return "\\&" + line if line[:1] in (".", "'") else line


def filled(text):
    return [guarded(line) for line in textwrap.wrap(inline(text), 78, break_long_words=False, break_on_hyphens=False)]


def code(lines):
    return [".PP", ".RS 4", ".nf", *(guarded(escape(line)) for line in lines), ".fi", ".RE"]


def cells(row):
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def table(rows):
    """A list, since a page is too narrow for a table: the first cell is its term. Two tables side by side become one."""
    head, body = cells(rows[0]), [cells(row) for row in rows[2:]]
    half = len(head) // 2
    if len(head) > 2 and head[:half] == head[half:]:
        head, body = head[:half], [row[:half] for row in body] + [row[half:] for row in body]
    lines = []
    for term, first, *rest in body:
        text = f"{head[1]}: {first}" if len(head) > 3 else first
        for name, cell in zip(head[2:], rest):
            if cell:
                text += f"; {name}: {cell}" if len(head) > 3 else f". {name.capitalize()}: {cell}" if name else f": {cell}"
        lines += [".TP", guarded(inline(term)), *filled(text)]
    return lines + [".PP"]


def to_roff(markdown):
    """The lines of the page's body. ## begins a section, ### a subsection; # does not occur."""
    out, source, at = [], markdown.split("\n"), 0
    while at < len(source):
        line = source[at]
        begin = at
        at += 1
        if line.startswith("```"):
            while not source[at].startswith("```"):
                at += 1
            out += code(source[begin + 1:at])
            at += 1
        elif line.startswith("## "):
            out.append(f'.SH "{escape(line[3:].upper())}"')
        elif line.startswith("### "):
            out.append(f'.SS "{escape(line[4:])}"')
        elif line.startswith("|"):
            while at < len(source) and source[at].startswith("|"):
                at += 1
            out += table(source[begin:at])
        elif line.startswith("- "):
            while at < len(source) and source[at].startswith("  "):
                at += 1
            text = " ".join(part.strip() for part in source[begin:at])[2:]
            tag, colon, rest = re.match(r"((?:`[^`]*`(?:, )?)*)(: )?(.*)", text).groups()
            # "`word`: what it means" is a list of terms.
            out += [".TP", inline(tag), *filled(rest)] if tag and colon else [".IP \\(bu 2", *filled(text)]
        elif line.strip():
            while at < len(source) and source[at].strip() and not re.match(r"```|#|\||- ", source[at]):
                at += 1
            out += [".PP", *filled(" ".join(part.strip() for part in source[begin:at]))]
    return tidy(out)


def tidy(lines):
    """Without .PP where it has no effect: after a heading, before another macro, at the end."""
    kept = []
    for line in lines:
        if kept and kept[-1] == ".PP" and (line.startswith((".SH", ".SS", ".TP", ".IP", ".PP"))):
            kept.pop()
        if line == ".PP" and kept and kept[-1].startswith((".SH", ".SS")):
            continue
        kept.append(line)
    while kept and kept[-1] == ".PP":
        kept.pop()
    return kept
