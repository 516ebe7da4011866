"""The words of an MQL5 source, comments and line ends included, so that what is not changed stays as it was."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

PATTERN = re.compile(
    r"""
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<space>\s+)
  | (?P<moment>D'[^'\n]*')
  | (?P<colour>C'[^'\n]*')
  | (?P<text>"(?:\\.|[^"\\\n])*")
  | (?P<character>'(?:\\.|[^'\\\n])+')
  | (?P<number>0[xX][0-9a-fA-F]+[uUlL]*|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFuUlL]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign>->|::|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|\#\#|.)
    """,
    re.VERBOSE | re.DOTALL,
)
DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(?P<word>\w+)(?P<rest>(?:\\\r?\n|//[^\n]*|[^\n])*)")

TRIVIA = frozenset(("comment", "space"))


@dataclass
class Token:
    """`kind` is the name of a group above, or "directive" for a whole line that begins with #, or "type"."""

    kind: str
    text: str
    line: int = 0


def split(source: str) -> Iterator[Token]:
    """Every token of a source."""
    at, line, fresh = 0, 1, True
    while at < len(source):
        found = DIRECTIVE.match(source, at) if fresh else None
        kind = "directive"
        if found is None:
            found = PATTERN.match(source, at)
            assert found is not None, "the last alternative takes any character"
            kind = found.lastgroup or "sign"
        text = found.group()
        yield Token(kind, text, line)
        at, line = found.end(), line + text.count("\n")
        fresh = (fresh and kind in TRIVIA) or "\n" in text
        if kind == "comment" and "\n" not in text:
            fresh = False


def quiet(token: Token) -> str:
    """Trivia without words: comments go, lines stay."""
    return "\n" * token.text.count("\n") if token.kind == "comment" else token.text
