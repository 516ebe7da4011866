"""The command line `ecp`. A command is one decorated function here, and its work a module imported by it
only then, so that `ecp --help` stays instant."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import psycopg
import typer
from typer.core import TyperGroup

from ops.commands import account, audit, halt, jobs, licenses, stream, subscription, trust, wallet
from ops.commands.options import AsJson
from ops.errors import Refusal
from ops.paths import EURUSD_BARS
from ops.postgres import External, Stack, StackName, stack


class _Commands(TyperGroup):
    """Turns a refusal into a line, a hint and an exit status, whatever command it comes from."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except Refusal as error:
            refusal = error
        except psycopg.Error as error:
            # Codes of the project come with their own hint, and a detail that says which; without any SQLSTATE, the
            # connection was lost.
            said = error.diag.message_primary or str(error).strip().partition("\n")[0]
            if (error.sqlstate or "").startswith("TR") and error.diag.message_detail:
                said = f"{said} {error.diag.message_detail}"
            refusal = Refusal(error.sqlstate or "TRD01", said, error.diag.message_hint or "see the log of the server")
        typer.secho(f"ecp: {refusal}", fg="red", err=True)
        typer.echo(f"hint: {refusal.hint}", err=True)
        raise typer.Exit(1)


@dataclass(frozen=True)
class Target:
    """Which server the command works on."""

    stack_name: StackName
    database_url: str | None

    @property
    def stack(self) -> Stack:
        return External(self.database_url) if self.database_url else stack(self.stack_name)


EXIT_STATUS = "Exit status: 0 done; 1 refused, or something does not hold; 2 wrong usage."

app = typer.Typer(
    cls=_Commands, epilog=EXIT_STATUS, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


@app.callback()
def options(
    context: typer.Context,
    stack: Annotated[StackName, typer.Option(envvar="ECP_STACK", help="Which Postgres of this checkout.")] = "embedded",
    database_url: Annotated[
        str | None, typer.Option(envvar="ECP_DATABASE_URL", help="Any server, PostgreSQL 17 or newer, instead.")
    ] = None,
) -> None:
    """Execution Control Plane: signed trade signals, decided in Postgres, delivered to every subscriber."""
    context.obj = Target(stack, database_url)


@app.command()
def deploy(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
    lanes: Annotated[int, typer.Option(min=1, max=1024, help="Number of lanes, fixed by the first deploy.")] = 4,
    json: AsJson = False,
) -> None:
    """Bring the database to what the files of db/ say."""
    from ops.schema import commands

    commands.run_deploy(context.obj.stack, dry_run=dry_run, lanes=lanes, as_json=json)


@app.command()
def status(context: typer.Context, json: AsJson = False) -> None:
    """Say how far the database is from the files; exit status 1 if it is not at them."""
    from ops.schema import commands

    commands.run_status(context.obj.stack, as_json=json)


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes any.")] = 7400,
    http_port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the HTTP API; 0 takes any.")] = 7480,
    no_tcp: Annotated[bool, typer.Option("--no-tcp", help="Leave the TCP protocol to other gateways.")] = False,
    no_http: Annotated[bool, typer.Option("--no-http", help="Leave the HTTP API to other gateways.")] = False,
) -> None:
    """Run a gateway and its HTTP API until Ctrl-C or SIGTERM; ECP_* variables set the rest (gateway/settings.py)."""
    from ops import serve

    if no_tcp and no_http:
        raise typer.BadParameter("with --no-tcp and --no-http nothing is left to serve")
    serve.run(context.obj.stack, host=host, port=None if no_tcp else port, http_port=None if no_http else http_port)


@app.command()
def demo(
    context: typer.Context,
    bars: Annotated[Path, typer.Option(help="OHLC or tick file; columns and time format are detected.")] = EURUSD_BARS,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many bars.")] = None,
    pace: Annotated[
        float | None, typer.Option(min=1, help="Bars a second, at most.", show_default="300, with --serve 20")
    ] = None,
    ea: Annotated[bool, typer.Option("--ea", help="With the experts of mql5/, compiled, at every terminal.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Again and again, with the console, until Ctrl-C.")] = False,
    http_port: Annotated[int, typer.Option(min=0, max=65535, help="Of the console; 0: any free one.")] = 7480,
    stack: Annotated[StackName | None, typer.Option(help="Which Postgres of this checkout.")] = None,
    json: AsJson = False,
) -> None:
    """Watch a master being copied: real bars, nine subscribers, an adversary; exit status 0 if everything held."""
    from ops.demo import command

    target = context.obj if stack is None else Target(stack, None)
    command.run(
        target.stack,
        path=bars,
        limit=limit,
        pace=pace or (20 if serve else 300),
        ea=ea,
        http_port=http_port if serve else None,
        as_json=json,
    )


@app.command()
def verify(context: typer.Context, json: AsJson = False) -> None:
    """Check every invariant that can be read off the database; exit status 1 if one does not hold."""
    from ops import verify

    verify.run(context.obj.stack, as_json=json)


@app.command()
def explain(
    context: typer.Context,
    subscription: Annotated[int, typer.Argument(help="Number of the subscription.")],
    epoch: Annotated[int | None, typer.Argument(help="Epoch of the signal.")] = None,
    seq: Annotated[int | None, typer.Argument(help="Number of the signal in its epoch.")] = None,
    delivery: Annotated[int | None, typer.Option(min=1, help="Number of the delivery, instead of the signal.")] = None,
    json: AsJson = False,
) -> None:
    """Say why a subscription did, or did not, copy a signal of its stream, or what a delivery came from."""
    from ops import explain

    if delivery is not None and epoch is None:
        explain.run(context.obj.stack, subscription, delivery_seq=delivery, as_json=json)
    elif delivery is None and epoch is not None and seq is not None:
        explain.run(context.obj.stack, subscription, signal=(epoch, seq), as_json=json)
    else:
        raise typer.BadParameter("give EPOCH and SEQ of a signal, or --delivery")


TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@app.command()
def whatif(
    context: typer.Context,
    subscription: Annotated[int, typer.Argument(help="Number of the subscription.")],
    settings: Annotated[str, typer.Option(help="What to change, as JSON: columns of signals.copy_settings.")],
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="The day to replay, UTC.")
    ] = None,
    begin: Annotated[
        datetime | None, typer.Option("--from", formats=TIMES, metavar="TIME", help="Or from when, UTC.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=TIMES, metavar="TIME", help="And up to when; by default now.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Replay what a master sent, the last 24 hours by default, under other settings; nothing is changed."""
    from ops import whatif

    begin, end = (at and at.replace(tzinfo=UTC) for at in (begin, end))
    if day is not None:
        if begin or end:
            raise typer.BadParameter("give --day, or --from and --to")
        begin = day.replace(tzinfo=UTC)
        end = begin + timedelta(days=1)
    if begin and end and begin >= end:
        raise typer.BadParameter("--from is not before --to")
    whatif.run(context.obj.stack, subscription, settings, begin=begin, end=end, as_json=json)


@app.command()
def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT over the views of analytics.")],
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows, at most.")] = 1000,
    seconds: Annotated[float, typer.Option(min=0.1, max=300, help="How long it may take.")] = 10,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    json: AsJson = False,
) -> None:
    """Ask the views of analytics, with the rights of an analyst: nothing can be changed by it."""
    from ops import query

    if csv and json:
        raise typer.BadParameter("give --csv or --json")
    query.run(context.obj.stack, sql, limit=limit, seconds=seconds, as_json=json, as_csv=csv)


@app.command()
def statement(
    context: typer.Context,
    account: Annotated[int, typer.Argument(help="Number of the account.")],
    currency: Annotated[str, typer.Option(help="Which of its wallets.")] = "USD",
    earnings: Annotated[bool, typer.Option("--earnings", help="What it has earned, instead of its wallet.")] = False,
    begin: Annotated[
        datetime | None,
        typer.Option("--from", formats=TIMES, metavar="TIME", help="From when, UTC; by default the first."),
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=TIMES, metavar="TIME", help="Up to when, UTC; by default now.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    json: AsJson = False,
) -> None:
    """Say what an account paid, or earned, and what for: this month, or another time."""
    from ops import statement

    if csv and json:
        raise typer.BadParameter("give --csv or --json")
    begin, end = (at and at.replace(tzinfo=UTC) for at in (begin, end))
    kind = "EARNINGS" if earnings else "WALLET"
    statement.run(context.obj.stack, account, currency, kind, begin=begin, end=end, as_json=json, as_csv=csv)


@app.command()
def tail(
    context: typer.Context,
    stream: Annotated[int | None, typer.Option(help="Of this stream only.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Watch signals, decisions and protection events as they are committed, until Ctrl-C."""
    from ops import tail

    tail.run(context.obj.stack, stream, count=count, as_json=json)


@app.command()
def alarms(context: typer.Context, json: AsJson = False) -> None:
    """List what somebody should look at now: nothing when all is well."""
    from ops import answer

    answer.table(context, json, "select * from ops.alarms order by alarm, subject")


for name, group in {
    "account": account,
    "license": licenses,
    "stream": stream,
    "subscription": subscription,
    "wallet": wallet,
    "trust": trust,
    "halt": halt,
    "audit": audit,
    "jobs": jobs,
}.items():
    app.add_typer(group.app, name=name)

bench = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(bench, name="bench", help="Measure the plane over TCP, on a stack that is deployed first.")


@bench.command()
def ingest(
    context: typer.Context,
    rate: Annotated[float, typer.Option(min=1, help="Signals a second, offered whatever comes back.")] = 5000,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10,
    masters: Annotated[int, typer.Option(min=1, help="Streams, each on a connection of its own.")] = 16,
    ttl_ms: Annotated[int, typer.Option(min=1, help="Age at which a signal is STALE.")] = 500,
    peers: Annotated[bool, typer.Option("--peers", help="Beside Redis Streams, plain inserts and an echo.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="With --peers: turns of each; medians are told.")] = 3,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="With --peers: write bars as SVG, too.")] = None,
    json: AsJson = False,
) -> None:
    """From when a signal was due to its durable ack."""
    from ops.bench import ingest

    if peers:
        from ops.bench.peers import compare

        result = compare.run(context.obj.stack, rate=rate, seconds=seconds, rounds=rounds)
        if plot is not None:
            result.plot(plot)
        result.print(as_json=json)
        return
    if plot is not None:
        raise typer.BadParameter("--plot is for --peers")
    ingest.run(context.obj.stack, rate=rate, seconds=seconds, masters=masters, ttl_ms=ttl_ms).print(as_json=json)


@bench.command()
def copy(
    context: typer.Context,
    subscribers: Annotated[int, typer.Option(min=1, help="Subscriptions, each on a connection of its own.")] = 100,
    rate: Annotated[float, typer.Option(min=0.1, help="Signals a second, each to every subscriber.")] = 50,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10,
    json: AsJson = False,
) -> None:
    """From when a master's signal was due to its arrival at the subscribers."""
    from ops.bench import copy

    copy.run(context.obj.stack, subscribers=subscribers, rate=rate, seconds=seconds).print(as_json=json)


@bench.command()
def report(
    context: typer.Context,
    subscriptions: Annotated[int, typer.Option(min=1, help="Subscriptions, each on a connection of its own.")] = 500,
    rate: Annotated[float, typer.Option(min=1, help="Reports a second, offered whatever comes back.")] = 5000,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10,
    json: AsJson = False,
) -> None:
    """From when a report was due to its durable verdict."""
    from ops.bench import report

    report.run(context.obj.stack, subscriptions=subscriptions, rate=rate, seconds=seconds).print(as_json=json)


@bench.command()
def dispatch(
    context: typer.Context,
    subscriptions: Annotated[int, typer.Option(min=1, help="Subscriptions to one stream, of mixed settings.")] = 1000,
    rate: Annotated[float, typer.Option(min=0.1, help="Signals a second, each to every subscription.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long.")] = 30,
    lanes: Annotated[int, typer.Option(min=1, max=1024, help="Lanes of the database that is made for it.")] = 4,
    json: AsJson = False,
) -> None:
    """From a master's ack to the last delivery; then what a decision costs by sizing mode, and a catch-up."""
    from ops.bench import dispatch

    result = dispatch.run(context.obj.stack, subscriptions=subscriptions, rate=rate, seconds=seconds, lanes=lanes)
    result.print(as_json=json)
    if not result.complete:
        raise typer.Exit(1)


@bench.command()
def fanout(
    context: typer.Context,
    subscribers: Annotated[int, typer.Option(min=1, help="Subscriptions, each on a connection of its own.")] = 10_000,
    rate: Annotated[float, typer.Option(min=0.1, help="Signals a second, each to every subscriber.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10,
    gateways: Annotated[int, typer.Option(min=1, help="Gateways that share the port.")] = 1,
    json: AsJson = False,
) -> None:
    """From when a master's signal was due to its last delivery, decisions stored."""
    from ops.bench import fanout

    result = fanout.run(context.obj.stack, subscribers=subscribers, rate=rate, seconds=seconds, gateways=gateways)
    result.print(as_json=json)
    if not result.complete:
        raise typer.Exit(1)


@bench.command()
def console(
    context: typer.Context,
    browsers: Annotated[int, typer.Option(min=1, help="Browsers, each told what happens.")] = 1000,
    rate: Annotated[float, typer.Option(min=1, help="Signals a second, offered whatever comes back.")] = 1000,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long, each time.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="How often without them, and with them.")] = 3,
    json: AsJson = False,
) -> None:
    """From when a signal was due to its ack, without and with browsers that watch; exit status 1 if p99 doubles."""
    from ops.bench import console

    result = console.run(context.obj.stack, browsers=browsers, rate=rate, seconds=seconds, rounds=rounds)
    result.print(as_json=json)
    if not result.holds:
        raise typer.Exit(1)


@bench.command()
def notify(
    context: typer.Context,
    rate: Annotated[float, typer.Option(min=1, help="Notifications a second, a commit each.")] = 500,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10,
    listeners: Annotated[int, typer.Option(min=1, help="Gateways that listen.")] = 1,
    json: AsJson = False,
) -> None:
    """From when a notification was due to its arrival at the listeners."""
    from ops.bench import notify

    notify.run(context.obj.stack, rate=rate, seconds=seconds, listeners=listeners).print(as_json=json)


@bench.command("all")
def everything(
    context: typer.Context,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of ingest and of each of its peers.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each load is offered.")] = 3,
    subscribers: Annotated[int, typer.Option(min=1, help="Connections that one signal goes to.")] = 10_000,
    json: AsJson = False,
) -> None:
    """Every figure that is asked of the plane's speed, with what it must be, peers beside them."""
    from ops.bench import suite

    scale = suite.Scale(subscribers=subscribers)
    suite.run(context.obj.stack, rounds=rounds, seconds=seconds, scale=scale).print(as_json=json)


@bench.command()
def growth(
    context: typer.Context,
    full: Annotated[
        bool, typer.Option("--full", help="To 10^8 signals and 100,000 subscriptions: an hour, and 60 GB.")
    ] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Of measuring each step, in turns.")] = 5,
    json: AsJson = False,
) -> None:
    """What calls cost as history, subscriptions and streams become many."""
    from ops.bench import growth

    growth.run(context.obj.stack, full=full, rounds=rounds).print(as_json=json)


@bench.command()
def capacity(
    context: typer.Context,
    rounds: Annotated[int, typer.Option(min=1, help="Of measuring each plane, in turns.")] = 5,
    json: AsJson = False,
) -> None:
    """What one operation costs, whether that predicts another plane, and what so many subscribers need."""
    from ops.bench import capacity

    capacity.run(context.obj.stack, rounds=rounds).print(as_json=json)


@bench.command()
def overload(
    context: typer.Context,
    seconds: Annotated[float, typer.Option(min=1, help="How long.")] = 10,
    json: AsJson = False,
) -> None:
    """What becomes of openings at twice the capacity, and of other masters' closes; exit status 1 if these are late."""
    from ops.bench import overload

    result = overload.run(context.obj.stack, seconds=seconds)
    result.print(as_json=json)
    if not result.holds:
        raise typer.Exit(1)


@app.command()
def torture(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="Every fault as often as docs/reliability.md says.")] = False,
    only: Annotated[str, typer.Option(metavar="IDS", help="Of the faults and controls, these: C1,N3,a.")] = "",
    seed: Annotated[int | None, typer.Option(help="Do again what a run did; by default a new one.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest run, where it ended.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Put the figures into docs/reliability.md.")] = False,
) -> None:
    """Kill, stop and flood the plane under load, and check that it kept what it promised; exit status 1 if not."""
    from ops.torture import run

    chosen = {name for name in only.split(",") if name}
    run.run(context.obj.stack_name, full=full, only=chosen, seed=seed, resume=resume, write=write)


@app.command()
def pg(
    context: typer.Context,
    action: Annotated[Literal["start", "stop", "url", "remove"], typer.Argument(help="What to do.")],
) -> None:
    """Start, stop or remove (with all its data) the Postgres of this checkout, or print its URL for psql."""
    server: Stack = context.obj.stack
    match action:
        case "start":
            server.start()
        case "stop":
            server.stop()
        case "remove":
            server.remove()
        case "url":
            typer.echo(server.url())
