"""What was charged, to whom and for what."""

from decimal import Decimal

import pytest

from tests.db.billing.conftest import Bank
from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_a_copy_fee_is_a_row_for_the_provider_and_one_for_the_platform(
    plane: Plane, master: Master, copier: Copier
) -> None:
    Bank(plane).pays(copier, 10, flat=2, platform_share="0.25")
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    shown = plane.rows(
        "select kind, subscription_id, stream_id, delivery_seq, currency, amount, is_platforms"
        " from analytics.fees order by is_platforms"
    )
    row = ("COPY_FEE", copier.subscription, master.stream, 1, "USD")
    assert shown == [(*row, Decimal("1.50"), False), (*row, Decimal("0.50"), True)]


def test_deposits_are_no_fees(plane: Plane, copier: Copier) -> None:
    Bank(plane).pays(copier, 10, flat=2)
    assert plane.rows("select from analytics.fees") == []
