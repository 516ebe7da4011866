"""What the tools say when they refuse; codes are registered in docs/errors.md."""

from dataclasses import dataclass


@dataclass
class Refusal(Exception):
    """A refusal that the person at the keyboard can act on: one line, and a hint."""

    code: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.code} {self.message}"
