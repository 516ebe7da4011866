"""Browsers that watch the console, in a process of their own: `python -m ops.bench.browsers URL LICENSE COUNT`.

It says `ready` when all are told what happens, and when its standard input ends, how often each was."""

import asyncio
import json
import sys
from urllib.parse import urlsplit

import httpx
import typer

READING = b"event: numbers\n"
LIMIT = 1 << 20
AT_ONCE = 20
"""So many ask at the same time: people do not come all in one second."""


async def main(url: str, token: str, count: int) -> None:
    async with httpx.AsyncClient(base_url=url, headers={"Origin": url}, timeout=30) as browser:
        answer = await browser.post("/console/sign-in", data={"license": token, "scope": "operator"})
        assert answer.is_redirect, answer.text
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    told = [0] * count
    watched = [asyncio.Event() for _ in range(count)]
    address = urlsplit(url)
    joining = asyncio.Semaphore(AT_ONCE)

    async def watch(number: int) -> None:
        async with joining:
            reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=LIMIT)
            writer.write(f"GET /console/live HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {cookies}\r\n\r\n".encode())
            status = await reader.readline()
            assert b" 200 " in status, status
        while True:
            await reader.readuntil(READING)
            told[number] += 1
            watched[number].set()

    async with asyncio.TaskGroup() as all_of_them:
        watching = [all_of_them.create_task(watch(number)) for number in range(count)]
        for event in watched:
            await event.wait()
        told[:] = [0] * count
        typer.echo("ready")
        await asyncio.to_thread(sys.stdin.read)
        for task in watching:
            task.cancel()
    typer.echo(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
