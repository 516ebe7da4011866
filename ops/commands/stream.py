"""`ecp stream`."""

import secrets
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from ops import answer
from ops.commands.options import AsJson, Limit, group
from ops.errors import Refusal

app = group("What masters publish. A stream is stopped by `ecp halt set stream`.")
Stream = Annotated[int, typer.Argument(help="Number of the stream.")]


@app.command("list")
def list_streams(context: typer.Context, limit: Limit = 1000, json: AsJson = False) -> None:
    """List the streams: status, where each stands, how long its signals were on their way."""
    sql = (
        "select stream_id, name, account, status, epoch, last_seq, has_master, newest_at, delay_p50, delay_p99"
        " from ops.stream_states order by stream_id"
    )
    answer.table(context, json, sql, limit=limit)


@app.command()
def show(context: typer.Context, stream: Stream, json: AsJson = False) -> None:
    """Show one stream."""
    answer.record(context, json, "select * from ops.stream_states where stream_id = %s", stream)


@app.command()
def create(
    context: typer.Context,
    account: Annotated[int, typer.Argument(help="Number of the provider's account.")],
    name: Annotated[str, typer.Argument(help="A name that no other stream has.")],
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its key in hexadecimal; a new one is made and shown unless given."),
    ] = None,
    ttl_ms: Annotated[int, typer.Option(min=1, help="Age at which a signal may no longer raise exposure.")] = 500,
    rate: Annotated[int, typer.Option(min=1, help="Openings a second, on average.")] = 100,
    burst: Annotated[int, typer.Option(min=1, help="Openings at once.")] = 100,
    lane: Annotated[int | None, typer.Option(min=0, help="Its lane for ever; dealt unless given.")] = None,
    json: AsJson = False,
) -> None:
    """Make a stream, and print its number and its key: now, and never again."""
    key = secrets.token_bytes(32) if key_file is None else _key(key_file)
    sql = "select signals.create_stream(%s, %s, %s, %s, %s, %s, %s::smallint) as stream_id"
    found = answer.ask(context.obj.stack, sql, account, name, key, ttl_ms, rate, burst, lane)
    made = {"stream_id": found.rows[0][0]}
    answer.say(made if key_file else {**made, "key": key.hex()}, as_json=json)


def _key(file: Path) -> bytes:
    try:
        return bytes.fromhex(file.read_text().strip())
    except (OSError, ValueError) as error:
        raise Refusal("TRS32", f"the key cannot be read: {error}", "the file holds it in hexadecimal") from error


@app.command()
def instrument(
    context: typer.Context,
    stream: Stream,
    symbol: Annotated[str, typer.Argument(help="As the master calls it.")],
    digits: Annotated[int, typer.Option(help="Decimals of its prices.")],
    volume_min: Annotated[Decimal, typer.Option(parser=Decimal, metavar="LOTS", help="Least volume.")],
    volume_max: Annotated[Decimal, typer.Option(parser=Decimal, metavar="LOTS", help="Most.")],
    volume_step: Annotated[Decimal, typer.Option(parser=Decimal, metavar="LOTS", help="What it is a multiple of.")],
    contract_size: Annotated[Decimal, typer.Option(parser=Decimal, help="Units in a lot.")] = Decimal(100_000),
    json: AsJson = False,
) -> None:
    """Add a symbol to what a stream trades, or replace its specification."""
    sql = "select signals.define_instrument(%s, %s, %s, %s, %s, %s, %s)"
    given = (digits, volume_min, volume_max, volume_step, contract_size)
    answer.ask(context.obj.stack, sql, stream, symbol, *given)
    answer.say({"stream_id": stream, "symbol": symbol}, as_json=json)
