"""`ecp wallet`."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from ops import answer
from ops.commands.options import Actor, AsJson, Currency, Limit, Reason, group

app = group("Prepaid money, and what it went for.")
Account = Annotated[int, typer.Argument(help="Number of the account.")]
Key = Annotated[str, typer.Option(help="Of this request: asked again with it, nothing is moved twice.")]


def _money(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter("an amount looks like 250.00") from None


Amount = Annotated[Decimal, typer.Argument(parser=_money, metavar="AMOUNT", help="How much, above zero.")]


@app.command("list")
def list_balances(
    context: typer.Context,
    account: Annotated[int | None, typer.Option(help="Of this account.")] = None,
    limit: Limit = 1000,
    json: AsJson = False,
) -> None:
    """List the ledger accounts: wallets and earnings, the platform's and the outside's."""
    sql = (
        "select * from analytics.balances where account_id is not distinct from coalesce(%s, account_id)"
        " order by account_id, kind, currency"
    )
    answer.table(context, json, sql, account, limit=limit)


@app.command("open")
def open_wallet(context: typer.Context, account: Account, currency: Currency = "USD", json: AsJson = False) -> None:
    """Make a wallet, and print the number of its ledger account."""
    answer.record(context, json, "select billing.open_wallet(%s, %s) as ledger_account_id", account, currency)


@app.command()
def deposit(
    context: typer.Context,
    account: Account,
    amount: Amount,
    key: Key,
    actor: Actor,
    currency: Currency = "USD",
    json: AsJson = False,
) -> None:
    """Enter money that has arrived, and print the number of the transfer."""
    sql = "select billing.deposit(%s, %s, %s, %s, %s) as transfer_id"
    answer.record(context, json, sql, account, currency, amount, key, actor)


@app.command()
def withdraw(
    context: typer.Context,
    account: Account,
    amount: Amount,
    key: Key,
    actor: Actor,
    currency: Currency = "USD",
    earnings: Annotated[bool, typer.Option("--earnings", help="Of what it has earned, instead of its wallet.")] = False,
    json: AsJson = False,
) -> None:
    """Enter money that was paid out, at most what is available, and print the number of the transfer."""
    sql = "select billing.withdraw(%s, %s, %s, %s, %s, %s) as transfer_id"
    answer.record(context, json, sql, account, currency, amount, key, actor, "EARNINGS" if earnings else "WALLET")


@app.command()
def refund(
    context: typer.Context,
    subscription: Annotated[int, typer.Argument(help="Number of the subscription.")],
    delivery: Annotated[int, typer.Argument(help="Number of the delivery.")],
    reason: Reason,
    actor: Actor,
    json: AsJson = False,
) -> None:
    """Give the fee of a delivery back, once, and print how much it was."""
    answer.record(
        context, json, "select billing.refund(%s, %s, %s, %s) as amount", subscription, delivery, actor, reason
    )
