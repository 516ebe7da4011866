"""What /openapi.json says and what happens are the same, for every operation and whoever asks; and whatever is sent is
no failure of ours, and refused if it is invalid. ECP_SCHEMA_EXAMPLES says how much is tried."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.checks import negative_data_rejection

from gateway.http.app import application
from gateway.http.server import Http
from gateway.settings import Settings
from tests.gateway.conftest import Market

pytestmark = pytest.mark.core

EXAMPLES = int(os.environ.get("ECP_SCHEMA_EXAMPLES", "12"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


def operations() -> list[Any]:
    """All of them, as for somebody who has his token: what becomes of tokens that are none is in test_tokens.py."""
    described = application().openapi()
    for path in described["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    found: list[Any] = list(schemathesis.openapi.from_dict(described).get_all_operations())
    return [each.ok() for each in found]


SCOPES = ("tenant", "operator", "analyst", "auditor", None)


@dataclass
class World:
    """An API in a thread of its own, tokens of every scope, and the numbers of what is there."""

    url: str
    tokens: dict[str, str]
    known: dict[str, Any]


@pytest.fixture(scope="module")
def world(clone: Callable[[], AbstractContextManager[str]]) -> Iterator[World]:
    with clone() as url, psycopg.connect(url, autocommit=True) as db, Served(url) as base:
        market = Market(db)
        master = market.master()
        account = market.account("subscriber")
        subscription = market.follow(account, master)
        market.value("select billing.open_wallet(%s::bigint, 'USD')", account)
        market.license(account, "subscribe")
        known = {
            "account_id": account,
            "stream_id": master.stream_id,
            "subscription_id": subscription,
            "portfolio_id": market.portfolio(subscription),
            "license_id": str(market.value("select license_id from access.licenses where purpose = 'subscribe'")),
            "epoch": 1,
            "seq": 1,
            "delivery_seq": 1,
            "currency": "USD",
        }
        accounts = {scope: market.account(scope) for scope in ("operator", "analyst", "auditor")} | {"tenant": account}
        tokens = {
            scope: httpx.post(
                f"{base}/v1/tokens", json={"license": market.license(number, "api"), "scope": scope}
            ).json()["access_token"]
            for scope, number in accounts.items()
        }
        yield World(base, tokens, known)


class Served:
    """The API on a loop of its own, so that the client may block."""

    def __init__(self, database_url: str) -> None:
        limitless = "1000000/second"
        self._http = Http(
            Settings(
                http=True,
                http_port=0,
                database_url=database_url,
                http_rate=limitless,
                http_guess_rate=limitless,
                http_exchange_rate=limitless,
            )
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> str:
        self._thread.start()
        self._run(self._http.start())
        return self._http.url

    def __exit__(self, *_: object) -> None:
        self._run(self._http.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


def meant(case: Any, known: dict[str, Any]) -> Any:
    """The same about what is there, so that it gets further than its first lookup."""
    for given_fields in (case.path_parameters, case.body):
        if isinstance(given_fields, dict):
            given_fields.update({name: known[name] for name in given_fields if name in known})
    return case


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
def test_an_operation_keeps_to_its_description_whoever_asks(operation: Any, world: World) -> None:
    valid = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    cases = (
        valid
        | valid.map(lambda case: meant(case, world.known))
        | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    )

    @settings(
        max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases, scope=st.sampled_from(SCOPES))
    def ask(case: Any, scope: str | None) -> None:
        headers = {"Authorization": f"Bearer {world.tokens[scope]}"} if scope else {}
        case.call_and_validate(base_url=world.url, headers=headers, checks=CHECKS)

    ask()
