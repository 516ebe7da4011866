"""A wire to the database that can be cut, and one that can go silent."""

import asyncio
from typing import Self
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict


class Proxy:
    """Forwards a port of this machine to the server of `dsn`; `url` leads through it."""

    def __init__(self, dsn: str) -> None:
        self._target = conninfo_to_dict(dsn)
        self._pairs: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        user, name = (quote(str(self._target[key])) for key in ("user", "dbname"))
        self.url = f"postgresql://{user}@127.0.0.1:{port}/{name}?sslmode=disable"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Every connection breaks, and new ones do too."""
        self._refuses = True
        for writer in list(self._pairs):
            writer.transport.abort()

    def hang(self) -> None:
        """As a stopped server: connections are taken, and nothing is ever said."""
        self._flows.clear()

    def restore(self) -> None:
        self._refuses = False
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        host, port = str(self._target["host"]), str(self._target.get("port", 5432))
        if host.startswith("/"):
            onward = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            onward = await asyncio.open_connection(host, int(port))
        for source, sink in ((reader, onward[1]), (onward[0], writer)):
            self._pairs.add(sink)
            task = asyncio.create_task(self._forward(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await self._flows.wait()
                sink.write(data)
        except ConnectionError:
            pass
        finally:
            sink.close()
            self._pairs.discard(sink)
