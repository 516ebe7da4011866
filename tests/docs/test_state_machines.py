"""The drawings of docs/state_machines.md are the tables."""

import re
from typing import Any

import pytest
from psycopg import Connection

from ops.paths import ROOT

pytestmark = pytest.mark.core

ARROW = re.compile(r"^    ([A-Z_]+) --> ([A-Z_]+): ([a-z_]+)$", re.MULTILINE)


def test_the_drawing_has_exactly_the_legal_transitions(db: Connection[Any]) -> None:
    page = (ROOT / "docs/state_machines.md").read_text()
    subscription = page.split("## Subscription", 1)[1].split("## ", 1)[0]
    legal = db.execute("select from_state, to_state, cause from signals.subscription_transitions").fetchall()
    assert sorted(ARROW.findall(subscription)) == sorted(legal)
