"""Sockets and TLS, against a server of our own."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ops.mql5.build import build
from ops.mql5.program import Value, run_script
from tests.ops.mql5.conftest import PROGRAMS


@pytest.fixture(scope="module")
def caller() -> Path:
    return build(PROGRAMS / "Caller.mq5")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    (folder / "both.pem").write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return folder / "both.pem"


@asynccontextmanager
async def serving(tls: Path | None = None, lingers_s: float = 0) -> AsyncIterator[int]:
    """A server that says once, in capitals, what it was told, and hangs up, at once or later."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(1000)).decode().upper().encode())
        await writer.drain()
        await asyncio.sleep(lingers_s)
        writer.close()

    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        context.num_tickets = 0  # they would come whenever they come, and count as readable
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_bytes_go_out_and_come_in_until_the_other_side_hangs_up(caller: Path, tmp_path: Path) -> None:
    async with serving() as port:
        said = await run_script(caller, tmp_path, {"InpPort": port, "InpSay": "grüße"})
    assert said == ["guessed 1 -1 0 0", "sent 7 true true", "GRÜSSE", "gone", "read -1 5273", "true -1 5270"]


@pytest.mark.parametrize(
    ("inputs", "options", "error"),
    [
        ({"InpHost": "127.0.0.1"}, ["--allow", "example.com"], 4014),
        ({"InpHost": "127.0.0.1"}, ["--tester"], 4014),
        ({"InpPort": 1}, [], 5272),
    ],
)
async def test_a_connection_is_refused(
    caller: Path, tmp_path: Path, inputs: dict[str, Value], options: list[str], error: int
) -> None:
    async with serving() as port:
        said = await run_script(caller, tmp_path, {"InpPort": port} | inputs, options=options)
    assert said == [f"no connection {error}"]


@pytest.mark.parametrize("lingers_s", [0, 0.2])
async def test_tls_speaks_to_a_server_that_is_trusted(
    caller: Path, tmp_path: Path, certificate: Path, lingers_s: float
) -> None:
    async with serving(certificate, lingers_s) as port:
        said = await run_script(
            caller,
            tmp_path,
            {"InpHost": "localhost", "InpPort": port, "InpTls": True, "InpSay": "abc"},
            options=["--authorities", str(certificate)],
        )
    assert said == [
        "/CN=localhost 40 true",
        "guessed 1 0 0 0",
        "sent 3 true true",
        "ABC",
        "gone",
        "read -1 5273",
        "true -1 5270",
    ]


@pytest.mark.parametrize(("host", "trusts"), [("localhost", False), ("127.0.0.1", True)])
async def test_tls_refuses_a_stranger(caller: Path, tmp_path: Path, certificate: Path, host: str, trusts: bool) -> None:
    async with serving(certificate) as port:
        said = await run_script(
            caller,
            tmp_path,
            {"InpHost": host, "InpPort": port, "InpTls": True},
            options=["--authorities", str(certificate)] if trusts else [],
        )
    assert said == ["no handshake 5274"]
