"""What a gateway writes down: lines of JSON that can be put together, and no secret in any of them."""

import base64
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway import ecp_pb2 as pb
from gateway.client import Client, Refusal, sign
from gateway.main import mask
from ops import serve
from tests.gateway.conftest import KEY, Market, Master, terminate

pytestmark = pytest.mark.core

DATABASE_WORD = "hunter2-of-the-database"
STOLEN = bytes(range(100, 132))


async def everything_happens(port: int, market: Market, db: psycopg.Connection[Any], master: Master, token: str) -> int:
    """What is accepted, refused, undecided and broken; the subscription."""
    address = ("127.0.0.1", port)
    wrong = master.token.rpartition("_")[0] + "_" + "A" * 43
    for attempt in (wrong, f"{master.token}x", master.token[:50]):
        with pytest.raises(Refusal):
            await Client.connect(*address, attempt)
    provider = await Client.connect(*address, master.token, name=f"pasted {master.token}")
    copier = await Client.connect(*address, token)
    subscription = int(market.value("select max(subscription_id) from signals.subscriptions"))
    await provider.open_stream(master.stream)
    await copier.subscribe(subscription)
    await provider.publish(master.stream_id, master.signed(provider, 2))
    deliveries = await copier.next_deliveries(2)
    await provider.publish(master.stream_id, [sign(STOLEN, master.signal(provider))])
    master.seq += 10
    await provider.publish(master.stream_id, master.signed(provider))
    await provider.resync(master.stream_id, 2, KEY)
    await copier.report(
        [
            pb.Report(subscription_id=subscription, delivery_seq=number, status=pb.FAILED, code=token[:30])
            for number in (deliveries[0].delivery_seq, 99)
        ]
    )
    db.execute("alter function signals.ingest rename to away")
    await provider.publish(master.stream_id, master.signed(provider))
    terminate(db, "subscriber")
    copier.send_raw(b"\x0a\xff" + token.encode())
    await copier.ended
    await provider.logout()
    return subscription


@pytest.fixture
def master(market: Market) -> Master:
    return market.master()


async def test_it_is_json_by_which_a_connection_can_be_followed_and_has_no_secret(
    gateway_dsn: str, market: Market, db: psycopg.Connection[Any], master: Master, tmp_path: Path
) -> None:
    token, _ = market.subscriber(master)
    path = tmp_path / "log"
    options = {"ECP_LOG_LEVEL": "debug", "ECP_CALL_DEADLINE_MS": "10000"}
    url = gateway_dsn + ("&" if "?" in gateway_dsn else "?") + f"password={DATABASE_WORD}"
    with path.open("w") as log, serve.process(url, options=options, log=log) as served:
        subscription = await everything_happens(served.port, market, db, master, token)
    text = path.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(line["event"] and line["level"] and line["timestamp"].endswith("Z") for line in lines)

    def told(event: str) -> dict[str, Any]:
        return next(line for line in lines if line["event"] == event)

    opened = told("stream opened")
    assert opened["stream"] == master.stream_id
    refused = told("signals refused")
    assert refused["correlation"] == opened["correlation"]
    assert (refused["stream"], refused["seq"], refused["code"]) == (master.stream_id, 3, "TRS03")
    assert told("subscribed")["subscription"] == subscription
    assert told("subscribed")["correlation"] != opened["correlation"]
    assert told("reports refused")["subscription"] == subscription
    assert {"serving", "session opened", "signals undecided", "call failed", "database away", "stopped"} <= {
        line["event"] for line in lines
    }

    secrets = [each.rpartition("_")[2] for each in (master.token, token)] + ["A" * 43, DATABASE_WORD]
    for key in (KEY, STOLEN):
        secrets += [key.hex(), base64.b64encode(key).decode(), repr(key)[2:-1], key.decode("latin1")]
    assert [secret for secret in secrets if secret in text] == []
    assert master.token.rpartition("_")[0] in text, "which license it was may be told"


def test_a_license_in_the_text_of_an_error_is_masked() -> None:
    known = "ecp_0f8fad5bd9cb469fa16570867728950e_"
    said = mask(None, "info", {"error": f"DataError('{known}{'0123456789abcdef' * 4}')", "count": 3})
    assert said == {"error": f"DataError('{known}…')", "count": 3}
