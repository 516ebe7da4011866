"""What an answer has in it is what its view or function has: no column is forgotten, and none is made up."""

import asyncpg
import pytest
from pydantic import BaseModel

from gateway.http import calls
from gateway.http.routes import accounts, events, halts, licenses, money, operations, streams, subscriptions

pytestmark = pytest.mark.core

MODELS: list[tuple[type[BaseModel], str]] = [
    (accounts.Account, calls.ACCOUNT),
    (accounts.Line, calls.STATEMENT.sql),
    (accounts.Standing, calls.TRUST),
    (events.ProtectionEvent, calls.PROTECTION_EVENTS.sql),
    (halts.Halt, calls.HALTS),
    (licenses.Issued, calls.ISSUE_LICENSE),
    (licenses.License, calls.LICENSES.sql),
    (money.Wallet, calls.WALLETS.sql),
    (operations.Alarm, calls.ALARMS),
    (operations.Entry, calls.TRAIL.sql),
    (operations.Head, calls.HEAD),
    (operations.Job, calls.JOBS),
    (operations.Violation, calls.VERIFY_CHAIN),
    (streams.Signal, calls.SIGNALS.sql),
    (streams.Stream, calls.STREAM),
    (subscriptions.Decision, calls.DECISIONS.sql),
    (subscriptions.Explanation, calls.EXPLAIN),
    (subscriptions.Outcome, calls.WHAT_IF),
    (subscriptions.StateChange, calls.STATE_CHANGES.sql),
    (subscriptions.Subscription, calls.SUBSCRIPTION),
]


async def test_fields_are_columns(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    found = {}
    for model, sql in MODELS:
        statement = await connection.prepare(sql)
        found[model.__name__] = [column.name for column in statement.get_attributes()]
    await connection.close()
    assert found == {model.__name__: list(model.model_fields) for model, _ in MODELS}
