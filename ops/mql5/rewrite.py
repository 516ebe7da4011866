"""MQL5 to C++20: one program out of an expert advisor or a script, and everything that it includes.

MQL5 is C++ but for a few things, and only these are changed; what is not named here reaches g++ as it was written.

- A member is reached by `.` through an object and through a pointer alike. Which of the two it is would take the types
  of all expressions to tell. So every `.` becomes `->`, and every class and structure gets an `operator->` that returns
  the object itself: the type is then the compiler's business, inside templates too.
- `CFoo *` becomes `mql::Ptr<CFoo>`, which passes for the object where one is asked for, starts as NULL, and makes a
  critical error of following NULL.
- `T a[]` becomes `mql::Array<T> a`, `T a[N]` `mql::Fixed<T, N> a`, which is an `Array<T>`: one type for parameters.
- Texts become UTF-16 strings, D'...' seconds, C'...' a number, names that only C++ reserves get an underscore.
- Inputs become constants that take their value from the .set file before any other object is made.
- Functions may be called before they are defined: every type and function is declared at the top.
- Event handlers may leave parameters unused: MetaTrader says which they have.
- `EnumToString` gets the names of the enumerations; `interface` pure virtual methods; `#import` is refused.

Lines keep their numbers and their file names, so that what g++ says points into the .mqh file.
"""

import re
from calendar import timegm
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import Refusal
from ops.mql5.tokens import DIRECTIVE, TRIVIA, Token, quiet, split
from ops.paths import ROOT

RUNTIME = Path(__file__).parent / "runtime"

BUILT_IN = frozenset(
    re.findall(r"\w+", "void bool char uchar short ushort int uint long ulong float double string datetime color")
)
# Words of C++ that MQL5 leaves to its programs.
RESERVED = frozenset(
    re.findall(
        r"\w+",
        """alignas alignof and and_eq asm auto bitand bitor catch char16_t char32_t char8_t compl concept consteval
    constexpr constinit co_await co_return co_yield decltype explicit export friend goto mutable noexcept not not_eq
    nullptr or or_eq register reinterpret_cast requires signed static_assert static_cast thread_local throw try typeid
    unsigned volatile wchar_t xor xor_eq main errno stdin stdout stderr assert""",
    )
)
WORDS = {
    ".": "->",
    "NULL": "mql::null",
    "dynamic_cast": "mql::cast",
    "__FUNCTION__": "mql::function_name(__PRETTY_FUNCTION__)",
    "__FUNCSIG__": "mql::function_name(__PRETTY_FUNCTION__)",
    "__FILE__": "mql::file_name(__FILE__)",
    "__PATH__": "mql::file_name(__FILE__)",
}
EVENTS = {
    "OnInit": "init",
    "OnDeinit": "deinit",
    "OnTick": "tick",
    "OnTimer": "timer",
    "OnTrade": "trade",
    "OnTradeTransaction": "transaction",
    "OnStart": "start",
}


@dataclass
class Source:
    """The C++ of a program, and the files that it came from."""

    cpp: str
    files: list[Path] = field(default_factory=list)


def rewrite(path: Path) -> Source:
    """The program that begins in a .mq5 file. Raises Refusal TRD21 for what is no MQL5, or more of it than we know."""
    reader = Reader(path.resolve())
    tokens = reader.read(path.resolve())
    types = Types(tokens)
    words(tokens)
    types.objects(tokens)
    types.mark(tokens)
    arrays(tokens)
    pure(tokens)
    inputs(tokens)
    functions = prototypes(tokens)
    body = "".join(quiet(token) for token in tokens)
    names = types.names_of_enumerators() if any(token.text == "EnumToString" for token in tokens) else ""
    head = [
        '#include "mql5.hpp"',
        "namespace mql::program {",
        "using namespace mql;",
        *types.declarations(),
        *(f"{text};" for text in functions.values()),
        names,
    ]
    return Source(
        "\n".join([*head, body, "}", _events(path.stem, functions)]),
        reader.files,
    )


# Reading


class Reader:
    """Takes in a source and, once each, what it includes."""

    def __init__(self, program: Path) -> None:
        self.files: list[Path] = []
        self._program = program
        include = (parent / "Include" for parent in program.parents)
        self._folders = [
            *(folder for folder in include if folder.is_dir()),
            ROOT / "mql5" / "Include",
            RUNTIME / "Include",
        ]

    def read(self, path: Path) -> list[Token]:
        """All tokens of the file, with those of its includes in place."""
        self.files.append(path)
        out = [_line(path, 1)]
        for token in split(path.read_text(encoding="utf-8-sig")):
            found = DIRECTIVE.fullmatch(token.text) if token.kind == "directive" else None
            if found is None:
                out.append(token)
                continue
            match found["word"]:
                case "include":
                    included = self._resolve(path, found["rest"], token.line)
                    if included not in self.files:
                        out += [*self.read(included), _line(path, token.line)]
                case "define":
                    body = list(split(found["rest"]))
                    words(body)
                    out.append(Token("directive", "#define " + "".join(quiet(word) for word in body).strip(" ")))
                case "property" | "resource":
                    pass
                case "import":
                    raise _refusal(path, token.line, "#import: no library is loaded from here")
                case _:
                    out.append(Token("directive", token.text.split("//")[0]))
        out.append(Token("space", "\n"))
        return out

    def _resolve(self, path: Path, rest: str, line: int) -> Path:
        found = re.match(r'\s*(?:<([^>]+)>|"([^"]+)")', rest)
        if found is None:
            raise _refusal(path, line, "#include names no file")
        name = (found[1] or found[2]).replace("\\", "/")
        for folder in self._folders if found[1] else [path.parent]:
            if (folder / name).is_file():
                return (folder / name).resolve()
        raise _refusal(path, line, f"there is no {name}")


def _line(path: Path, line: int) -> Token:
    return Token("directive", f'\n#line {line} "{path}"\n')


def _refusal(path: Path, line: int, what: str) -> Refusal:
    return Refusal("TRD21", f"{path.name}:{line}: {what}", "its docstring says which part of MQL5 it knows")


# Words


def words(tokens: list[Token]) -> None:
    """What can be changed without looking further than the neighbours."""
    for at, token in enumerate(tokens):
        match token.kind:
            case "text":
                token.text = f"u{token.text}_s"
            case "character":
                token.text = f"u{token.text}"
            case "moment":
                token.text = f"((datetime){_seconds(token.text[2:-1])})"
            case "colour":
                red, green, blue = (int(part, 0) for part in token.text[2:-1].split(","))
                token.text = f"((color)0x{blue:02x}{green:02x}{red:02x})"
            case "name" if token.text == "this":
                _this(tokens, at)
            case "name" if token.text in RESERVED:
                token.text += "_"
            case "sign" if (
                token.text == "::" and (before := previous(tokens, at)) >= 0 and tokens[before].kind == "sign"
            ):
                token.text = "program::"
            case "name" | "sign":
                token.text = WORDS.get(token.text, token.text)


def _this(tokens: list[Token], at: int) -> None:
    after, before = tokens[following(tokens, at)].text, previous(tokens, at)
    if after in (".", "->"):
        return
    if before >= 0 and tokens[before].text == "&":
        earlier = tokens[previous(tokens, before)]
        if earlier.kind == "sign" and earlier.text not in (")", "]"):
            tokens[before].text = ""
    tokens[at].text = "mql::pointer(this)"


def _seconds(text: str) -> int:
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if not re.fullmatch(r"\s*\d{4}\.\d{1,2}\.\d{1,2}(\s+\d{1,2}:\d{1,2}(:\d{1,2})?)?\s*", text):
        raise Refusal("TRD21", f"D'{text}': only D'2024.12.31 23:59:59' is known", "write it so")
    year, month, day, hour, minute, second = [*numbers, 0, 0, 0][:6]
    return timegm((year, month, day, hour, minute, second))


def following(tokens: list[Token], at: int) -> int:
    """The next token that says something; past the end an empty one is assumed by the callers' guard."""
    at += 1
    while at < len(tokens) - 1 and (tokens[at].kind in TRIVIA or not tokens[at].text):
        at += 1
    return min(at, len(tokens) - 1)


def previous(tokens: list[Token], at: int) -> int:
    """The token before it that says something; -1 at the beginning."""
    at -= 1
    while at >= 0 and (tokens[at].kind in TRIVIA or not tokens[at].text):
        at -= 1
    return at


def closing(tokens: list[Token], at: int) -> int:
    """Where the bracket that opens here ends."""
    depth = 0
    for end in range(at, len(tokens)):
        if tokens[end].kind == "sign":
            depth += (tokens[end].text in "([{") - (tokens[end].text in ")]}")
            if depth == 0:
                return end
    return len(tokens) - 1


# Types


class Types:
    """What a program may declare things of."""

    def __init__(self, tokens: list[Token]) -> None:
        self.classes: dict[str, str] = {}  # what declares it: "class CFoo", "template <typename T> class CFoo"
        self.enums: dict[str, list[str]] = {}
        self.others: set[str] = set()
        self.local: set[str] = set()
        self._collect(tokens)
        runtime = "".join((RUNTIME / name).read_text() for name in ("constants.hpp", "structures.hpp", "types.hpp"))
        self.known_enums = dict(_enumerations(list(split(runtime))))
        self.others |= set(self.known_enums) | set(re.findall(r"struct (Mql\w+)", runtime))

    def __contains__(self, name: str) -> bool:
        return name in BUILT_IN or name in self.classes or name in self.enums or name in self.others

    def _collect(self, tokens: list[Token]) -> None:
        depth, template = 0, ""
        for at, token in enumerate(tokens):
            if token.kind == "sign":
                depth += (token.text == "{") - (token.text == "}")
                if token.text in ("{", ";"):
                    template = ""
            elif token.text == "template":
                end = next(end for end in range(at, len(tokens)) if tokens[end].text == ">")
                template = "".join(quiet(word) for word in tokens[at : end + 1]).replace("\n", " ") + " "
            elif token.text == "typename" or (token.text == "class" and _in_template(tokens, at)):
                self.others.add(tokens[following(tokens, at)].text)
            elif token.text in ("class", "struct", "interface", "union"):
                name = tokens[following(tokens, at)]
                if name.kind == "name":
                    kind = "class" if token.text == "interface" else token.text
                    self.classes.setdefault(name.text, f"{template}{kind} {name.text}")
                    if depth:
                        self.local.add(name.text)
            elif token.text == "typedef":
                end = next(end for end in range(at, len(tokens)) if tokens[end].text == ";")
                named = [word.text for word in tokens[at:end] if word.kind == "name"]
                pointer = re.search(r"\(\s*\*\s*(\w+)", "".join(word.text for word in tokens[at:end]))
                self.others.add(pointer[1] if pointer else named[-1])
        self.enums = dict(_enumerations(tokens))
        self.local |= set(self.enums) - set(dict(_enumerations(tokens, top_only=True)))

    def declarations(self) -> list[str]:
        """Every type, before anything uses it."""
        return [f"{text};" for name, text in self.classes.items() if name not in self.local] + [
            f"enum {name} : int;" for name in self.enums if name not in self.local
        ]

    def names_of_enumerators(self) -> str:
        """EnumToString for each enumeration; its cases are names that are only known further down, hence templates."""
        return " ".join(_names(name, members) for name, members in self.known_enums.items())

    def objects(self, tokens: list[Token]) -> None:
        """Give every class and structure its arrow, and every class that has no base one."""
        for at, token in enumerate(tokens):
            if token.kind != "name":
                continue
            if token.text == "enum":
                self._enum(tokens, at)
            if token.text not in ("class", "struct", "interface") or _in_template(tokens, at):
                continue
            name = tokens[following(tokens, at)]
            opening = at
            while tokens[opening].text not in ("{", ";", "}", ")", "="):
                opening += 1
            if tokens[opening].text != "{" or name.kind != "name":
                continue
            kind = token.text
            if kind == "interface":
                token.text = "class"
                _abstract(tokens, opening)
            if kind != "struct" and all(word.text != ":" for word in tokens[at:opening]):
                tokens[opening].text = ": public mql::Object {"
            before, after = {"class": (" public:", " private:"), "interface": (" public:", "")}.get(kind, ("", ""))
            own = name.text
            arrow = f"{own} *operator->() {{ return this; }} const {own} *operator->() const {{ return this; }}"
            tokens[opening].text += f"{before} {arrow}{after} "

    def _enum(self, tokens: list[Token], at: int) -> None:
        name = following(tokens, at)
        opening = following(tokens, name)
        if tokens[name].kind != "name" or tokens[opening].text != "{":
            return
        tokens[opening].text = ": int {"
        end = closing_brace(tokens, opening)
        if tokens[name].text not in self.local:
            tokens[following(tokens, end)].text += " " + _names(tokens[name].text, self.enums[tokens[name].text])

    def mark(self, tokens: list[Token]) -> None:
        """Make one token of each type, its pointer star and the arguments of its template included."""
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.kind != "name" or token.text not in self:
                at += 1
                continue
            end, text = at, token.text
            after = following(tokens, at)
            if token.text in self.classes and tokens[after].text == "<":
                end = _angle(tokens, after)
                inner = [Token(word.kind, word.text) for word in tokens[after + 1 : end]]
                self.mark(inner)
                text = f"{token.text}<{''.join(quiet(word) for word in inner)}>"
                after = following(tokens, end)
            before = previous(tokens, at)
            if tokens[after].text == "*" and token.text not in BUILT_IN:
                const = before >= 0 and tokens[before].text == "const"
                if const:
                    tokens[before].text = ""
                text = f"mql::Ptr<{'const ' if const else ''}{text}>"
                end = after
            tokens[at] = Token("type", text, token.line)
            for word in tokens[at + 1 : end + 1]:
                word.text, word.kind = "\n" * word.text.count("\n"), "space"
            at = end + 1


def _in_template(tokens: list[Token], at: int) -> bool:
    return tokens[previous(tokens, at)].text in ("<", ",")


def _angle(tokens: list[Token], at: int) -> int:
    depth = 0
    for end in range(at, len(tokens)):
        text = tokens[end].text
        depth += (text == "<") - (text == ">") - 2 * (text == ">>")
        if depth <= 0:
            return end
    return len(tokens) - 1


def closing_brace(tokens: list[Token], at: int) -> int:
    """Where a body that opens here ends, whatever was added to its brace."""
    depth = 0
    for end in range(at, len(tokens)):
        if tokens[end].kind == "sign":
            depth += tokens[end].text.count("{") - tokens[end].text.count("}")
            if depth == 0:
                return end
    return len(tokens) - 1


def _enumerations(tokens: list[Token], *, top_only: bool = False) -> list[tuple[str, list[str]]]:
    found, depth = [], 0
    for at, token in enumerate(tokens):
        if token.kind == "sign":
            depth += (token.text == "{") - (token.text == "}")
        if token.text != "enum" or (top_only and depth):
            continue
        name = following(tokens, at)
        opening = name
        while tokens[opening].text not in ("{", ";"):
            opening += 1
        if tokens[name].kind != "name" or tokens[opening].text == ";":
            continue
        end = closing(tokens, opening)
        members = [
            tokens[inside].text
            for inside in range(opening + 1, end)
            if tokens[inside].kind == "name" and tokens[previous(tokens, inside)].text in ("{", ",")
        ]
        found.append((tokens[name].text, members))
    return found


def _names(name: str, members: list[str]) -> str:
    # Two members may have one value: then the first names it, and a switch would not compile.
    tests = " ".join(f'if (value == {member}) return u"{member}"_s;' for member in members)
    return f'inline string EnumToString({name} value) {{ {tests} return u"{name}::"_s + (string)(int)value; }}'


def _abstract(tokens: list[Token], opening: int) -> None:
    """Methods of an interface are virtual and have no body."""
    end = closing(tokens, opening)
    start = True
    for at in range(opening + 1, end):
        token = tokens[at]
        if token.kind in TRIVIA:
            continue
        if start and token.text != "virtual":
            token.text = f"virtual {token.text}"
        start = token.text == ";"
        if start:
            token.text = " = 0;"


# Arrays


def arrays(tokens: list[Token]) -> None:
    """Declarations of arrays, and lists of declarations in which one is an array or a pointer."""
    for at, token in enumerate(tokens):
        if token.kind == "type":
            _declaration(tokens, at)


def _declaration(tokens: list[Token], at: int) -> None:
    """One type, and the names that are declared with it, each an array or not."""
    base = tokens[at].text
    declarators: list[tuple[int, str]] = []  # the type's token or the comma before it, and its own type
    start: int | None = at
    while start is not None:
        name = _declared(tokens, start, drop_star=base.startswith("mql::Ptr<"))
        if name is None:
            break
        kind = base
        for size in reversed(_sizes(tokens, name)):
            kind = f"mql::Fixed<{kind}, ({size})>" if size else f"mql::Array<{kind}>"
        declarators.append((start, kind))
        start = _next_declarator(tokens, name)
    if declarators:
        tokens[at].text = declarators[0][1]
    if any(kind != base for _, kind in declarators):
        modifiers = _modifiers(tokens, at)
        for comma, kind in declarators[1:]:
            tokens[comma].text = f"; {modifiers}{kind} "


def _declared(tokens: list[Token], start: int, *, drop_star: bool) -> int | None:
    """Where the name is that is declared after a type or a comma."""
    name = following(tokens, start)
    if tokens[name].text == "*" and drop_star:
        tokens[name].text = ""
        name = following(tokens, start)
    if tokens[name].text == "&":
        name = following(tokens, name)
    while tokens[following(tokens, name)].text == "::" and tokens[name].kind in ("type", "name"):
        name = following(tokens, following(tokens, name))
    return name if tokens[name].kind == "name" else None


def _sizes(tokens: list[Token], name: int) -> list[str]:
    """What stands in the brackets behind a name, which are removed."""
    found: list[str] = []
    while tokens[after := following(tokens, name)].text == "[":
        end = closing(tokens, after)
        found.append("".join(quiet(word) for word in tokens[after + 1 : end]).strip())
        for word in tokens[after : end + 1]:
            word.text, word.kind = "\n" * word.text.count("\n"), "space"
    return found


def _next_declarator(tokens: list[Token], name: int) -> int | None:
    """The comma before the next name that is declared with the same type; None where there is none."""
    at = following(tokens, name)
    while at < len(tokens) - 1 and (tokens[at].kind != "sign" or tokens[at].text not in (",", ";", ")", "}")):
        if tokens[at].text in ("(", "["):
            at = closing(tokens, at)
        elif tokens[at].text == "{":
            if tokens[previous(tokens, at)].text != "=":
                return None
            at = closing(tokens, at)
        at = following(tokens, at)
    after = tokens[following(tokens, at)]
    is_name = (after.kind == "name" and after.text != "const") or after.text == "*"
    return at if tokens[at].text == "," and is_name else None


def _modifiers(tokens: list[Token], at: int) -> str:
    found: list[str] = []
    before = previous(tokens, at)
    while before >= 0 and tokens[before].text in ("static", "const"):
        found.insert(0, tokens[before].text + " ")
        before = previous(tokens, before)
    return "".join(found)


def pure(tokens: list[Token]) -> None:
    """`virtual void Do() = NULL;` says the same as `= 0`."""
    for at, token in enumerate(tokens):
        if token.text == "mql::null":
            equals = previous(tokens, at)
            if tokens[equals].text == "=" and tokens[previous(tokens, equals)].text in (")", "const"):
                token.text = "0"


# The program


def inputs(tokens: list[Token]) -> None:
    """What the user may set."""
    for at, token in enumerate(tokens):
        if token.kind != "name" or token.text not in ("input", "sinput"):
            continue
        kind = following(tokens, at)
        if tokens[kind].text == "group":
            label = following(tokens, kind)
            end = following(tokens, label)
            for word in (at, kind, label, *([end] if tokens[end].text == ";" else [])):
                tokens[word].text = ""
            continue
        if tokens[kind].kind != "type":
            continue
        name = following(tokens, kind)
        end = name
        while tokens[end].text != ";":
            end += 1
        own = tokens[name].text
        token.text = "static"
        tokens[name].text = f"input_{own}"
        tokens[end].text = (
            f'; static const mql::Input taken_{own}("{own}", input_{own});'
            f" [[maybe_unused]] static const {tokens[kind].text} &{own} = input_{own};"
        )


def prototypes(tokens: list[Token]) -> dict[str, str]:
    """The functions that stand outside of classes, by name and parameters, without the defaults of these."""
    found: dict[str, str] = {}
    at, start = 0, 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "directive" or (token.kind == "sign" and token.text.endswith(";")):
            start = at + 1
        elif token.kind == "sign" and "{" in token.text:
            prototype = _prototype([word for word in tokens[start:at] if word.kind != "directive"])
            if prototype is not None:
                found[prototype[0]] = prototype[1]
            at = closing_brace(tokens, at)
            if prototype is not None:
                start = at + 1
        at += 1
    return found


def _prototype(tokens: list[Token]) -> tuple[str, str] | None:
    said = [at for at, token in enumerate(tokens) if token.kind not in TRIVIA and token.text]
    opening = next((place for place, at in enumerate(said) if tokens[at].text == "("), None)
    if opening is None or opening < 2 or tokens[said[-1]].text != ")":
        return None
    before = [tokens[at] for at in said[:opening]]
    if any(token.text in ("template", "class", "struct", "enum", "=", "operator", "::") for token in before):
        return None
    if before[-1].kind != "name" or before[-2].kind not in ("type", "sign") or before[0].kind not in ("type", "name"):
        return None
    if before[-1].text in EVENTS:
        for at in said[opening + 1 : -1]:
            if tokens[previous(tokens, at)].text in ("(", ",") and tokens[at].text != "void":
                tokens[at].text = f"[[maybe_unused]] {tokens[at].text}"
    # A default is said once: here where it is a literal, which needs nothing that comes later; else where it was.
    out: list[str] = []
    depth, default = 0, 0  # `default`: 1 stays behind, 2 is taken along
    for at, token in enumerate(tokens):
        if token.kind == "sign":
            if token.text == "=" and depth == 1:
                value = tokens[following(tokens, at)]
                after = tokens[following(tokens, following(tokens, at))]
                literal = value.kind in ("text", "number") or value.text in ("true", "false", "mql::null")
                default = 2 if literal and after.text in (",", ")") else 1
            if depth == 1 and token.text in (",", ")"):
                default = 0
            depth += (token.text in "([{") - (token.text in ")]}")
        if default != 1:
            out.append(quiet(token).replace("\n", " "))
        if default == 2:
            token.text, token.kind = "\n" * token.text.count("\n"), "space"
    text = " ".join("".join(out).split())
    return f"{before[-1].text} {text}", text


def _events(name: str, functions: dict[str, str]) -> str:
    handlers = [f'.name = "{name}"']
    by_name = {key.split()[0]: text for key, text in functions.items()}
    for function, event in EVENTS.items():
        text = by_name.get(function)
        call = "nullptr"
        if text is not None:
            call = f"program::{function}"
            if event == "init" and text.startswith("void"):
                call = "[] { program::OnInit(); return 0; }"
            if event == "start" and not text.startswith("void"):
                call = "[] { program::OnStart(); }"
        handlers.append(f".{event} = {call}")
    return f"namespace mql {{ const Program the_program = {{{', '.join(handlers)}}}; }}\n"
