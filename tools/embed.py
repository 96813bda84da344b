#!/usr/bin/env python3
"""Makes a C++ file from text files: for each NAME=FILE a std::string_view of that name, and for all NAME/PATH=FILE a
list of files, as tools/embedded.h declares them.

usage: embed.py OUTPUT NAME=FILE... NAME/PATH=FILE...     the build calls it
"""

import sys

PIECE = 8000  # characters; compilers have limits for one literal
DELIMITER = "embedded"


def literal(text):
    pieces = [text[at:at + PIECE] for at in range(0, len(text), PIECE)] or [""]
    if f"){DELIMITER}\"" in text:
        raise SystemExit(f"embed.py: a file has the end of a raw string in it: ){DELIMITER}\"")
    return "\n".join(f'R"{DELIMITER}({piece}){DELIMITER}"' for piece in pieces)


def write_text(out, name, path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    # The text may contain NUL characters, so the length comes from the array and excludes the terminating 0.
    out.write(f"\nstatic constexpr char {name}_text[] =\n{literal(text)};\n")


def main():
    output, *files = sys.argv[1:]
    folders = {}
    with open(output, "w", encoding="utf-8") as out:
        out.write('// Files of the tree as text, made by tools/embed.py.\n#include "tools/embedded.h"\n\n')
        out.write("#include <iterator>\n\nnamespace ringside::tools::embedded {\n")
        for each in files:
            name, path = each.split("=", 1)
            folder, _, inside = name.partition("/")
            if inside:
                name = f"{folder}_{len(folders.setdefault(folder, []))}"
                folders[folder].append(inside)
            write_text(out, name, path)
            text = f"std::string_view({name}_text, std::size({name}_text) - 1)"
            out.write(f"const std::string_view {name} = {text};\n" if not inside else
                      f"static constexpr std::string_view {name} = {text};\n")
        for folder, paths in folders.items():
            rows = "".join(f'\n    {{"{path}", {folder}_{at}}},' for at, path in enumerate(paths))
            out.write(f"\nstatic constexpr File {folder}_files[] = {{{rows}\n}};\n")
            out.write(f"const std::span<const File> {folder}({folder}_files);\n")
        out.write("\n}  // namespace ringside::tools::embedded\n")


if __name__ == "__main__":
    main()
