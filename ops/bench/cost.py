"""What decisions cost inside Postgres, without the wire and without the commit: measured in transactions that are
rolled back, so that each round finds what the first one found."""

import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.types.json import Jsonb

from ops.bench import market

ROUNDS = 9
POSITIONS = 500
UNFILTERED = dict.fromkeys(
    ["symbols", "excluded_symbols", "sides", "magics", "excluded_magics", "hours", "news_before", "news_after",
     "trades_per_day", "max_deviation_points", "fixed_volume", "risk_percent"]
)  # fmt: skip
PLAIN = UNFILTERED | {"reverse": False, "align_contract_size": False, "multiplier": 0.5, "volume_step": 0.01}
SIZINGS: dict[str, dict[str, Any]] = {
    "SAME": {},
    "FIXED": {"fixed_volume": 0.05},
    "MULTIPLIER": {},
    "BALANCE_RATIO": {},
    "EQUITY_RATIO": {},
    "RISK": {"risk_percent": 1},
}

# Openings of consecutive positions, as signals.feed would hand them over.
DISPATCH: LiteralString = """
    select count(*) from signals.dispatch(
        %(lane)s::smallint, array[%(stream)s::bigint], array[%(epoch)s::integer], array[%(seq)s::bigint],
        array_fill(%(stream)s::bigint, array[%(count)s]), array_fill(%(epoch)s::integer, array[%(count)s]),
        array(select %(seq)s::bigint + n from generate_series(1, %(count)s) as n),
        array_fill('OPEN'::text, array[%(count)s]), array_fill(%(symbol)s::text, array[%(count)s]),
        array_fill('BUY'::text, array[%(count)s]),
        array(select 1000000 + n from generate_series(1, %(count)s) as n)::bigint[],
        array_fill(0.10::numeric, array[%(count)s]), array_fill(1.07219::numeric, array[%(count)s]),
        array_fill(1.07019::numeric, array[%(count)s]), array_fill(1.07619::numeric, array[%(count)s]),
        array_fill(%(magic)s::bigint, array[%(count)s]), array_fill('MARKET'::text, array[%(count)s]),
        array_fill(5::integer, array[%(count)s]), array_fill(core.now(), array[%(count)s]),
        array_fill(core.now(), array[%(count)s]), array_fill(100000::numeric, array[%(count)s]),
        array_fill(20000::numeric, array[%(count)s]), array_fill(21000::numeric, array[%(count)s]),
        array_fill(null::jsonb, array[%(count)s]))
"""
CURSORS: LiteralString = "select lane, epoch, seq from signals.dispatch_cursors where stream_id = %s order by lane"


def decisions(connection: Connection[Any], stream_id: int) -> dict[str, float]:
    """Microseconds of one decision to copy an opening, by sizing mode, over all subscriptions of the stream."""
    return {sizing: _decision(connection, stream_id, {"sizing": sizing} | more) for sizing, more in SIZINGS.items()}


def _decision(connection: Connection[Any], stream_id: int, settings: dict[str, Any]) -> float:
    with _undone(connection):
        count = connection.execute(
            "select signals.write_settings(subscription_id, %s) from signals.subscriptions where stream_id = %s",
            [Jsonb(PLAIN | settings), stream_id],
        ).rowcount
        lanes = connection.execute(CURSORS, [stream_id]).fetchall()

        def dispatch() -> None:
            delivered = sum(_dispatch(connection, stream_id, *lane) for lane in lanes)
            assert delivered == count, f"{delivered} of {count} were copied, so this is no measure of copying"

        return round(_median_s(connection, dispatch) / count * 1e6, 1)


def catch_up(connection: Connection[Any]) -> dict[str, float]:
    """Milliseconds for one subscription and a book of 500 positions: to open all of them, and to find them open."""
    with _undone(connection):
        (master,) = market.masters(connection, 1, ttl_ms=5_000)
        (account,) = market.accounts(connection, 1, master.stream_id)
        subscription = account.copies[0].subscription_id
        ((lane, epoch, seq),) = connection.execute(CURSORS, [master.stream_id]).fetchall()
        connection.execute(
            "select signals.write_settings(%s, %s)", [subscription, Jsonb({"sizing": "SAME", "late_join": "ALL"})]
        )
        # What comes while it is paused is missed, and due as soon as it is not.
        connection.execute("select signals.transition(%s, 'user_pause', 'bench')", [subscription])
        _connect(connection, account, lane)
        _dispatch(connection, master.stream_id, lane, epoch, seq, count=POSITIONS)
        connection.execute("select signals.transition(%s, 'user_resume', 'bench')", [subscription])

        def due(expected: int) -> None:
            row = connection.execute(
                "select signals.catch_up(%s::smallint, array[%s::bigint], 'bench')", [lane, subscription]
            ).fetchone()
            assert row == (expected,), f"{row} deliveries instead of {expected}"

        opening = _median_s(connection, lambda: due(POSITIONS))
        due(POSITIONS)
        in_step = _median_s(connection, lambda: due(0))
    return {"catch_up_ms": round(opening * 1000, 1), "catch_up_in_step_ms": round(in_step * 1000, 1)}


def _connect(connection: Connection[Any], account: market.Account, lane: int) -> None:
    """As the gateway does for an EA that says hello, subscribes and uploads what its broker trades."""
    ((session,),) = connection.execute(
        "select session_id from access.open_session(%s, %s, '127.0.0.1', 'bench', 'bench')",
        [account.token, secrets.token_bytes(16)],
    ).fetchall()
    (copy,) = account.copies
    connection.execute("select signals.resume(%s::smallint, %s, %s, 0)", [lane, session, copy.subscription_id])
    connection.execute(
        "select signals.upload_specifications(%s::smallint, %s, %s, array[%s], array[5], array[100000 * e],"
        " array[e / 100], array[100 * e], array[e / 100], array[e / 100000], array[e], array['EUR'], array['USD'],"
        " array['FULL']) from (values (100000000::bigint)) as one (e)",
        [lane, session, copy.portfolio_id, market.SYMBOL],
    )


def _dispatch(connection: Connection[Any], stream_id: int, lane: int, epoch: int, seq: int, *, count: int = 1) -> int:
    row = connection.execute(
        DISPATCH,
        {
            "lane": lane,
            "stream": stream_id,
            "epoch": epoch,
            "seq": seq,
            "count": count,
            "symbol": market.SYMBOL,
            "magic": market.MAGIC,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def _undone(connection: Connection[Any]) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        yield


def _median_s(connection: Connection[Any], work: Callable[[], None]) -> float:
    """Seconds of `work`, each time from the same state; the first round plans, and is not counted."""
    times = []
    for _ in range(ROUNDS + 1):
        with _undone(connection):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
    return statistics.median(times[1:])
