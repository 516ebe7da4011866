"""The one map from a code to what the gateway does about it. What a code says comes from core.error_registry()."""

from collections.abc import Iterable
from typing import NamedTuple

from gateway import ecp_pb2 as pb

# The connection closes after these. Before Welcome it closes after any error.
FATAL = frozenset(
    {
        "TRP01", "TRP02", "TRP03", "TRP06", "TRP07", "TRP08", "TRP10",
        "TRA01", "TRA02", "TRA03", "TRA04", "TRA05", "TRA06", "TRA08", "TRA09",
    }
)  # fmt: skip

# How a refused resync reads in the one verdict of its Ack.
RESYNC_VERDICTS = {
    "TRS01": pb.REPLAY,
    "TRS03": pb.BAD_SIGNATURE,
    "TRS09": pb.MALFORMED,
    "TRS19": pb.REPLAY,
}


class Text(NamedTuple):
    """What happened, for people; what to do about it."""

    message: str
    hint: str


# The registry is in the database, so what keeps us from reading it must be known here too.
STARTUP = {
    "TRD01": Text("The database cannot be reached; nothing was decided.", "Resend the same bytes in a moment."),
    "TRD03": Text("The PostgreSQL server is older than 17.", "Use a server of version 17 or newer."),
    "TRD04": Text("The database does not hold the plane's schema.", "Run: ecp deploy"),
    "TRD05": Text("The database holds another version of the schema.", "Run: ecp status, then ecp deploy"),
}


class Refused(Exception):
    """A call that was not answered: `code` says why, and whether something may have happened (TRD02)."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code} {detail}".rstrip())
        self.code = code
        self.detail = detail


class StartupRefused(Exception):
    """The gateway cannot serve this database."""

    def __init__(self, code: str, detail: str = "") -> None:
        text = STARTUP[code]
        self.code = code
        self.message = f"{text.message} {detail}".rstrip()
        self.hint = text.hint
        super().__init__(f"{code}: {self.message} {self.hint}")


class Texts:
    """The registry's texts, as wire messages."""

    def __init__(self, rows: Iterable[tuple[str, str, str, str]]) -> None:
        self._texts = {code: Text(message, hint) for code, _, message, hint in rows}

    def __getitem__(self, code: str) -> Text:
        return self._texts.get(code) or Text("", "")

    def __contains__(self, code: str) -> bool:
        return code in self._texts

    def error(self, code: str, detail: str = "", *, fatal: bool) -> pb.Error:
        text = self[code]
        return pb.Error(code=code, message=text.message, detail=detail, hint=text.hint, fatal=fatal)

    def refusals(self, codes: Iterable[str | None]) -> list[pb.Refusal]:
        """One for each element that has a code; the first of a kind carries the texts, to keep an answer short."""
        refusals: list[pb.Refusal] = []
        told: set[str] = set()
        for index, code in enumerate(codes):
            if code is None:
                continue
            if code in told:
                refusals.append(pb.Refusal(index=index, code=code))
            else:
                told.add(code)
                text = self[code]
                refusals.append(pb.Refusal(index=index, code=code, message=text.message, hint=text.hint))
        return refusals
