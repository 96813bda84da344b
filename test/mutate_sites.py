"""Finds the places of small changes in C++ sources, and puts all the changes into one program. For test/mutate.

It reads C++ as clang-format writes it, and recognises only statements and conditions in functions. A place that it
misses costs a mutant; one that it misreads does not compile, and is left out.
"""
# A region is a stretch of text that is replaced as a whole: a statement, a condition, an initial value. It has the changed text
# of each of its mutants and its own text, and chooses at run time. No line moves, so that errors have the original's numbers.

import hashlib
import re

FOLDERS = ["ring", "emu/dom0", "emu/xen"]

# These have spaces around them; template brackets, references and pointers do not.
_OPERATORS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+",
              "&": "|", "|": "&", "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|="}
_OPERATOR = re.compile(r"(?<= )(" + "|".join(re.escape(each) for each in sorted(_OPERATORS, key=len, reverse=True)) + r")(?= )")
_NUMBER = re.compile(r"(?<![\w.'\"])\d+(?=u?\b(?![.'\w]))")
_WORD = re.compile(r"\b(true|false)\b|\bstd::(min|max)(?=[<(])")
_STEP = re.compile(r"(\+\+|--)(?=[\w(*])")
_WORDS = {"true": "false", "false": "true", "min": "max", "max": "min"}
_COMPARES = re.compile(r" (<|<=|>|>=|==|!=|&&|\|\|) |^(return )?!")

_BODY = re.compile(r"(\)|\b(const|noexcept|override|mutable|else|do|try)|->[\w\s:<>*&,]+|[;{}:])\s*$")
_CONTAINER = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b[^;(){}]*$")
_DECLARATION = re.compile(r"(?!return\b|delete\b|throw\b|else\b)(const |constexpr |static |auto\b|using |struct |class |enum |"
                          r"[\w:]+(<.*?>)?[&*]*\s+[&*]?(\w+|\[[^\]]*\])\s*([={;(\[]|$))", re.DOTALL)
_INITIAL = re.compile(r"(?!static |constexpr |using )[\w:<>,&*\s]+?\b\w+ = (?![{])", re.DOTALL)
# A programmer's mistake aborts, so runs of a right program cannot test such a check.
_UNTOUCHED = re.compile(r"\s*(RS_CHECK|static_assert|using|friend|typedef|static|constexpr|struct|class|enum|goto)\b")


def sources(root):
    return sorted(str(path.relative_to(root)) for folder in FOLDERS for path in (root / folder).rglob("*.*")
                  if path.suffix in (".cc", ".h"))


def fingerprint(root, options):
    """A value that changes whenever something changes that a result could depend on."""
    digest = hashlib.sha256(options.encode())
    paths = [path for folder in ("ring", "emu", "tools", "test", "scenarios") for path in (root / folder).rglob("*")
             if path.suffix in (".cc", ".h", ".c", ".scn", ".build") or path.name == "mutate_sites.py"]
    for path in sorted(paths):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


# -- choosing


def choose(root, seed, count):
    """Mutants as dictionaries, in the order of files and lines, numbered from 1. The choice within a file depends on
    the seed and on the mutants' own text: a change elsewhere in the tree leaves most of the choice as it is."""
    found = {folder: [] for folder in FOLDERS}
    lines = dict.fromkeys(FOLDERS, 0)
    for path in sources(root):
        folder = next(each for each in FOLDERS if path.startswith(each + "/"))
        text = (root / path).read_text()
        lines[folder] += sum(bool(line.strip()) for line in blank(text, strings=False).split("\n"))
        found[folder] += [mutant | {"path": path} for mutant in find(text)]
    chosen = []
    for folder in FOLDERS:
        def rank(mutant):
            return hashlib.sha256(f"{seed} {mutant['path']} {mutant['change']} {mutant['nth']}".encode()).digest()
        share = round(count * lines[folder] / sum(lines.values()))
        chosen += sorted(found[folder], key=rank)[:share]
    chosen.sort(key=lambda mutant: (FOLDERS.index(next(each for each in FOLDERS if mutant["path"].startswith(each + "/"))),
                                    mutant["path"], mutant["line"], mutant["change"]))
    return [mutant | {"number": number} for number, mutant in enumerate(chosen, 1)]


def find(text):
    """All mutants of one file: "region" (kind, begin, end), "text" (the changed region, "" = deleted), "line" and "last_line" of
    the region, "change" for people, "nth" of several with the same change."""
    reader = _Reader(text)
    reader.read_file()
    mutants = []
    for kind, begin, end in reader.regions:
        original = _one_line(reader.spoken[begin:end])
        for changed, what in _changes(kind, reader.spoken[begin:end], reader.code[begin:end]):
            short = original if len(original) <= 110 else original[:107] + "..."
            mutants.append({"region": [kind, begin, end], "text": _one_line(changed), "change": f"{what}: {short}",
                            "line": text.count("\n", 0, begin) + 1, "last_line": text.count("\n", 0, end) + 1})
    seen = {}
    for mutant in mutants:
        mutant["nth"] = seen.get(mutant["change"], 0)
        seen[mutant["change"]] = mutant["nth"] + 1
    return mutants


def _one_line(text):
    return re.sub(r"\s+", " ", text).strip()


def _changes(kind, spoken, code):
    """(changed text, its description) for each small change of a region."""
    if kind == "statement" and not _DECLARATION.match(code):
        yield "", "delete"
    if kind == "condition" or (kind == "return" and _COMPARES.search(code)):
        value = spoken if kind == "condition" else spoken[len("return"):].strip().removesuffix(";")
        yield f"!({value})" if kind == "condition" else f"return !({value});", "negate"
    if kind != "condition" and "{" in code and "[" in code:  # a lambda may be in it, whose statements have regions of their own
        return

    def put(match, group, new):
        return spoken[:match.start(group)] + new + spoken[match.end(group):]

    for match in _OPERATOR.finditer(code):
        new = _OPERATORS[match[1]]
        yield put(match, 1, new), f"'{match[1]}' to '{new}'{_which(match, _OPERATOR, code)}"
    for match in _NUMBER.finditer(code):
        new = str(int(match[0]) + 1)
        yield put(match, 0, new), f"{match[0]} to {new}{_which(match, _NUMBER, code)}"
    for match in _WORD.finditer(code):
        group = 1 if match[1] else 2
        new = _WORDS[match[group]]
        yield put(match, group, new), f"{match[group]} to {new}{_which(match, _WORD, code)}"
    for match in _STEP.finditer(code):
        new = "--" if match[1] == "++" else "++"
        yield put(match, 1, new), f"'{match[1]}' to '{new}'"


def _which(match, pattern, code):
    """The number of a change, where a region has several of the same."""
    same = [each.start() for each in pattern.finditer(code) if each[0] == match[0]]
    return f" ({same.index(match.start()) + 1} of {len(same)})" if len(same) > 1 else ""


# -- putting them in


def apply(text, mutants):
    """The file's text with these mutants; ringside_mutation::is() selects one at run time."""
    regions = {}
    for mutant in mutants:
        regions.setdefault(tuple(mutant["region"]), []).append(mutant)
    inserted = []
    for (kind, begin, end), its_mutants in regions.items():
        before, after = _frame(kind, its_mutants)
        # An inner region's frame is inside the outer one's, where both begin or end at one place.
        inserted += [(begin, 1, -(end - begin), before), (end, 0, end - begin, after)]
    for position, _, _, piece in sorted(inserted, reverse=True):
        text = text[:position] + piece + text[position:]
    return text


def _frame(kind, mutants):
    if kind == "condition":
        before = "".join(f"ringside_mutation::is({each['number']}) ? bool({each['text']}) : " for each in mutants)
        return "(" + before + "bool(", "))"
    if kind == "value":
        before = "".join(f"ringside_mutation::is({each['number']}) ? ({each['text']}) : " for each in mutants)
        return before + "(", ")"
    before = ""
    for each in mutants:
        before += f"if (ringside_mutation::is({each['number']})) {{ {each['text']} }} else "
    return "{ " + before + "{ ", " } }"


# -- reading


def blank(text, strings):
    """The text with comments and preprocessor lines as spaces; with the insides of strings too, if requested."""
    def spaces(match):
        found = match[0]
        if found[0] in "\"'" or found.startswith('R"'):
            return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1] if strings else found
        return re.sub(r"[^\n]", " ", found)
    return re.sub(r'R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*(?:.|\n)*?\*/|^[ \t]*#(?:\\\n|[^\n])*',
                  spaces, text, flags=re.MULTILINE)


class _Reader:
    """Finds the regions of a file. `code` has no comments and no strings, `spoken` has the strings; positions agree."""

    def __init__(self, text):
        self.code = blank(text, strings=True)
        self.spoken = blank(text, strings=False)
        self.regions = []

    def read_file(self):
        """Reads classes and namespaces, down to the bodies of functions."""
        at = 0
        while (at := self.code.find("{", at)) >= 0:
            before = self.code[max(0, at - 400):at]
            statement = re.split(r"[;{}]", before)[-1]
            if _CONTAINER.search(statement) and not re.search(r"[)=]\s*$", statement):
                is_enumeration = re.search(r"\benum\b", statement)
                at = self.closing(at) if is_enumeration else at + 1
            elif _BODY.search(before) and "=" not in re.sub(r"operator\s*\W+|[!=<>]=|\(.*\)", "", statement, flags=re.DOTALL):
                at = self.block(at)
            else:
                at = self.closing(at)

    def closing(self, at):
        """The position after the bracket that closes the one at `at`."""
        depth = 0
        for position in range(at, len(self.code)):
            character = self.code[position]
            depth += (character in "([{") - (character in ")]}")
            if depth == 0:
                return position + 1
        return len(self.code)

    def skip(self, at):
        while at < len(self.code) and self.code[at].isspace():
            at += 1
        return at

    def block(self, at):
        """Reads a block from its brace on; returns its end."""
        end = self.closing(at)
        at = self.skip(at + 1)
        while at < end - 1:
            at = self.skip(self.statement(at, end - 1))
        return end

    def statement(self, at, limit):
        if self.code[at] == "{":
            return self.block(at)
        word = re.compile(r"\w+").match(self.code, at)
        keyword = word[0] if word else ""
        if keyword in ("if", "while", "switch", "for"):
            opening = self.code.index("(", at)
            end = self.closing(opening)
            if not re.match(r"if\s+constexpr", self.code[at:]):
                self.condition(keyword, opening + 1, end - 1)
            at = self.statement(self.skip(end), limit)
            following = self.skip(at)
            if keyword == "if" and re.match(r"else\b", self.code[following:]):
                at = self.statement(self.skip(following + 4), limit)
            return at
        if keyword == "do":
            at = self.skip(self.statement(self.skip(at + 2), limit))
            opening = self.code.index("(", at)
            end = self.closing(opening)
            self.condition("while", opening + 1, end - 1)
            return self.code.index(";", end) + 1
        if keyword in ("case", "default"):
            return re.compile(r"(?<!:):(?!:)").search(self.code, at).end()
        return self.simple(keyword, at, limit)

    def simple(self, keyword, at, limit):
        end = at
        while end < limit and self.code[end] != ";":
            if self.code[end] == "{" and self.is_lambda(at, end):
                end = self.block(end)
            elif self.code[end] == "{":
                end = self.closing(end)
            else:
                end += 1
        behind = min(end + 1, limit)
        if _UNTOUCHED.match(self.code, at):
            return behind
        text = self.code[at:end]
        if keyword == "return":
            begin = self.skip(at + len("return"))
            if self.code[begin] != "{":
                self.regions.append(("statement" if begin == end else "return", at, behind))
        elif initial := _INITIAL.match(text) if _DECLARATION.match(text) else None:
            self.regions.append(("value", at + initial.end(), end))
        elif not _DECLARATION.match(text):
            self.regions.append(("statement", at, behind))
        return behind

    def is_lambda(self, at, brace):
        """Whether this brace of a statement opens the body of a lambda."""
        before = re.sub(r"(->[\w\s:<>*&,]+|\bmutable\s*)$", "", self.code[at:brace]).rstrip()
        if before.endswith(")"):
            depth = 0
            for position in range(len(before) - 1, -1, -1):
                depth += (before[position] in ")]}") - (before[position] in "([{")
                if depth == 0:
                    before = before[:position].rstrip()
                    break
        return before.endswith("]") and not re.search(r"\w\s*\[[^\[\]]*\]$", before)

    def condition(self, keyword, begin, end):
        code = self.code[begin:end]
        if keyword == "switch" or (keyword == "for" and code.count(";") != 2):
            return
        parts = code.split(";")
        if keyword == "for":
            begin, end = begin + len(parts[0]) + 1, begin + len(parts[0]) + 1 + len(parts[1])
        else:
            begin += len(code) - len(parts[-1])
        begin = self.skip(begin)
        if begin < end and not re.match(r"[\w:<>&* ]+ [&*]?\w+ = ", self.code[begin:end]) and "{" not in self.code[begin:end]:
            self.regions.append(("condition", begin, end))
