"""Whether a database is one that can be served, asked before anything is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from gateway import calls
from gateway.errors import StartupRefused, Texts
from gateway.lanes import LOST, Connect, Connection

MINIMUM_SERVER = 170_000


@asynccontextmanager
async def suitable(connect: Connect, expected: str | None) -> AsyncIterator[Connection]:
    """A connection to a database at the version `expected` (None: any). Raises StartupRefused."""
    try:
        connection = await connect()
    except asyncpg.InvalidParameterValueError as error:  # the role does not exist
        raise StartupRefused("TRD04", str(error)) from error
    except LOST as error:
        raise StartupRefused("TRD01", str(error)) from error
    try:
        version = await connection.fetchval(calls.SERVER_VERSION)
        if version < MINIMUM_SERVER:
            raise StartupRefused("TRD03", f"It is {version // 10_000}.")
        if not await connection.fetchval(calls.IS_DEPLOYED):
            raise StartupRefused("TRD04")
        fingerprint = await connection.fetchval(calls.FINGERPRINT)
        if expected is not None and fingerprint != expected:
            raise StartupRefused("TRD05", f"It is at {str(fingerprint)[:12]}, this gateway needs {expected[:12]}.")
        yield connection
    finally:
        await connection.close(timeout=1)


async def texts(connection: Connection) -> Texts:
    """What the codes say."""
    return Texts([(row[0], row[1], row[2], row[3]) for row in await connection.fetch(calls.ERRORS)])
