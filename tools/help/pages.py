#!/usr/bin/env python3
"""Writes the man pages. The pages of the commands come from the program, which declares them; MORE names files with further
sections for them. The pages in DOCUMENTS are made from other files of the tree.

usage: pages.py PROGRAM SOURCE_ROOT OUT     OUT/man1, OUT/man5 and OUT/man7 are made anew
"""
import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import markdown

# Sections for the page of a command. A section without text takes its text from the program.
MORE = {"ringside": "tools/help/ringside.1", "ringside-ring-check": "tools/ring_check/ringside-ring-check.1"}


def date(root):
    """The date of the sources, so that two builds make the same pages; empty if it is not known."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        day = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
        return day.strftime("%Y-%m-%d")
    said = subprocess.run(["git", "-C", root, "log", "-1", "--format=%cs"], capture_output=True, text=True)
    return said.stdout.strip() if said.returncode == 0 else ""


def sections(page):
    """{title: lines}, in order; the first has no title."""
    found = {"": []}
    title = ""
    for line in page.splitlines():
        if line.startswith(".SH "):
            title = line[4:].strip('"')
            found[title] = []
        else:
            found[title].append(line)
    return found


def merged(page, more):
    """The sections of `more` in their order, with the program's text where they have none."""
    made, written = sections(page), sections(more)
    lines = [line for line in written.pop("") if line.startswith("'\\\"")] + made[""]
    order = ["NAME", "SYNOPSIS", *(title for title in written if title not in ("NAME", "SYNOPSIS"))]
    missing = [title for title in made if title and title not in order and title != "SEE ALSO"]
    assert not missing, f"the program's sections have no place in the page: {missing}"
    for title in order:
        lines.append(f'.SH "{title}"')
        lines += written.get(title) or made[title]
    return "\n".join(lines) + "\n"


def section_of(text, title):
    """A section of a Markdown document, by the beginning of its heading, which becomes its first sentence."""
    heading, body = re.search(rf"^## ({re.escape(title)}.*?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL).groups()
    return f"{heading}.\n\n{body}"


def scenario(root):
    text = (root / "scenarios/README.md").read_text()
    text = re.sub(r"^# .*\n", "", text)
    text = re.sub(r"^## Decisions\n.*?(?=^## |\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    return "the language of ringside's scenarios", "## Description\n" + text


def type_of(schema):
    """A short word for the values that a field may have."""
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[1]
    if "const" in schema:
        return f'`{json.dumps(schema["const"])}`'
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(word)}`" for word in schema["enum"])
    return schema["type"]


def fields(schema, before=""):
    """A list of the fields, and those of the objects in them."""
    lines = []
    for name, field in schema.get("properties", {}).items():
        told = type_of(field) + (f'; {field["description"]}' if "description" in field else "")
        is_required = name in schema.get("required", []) or "const" in field
        lines.append(f"- `{before}{name}`: {told}" + ("" if is_required else "; optional"))
        lines += fields(field, f"{before}{name}.")
        lines += fields(field.get("items", {}), f"{before}{name}[].")
    return lines


def journal(root):
    schema = json.loads((root / "emu/trace/journal_schema.json").read_text())
    kinds = schema["$defs"]
    text = f'## Description\n{schema["description"]} This page is made of the JSON schema that `ringside view --schema` prints.\n'

    def add(heading, told):
        return "\n".join(["", heading, told.get("description", ""), "", *fields(told), ""])

    for name in ("header", "mark", "entry"):
        text += add(f"## {name}", kinds[name])
        for kind in kinds[name].get("oneOf", []):
            text += add(f'### {kind["properties"]["kind"]["const"]}', kind)
    others = {name: told for name, told in kinds.items() if name not in ("header", "mark", "entry")}
    text += "\n## types\n"
    for name, told in others.items():
        if "properties" not in told:
            bounds = f', {told["minimum"]} to {told["maximum"]}' if "maximum" in told else ""
            form = f', of the form `{told["pattern"]}`' if "pattern" in told else ""
            more = f'; {told["description"]}' if "description" in told else ""
            text += f"- `{name}`: {type_of(told)}{bounds}{form}{more}\n"
    for name, told in others.items():
        if "properties" in told:
            text += add(f"### {name}", told)
    return "the file of a run's journal: JSON, one object a line", text


def comment_at_top(path):
    lines = []
    for line in path.read_text().splitlines():
        if not line.startswith("//"):
            break
        lines.append(line[2:].removeprefix(" "))
    return lines


def wire(root):
    ring = (root / "ring/xen.md").read_text()
    frames = (root / "emu/dom0/xcs/xcs_proto.h").read_text()
    code = frames[frames.index("/// xcs_msg_t::type."):frames.index("static_assert")].rstrip()
    capture = comment_at_top(root / "emu/trace/pcapng.h")
    begin = next(number for number, line in enumerate(capture) if line.startswith("A packet, "))
    text = ("## Description\nThe bytes that ringside's processes exchange: the page that a guest shares with dom0, the frames of "
            "xcs's sockets, and the packets of a capture. The texts are those of its sources.\n\n"
            "## The shared page\n" + section_of(ring, "Byte map of the shared_info frame") +
            "\n## Memory barriers\n" + section_of(ring, "Which barrier pairs with which") +
            "\n## Frames of xcs\n" + " ".join(comment_at_top(root / "emu/dom0/xcs/xcs_proto.h")) + f"\n\n```\n{code}\n```\n" +
            "\n## Packets of a capture\nIn pcapng, with the link type USER0 (147) unless another is chosen.\n\n```\n" +
            "\n".join(capture[begin:]) + "\n```\n")
    return "the shared page, xcs's frames, and captures", text


DOCUMENTS = {("ringside-scenario", 5): scenario, ("ringside-journal", 5): journal, ("ringside-wire", 7): wire}
SEE_ALSO = {"ringside-scenario": "ringside\\-run", "ringside-journal": "ringside\\-view", "ringside-wire": "ringside\\-dump"}


def document(name, section, made, version, day):
    what, text = made
    lines = [f'.TH {markdown.escape(name.upper())} {section} "{day}" "{version}" "ringside"', ".SH NAME",
             f"{markdown.escape(name)} \\- {markdown.escape(what)}", *markdown.to_roff(text),
             '.SH "SEE ALSO"', ".BR ringside (1),", f".BR {SEE_ALSO[name]} (1)"]
    return "\n".join(lines) + "\n"


def main():
    program, root, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    day = date(root)

    def said(*words):
        return subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout

    pages = {}
    top = said("help", "--man")
    for command in re.findall(r"^\.BR ringside\\-(\S+) \(1\)$", top, re.MULTILINE):
        command = command.replace("\\-", "-")
        pages[f"man1/ringside-{command}.1"] = said("help", "--man", command)
    pages["man1/ringside.1"] = top
    for name, more in MORE.items():
        path = f"man1/{name}.1"
        if path in pages:
            pages[path] = merged(pages[path], (root / more).read_text())
    version = said("--version").strip()
    for (name, section), make in DOCUMENTS.items():
        pages[f"man{section}/{name}.{section}"] = document(name, section, make(root), version, day)
    for folder in {path.split("/")[0] for path in pages}:
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir()
    for path, text in pages.items():
        (out / path).write_text(re.sub(r'^(\.TH \S+ 1) ""', rf'\1 "{day}"', text, flags=re.MULTILINE))


main()
