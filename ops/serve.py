"""`ecp serve`: a gateway in this process; and one in a process of its own, for the demo and the benches."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TextIO

import typer

from gateway import main
from gateway.errors import StartupRefused
from gateway.settings import Settings
from ops.errors import Refusal
from ops.postgres import Stack
from ops.schema import deploy

READY = "listening on "


def run(stack: Stack, *, host: str, port: int | None, http_port: int | None) -> None:
    """Serve the TCP protocol, the HTTP API or both (a port of None leaves one out) until SIGTERM or Ctrl-C. Raises
    TRD01, TRD03, TRD04 or TRD05 when the database does not suit, TRD13 when an address is taken."""
    stack.start()
    # Shells allow a thousand open files, and every client is one.
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
    settings = Settings(
        database_url=stack.url(),
        host=host,
        tcp=port is not None,
        port=port or 0,
        http=http_port is not None,
        http_port=http_port or 0,
    )
    try:
        main.run(settings, deploy.fingerprint(), lambda host, port: typer.echo(f"{READY}{host}:{port}"), typer.echo)
    except StartupRefused as refused:
        raise Refusal(refused.code, refused.message, refused.hint) from refused
    except OSError as error:
        raise Refusal("TRD13", f"cannot listen on {host}: {error}", "choose another --port or --http-port") from error


class Served(NamedTuple):
    """A gateway in a process of its own; `url` of its HTTP API, empty without one."""

    port: int
    pid: int
    url: str = ""


@contextmanager
def gateway(database_url: str, *, log: TextIO | None = None) -> Iterator[int]:
    """A gateway on a free port of 127.0.0.1, ended by SIGTERM; the port. It logs to `log`, or to standard error."""
    with process(database_url, log=log) as served:
        yield served.port


@contextmanager
def process(
    database_url: str,
    *,
    port: int = 0,
    http_port: int | None = None,
    options: Mapping[str, str] | None = None,
    log: TextIO | None = None,
    program: Sequence[str] = ("ops",),
) -> Iterator[Served]:
    """The same, for who must know its process too, have its HTTP API, set `options` (ECP_* variables), or have another
    `program` in the place of `ecp`: a module, and arguments that go before those of `ecp`."""
    http = ["--no-http"] if http_port is None else ["--http-port", str(http_port)]
    arguments = ["--database-url", database_url, "serve", "--port", str(port), *http]
    command = [sys.executable, "-m", *program, *arguments]
    environment = os.environ | (options or {})
    # In a group of its own: Ctrl-C is for who started it, and clients of his should not see it go before they do.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, process_group=0
    ) as started:
        try:
            assert started.stdout is not None
            line = started.stdout.readline()
            url = "" if http_port is None else started.stdout.readline().strip()
            if not line.startswith(READY) or (http_port is not None and not url):
                where = f"in {log.name}" if log else "above"
                raise Refusal("TRD14", "the gateway did not start", f"its own message is {where}")
            yield Served(int(line.rpartition(":")[2]), started.pid, url)
        finally:
            started.terminate()
