"""What came of a run of the experts: the plane's word, as one object for machines, and in words."""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from ops.demo.cast import FOLLOWERS
from ops.demo.experts import TROUBLE, Show
from ops.demo.summary import Result, verdicts_in_words

# What became of the decisions for a subscription.
TALLY = """
select
  count(*) filter (where r.status = 'EXECUTED') as executed,
  count(*) filter (where d.delivery_seq is null and d.part = 0) as skipped,
  count(*) filter (where d.reason = 'CAUGHT_UP') as caught_up,
  (
    select coalesce(jsonb_object_agg(f.code, f.refused), '{}')
    from (
      select x.code, count(*) as refused
      from signals.reports as x
      where x.subscription_id = %(subscription)s and x.status <> 'EXECUTED'
      group by x.code
    ) as f
  ) as refused,
  (
    select to_jsonb(array[x.epoch, x.seq])
    from signals.decisions as x
    inner join signals.reports as w using (lane, subscription_id, delivery_seq)
    where x.subscription_id = %(subscription)s and x.action = 'OPEN' and x.reason = 'COPIED' and w.status = 'EXECUTED'
    order by x.epoch, x.seq
    limit 1
  ) as example
from signals.decisions as d
left join signals.reports as r using (lane, subscription_id, delivery_seq)
where d.subscription_id = %(subscription)s
"""
# Of what was copied while it was new; the moment of the fill is the terminal's word, by the plane's clock.
LATENCY = """
select
  coalesce(percentile_cont(0.5) within group (order by m.ms), 0) as copy_p50,
  coalesce(percentile_cont(0.99) within group (order by m.ms), 0) as copy_p99
from (
  select extract(epoch from r.executed_at - d.sent_at) * 1000 as ms
  from signals.decisions as d
  inner join signals.reports as r using (lane, subscription_id, delivery_seq)
  where d.stream_id = %s and d.reason = 'COPIED' and r.status = 'EXECUTED'
) as m
where m.ms < 1000
"""
VERDICTS = "select verdict, count(*) from signals.signals where stream_id = %s group by verdict"


@dataclass(frozen=True)
class Copied:
    """What came of the decisions for one follower, by the plane's word."""

    name: str
    subscription_id: int
    executed: int
    skipped: int
    caught_up: int
    refused: dict[str, int]
    example: tuple[int, int] | None
    """Epoch and seq of an opening that was copied."""


@dataclass(frozen=True, kw_only=True)
class Outcome(Result):
    """A run of the experts."""

    show: Show
    verdicts: dict[str, int]
    copied: list[Copied]
    latency_ms: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """With what the master's expert told and the others did."""
        return {
            "bars": self.show.bars,
            "signals": {"sent": sum(self.verdicts.values()), "verdicts": self.verdicts},
            "copies": [asdict(one) for one in self.copied],
            "latency_ms": self.latency_ms,
        } | super().as_json()

    def in_words(self, command: str) -> Iterator[str]:
        """The summary; `command` is how this command line was called."""
        show, survey = self.show, self.show.survey
        yield (
            f"{show.bars:,} bars of {show.cast.symbol}, {survey.first:%Y-%m-%d} to {survey.last:%Y-%m-%d}, in "
            f"{self.took_s:.1f} s, at {len(self.copied) + 1} terminals with the experts of mql5/. The first trade was "
            f"copied {self.first_copy_s:.1f} s after the start."
        )
        yield ""
        yield f"Signals: MasterPublisher told {sum(self.verdicts.values()):,} over {show.trades:,} trades."
        yield from verdicts_in_words(self.verdicts)
        yield ""
        yield (
            f"Copies: from the master's trade to the fill {self.latency_ms['copy_p50']:.1f} ms (median), "
            f"{self.latency_ms['copy_p99']:.1f} ms (99 of 100)."
        )
        stories = {follower.name: follower.story for follower in FOLLOWERS}
        for one in self.copied:
            story = "; ".join(filter(None, (stories[one.name], TROUBLE.get(one.name))))
            why = ", ".join(f"{count} {code}" for code, count in sorted(one.refused.items()))
            yield f"  {one.name}, subscription {one.subscription_id}: {story}"
            yield (
                f"      executed {one.executed:,}, skipped {one.skipped:,}, refused {sum(one.refused.values()):,}"
                f"{f' ({why})' if why else ''}, caught up {one.caught_up:,}"
            )
        yield f"  What each terminal said is in {os.path.relpath(show.homes)}/NAME/journal.log."
        yield ""
        yield from self.ending(
            command,
            [
                (f"explain {one.subscription_id} {one.example[0]} {one.example[1]}", f"{one.name}: copied")
                for one in self.copied[:1]
                if one.example
            ],
        )


def read(show: Show, db: Connection[Any], **known: Any) -> Outcome:
    """`known` are the fields of Result that others know."""
    stream = show.cast.master.stream_id
    verdicts = dict(db.execute(VERDICTS, [stream]).fetchall())
    with db.cursor(row_factory=dict_row) as rows:
        (latency,) = rows.execute(LATENCY, [stream]).fetchall()
        copied = [
            Copied(
                subscriber.follower.name,
                subscriber.subscription_id,
                **rows.execute(TALLY, {"subscription": subscriber.subscription_id}).fetchall()[0],
            )
            for subscriber in show.cast.subscribers
        ]
    return Outcome(
        show=show,
        verdicts=verdicts,
        copied=copied,
        latency_ms={name: float(ms) for name, ms in latency.items()},
        unlike=show.unlike,
        attempts=show.adversary.attempts,
        **known,
    )
