"""Reports: to the columns of signals.report, its rows to a ReportAck."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from gateway import ecp_pb2 as pb
from gateway import meters
from gateway.errors import Texts
from gateway.publishing import Answered, bigint, text
from gateway.wire import encode

STATUSES: dict[int, str | None] = {number: name for name, number in pb.Status.items() if number}
VERDICTS: dict[str, Any] = dict(pb.ReportVerdict.items())


def columns(session: uuid.UUID, reports: Iterable[pb.Report]) -> list[list[Any]]:
    """All arguments of signals.report but the lane."""
    rows = [
        (
            session,
            bigint(report.subscription_id),
            bigint(report.delivery_seq),
            STATUSES.get(report.status),
            text(report.code),
            bigint(report.ticket),
            report.price_e8,
            report.volume_e8,
            report.received_at_us,
            report.executed_at_us,
        )
        for report in reports
    ]
    return [list(column) for column in zip(*rows, strict=True)]


class Reporting:
    """One Reports frame on its way through the database."""

    __slots__ = ("_client", "_frame_id", "_reports", "_texts")

    def __init__(self, client: Answered, texts: Texts, *, frame_id: int, reports: Sequence[pb.Report]) -> None:
        self._client = client
        self._texts = texts
        self._frame_id = frame_id
        self._reports = reports

    may_go = True

    def done(self, rows: Sequence[Any]) -> None:
        self._settle([VERDICTS[row[1]] for row in rows], [row[2] for row in rows])

    def refused(self, code: str) -> None:
        count = len(self._reports)
        meters.REPORTS["UNDECIDED"] += count
        self._settle([pb.REPORT_UNDECIDED] * count, [code] * count)

    def _settle(self, verdicts: list[Any], codes: list[str | None]) -> None:
        ack = pb.ReportAck(
            subscription_ids=[report.subscription_id for report in self._reports],
            delivery_seqs=[report.delivery_seq for report in self._reports],
            verdicts=verdicts,
            refusals=self._texts.refusals(codes) if any(codes) else (),
        )
        self._client.settle(encode(ack, self._frame_id), len(self._reports))
        if any(codes):
            first = next(index for index, code in enumerate(codes) if code)
            report = self._reports[first]
            self._client.log.debug(
                "reports refused",
                subscription=report.subscription_id,
                delivery=report.delivery_seq,
                code=codes[first],
                reports=len(codes),
            )
