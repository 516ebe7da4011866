"""How much memory the gateway of a bench has."""

import os
from pathlib import Path

from gateway.client import Client
from ops.bench import market


def gateway_kb() -> int:
    """Resident memory of the one gateway that this process has started."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    (pid,) = [
        pid
        for task in tasks
        for pid in task.read_text().split()
        if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def connection_kb(port: int, followers: list[market.Follower]) -> float:
    """Of one subscriber's connection, on average; the first tenth of them, which fills caches, is not counted."""
    few = len(followers) // 10
    clients = await _subscribe(port, followers[:few])
    before = gateway_kb()
    clients += await _subscribe(port, followers[few:])
    grown = gateway_kb() - before
    for client in clients:
        await client.close()
    return round(grown / (len(followers) - few), 1)


async def _subscribe(port: int, followers: list[market.Follower]) -> list[Client]:
    clients = []
    for follower in followers:
        client = await Client.connect("127.0.0.1", port, follower.token)
        await client.subscribe(follower.subscription_id)
        clients.append(client)
    return clients
