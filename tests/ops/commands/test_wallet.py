"""`ecp wallet`: money in and out, once for each key."""

import pytest

from tests.db.billing.conftest import Bank
from tests.db.plane import Plane
from tests.ops.commands.conftest import Ecp, Said

pytestmark = pytest.mark.core


def test_money_comes_and_goes_once_for_each_key(own_plane: Plane, said: Said) -> None:
    account = own_plane.account("subscriber")
    said("wallet", "open", account)
    first = said("wallet", "deposit", account, "250.50", "--key", "wire 1", "--actor", "Ada")
    assert said("wallet", "deposit", account, "250.50", "--key", "wire 1", "--actor", "Ada") == first
    said("wallet", "withdraw", account, "50.25", "--key", "wire 2")
    (row,) = said("wallet", "list", "--account", account)["rows"]
    assert (row["kind"], row["currency"], row["balance"], row["available"]) == ("WALLET", "USD", "200.25", "200.25")
    assert len(said("wallet", "list")["rows"]) > 1, "money comes from somewhere"


def test_a_fee_is_given_back_once(own_plane: Plane, ecp: Ecp, said: Said) -> None:
    master = own_plane.master()
    copier = own_plane.copier(master)
    Bank(own_plane).pays(copier, 100, flat=2)
    master.does("OPEN", 1)
    (delivery,) = copier.receives()
    copier.reports(delivery.delivery_seq)
    refund = (
        "wallet",
        "refund",
        copier.subscription,
        delivery.delivery_seq,
        "--reason",
        "a bad fill",
        "--actor",
        "Ada",
    )
    assert float(said(*refund)["amount"]) == 2
    assert ecp(*refund).stderr.startswith("ecp: TRB07 ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("open", 999), "TRA08"),
        (("open", "{account}", "--currency", "usd"), "TRB02"),
        (("deposit", 999, 1, "--key", "k"), "TRB08"),
        (("deposit", "{account}", 0, "--key", "k"), "TRB01"),
        (("deposit", "{account}", "0.001", "--key", "k"), "TRB03"),
        (("deposit", "{account}", 1, "--key", ""), "TRB13"),
        (("withdraw", "{account}", 1, "--key", "k"), "TRB04"),
        (("withdraw", "{account}", 1, "--key", "k", "--earnings"), "TRB08"),
        (("refund", 999, 1, "--reason", "r"), "TRB12"),
    ],
)
def test_what_cannot_be_is_refused(own_plane: Plane, ecp: Ecp, arguments: tuple[object, ...], code: str) -> None:
    account = own_plane.account("subscriber")
    own_plane.operator.execute("select billing.open_wallet(%s, 'USD')", [account])
    refused = ecp("wallet", *(str(argument).format(account=account) for argument in arguments))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"ecp: {code} ")


@pytest.mark.parametrize("arguments", [("deposit", 1, "much", "--key", "k"), ("deposit", 1, 1), ("refund", 1, 1)])
def test_usage_errors_exit_with_2(ecp: Ecp, arguments: tuple[object, ...]) -> None:
    assert ecp("wallet", *arguments).exit_code == 2
