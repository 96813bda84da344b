#!/usr/bin/env python3
"""Makes a C++ file from text files: for each NAME=FILE a std::string_view of that name, as tools/embedded.h declares it.

usage: embed.py OUTPUT NAME=FILE...     the build calls it
"""

import sys

PIECE = 8000  # characters; compilers have limits for one literal
DELIMITER = "embedded"


def literal(text):
    pieces = [text[at:at + PIECE] for at in range(0, len(text), PIECE)] or [""]
    if f"){DELIMITER}\"" in text:
        raise SystemExit(f"embed.py: a file has the end of a raw string in it: ){DELIMITER}\"")
    return "\n".join(f'R"{DELIMITER}({piece}){DELIMITER}"' for piece in pieces)


def main():
    output, *files = sys.argv[1:]
    with open(output, "w", encoding="utf-8") as out:
        out.write('// Files of the tree as text, made by tools/embed.py.\n#include "tools/embedded.h"\n\n')
        out.write("#include <iterator>\n\nnamespace ringside::tools::embedded {\n")
        for each in files:
            name, path = each.split("=", 1)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            # The text may contain NUL characters, so the length comes from the array and excludes the terminating 0.
            out.write(f"\nstatic constexpr char {name}_text[] =\n{literal(text)};\n")
            out.write(f"const std::string_view {name}({name}_text, std::size({name}_text) - 1);\n")
        out.write("\n}  // namespace ringside::tools::embedded\n")


if __name__ == "__main__":
    main()
