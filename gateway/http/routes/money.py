"""Wallets, and what is paid in and out; statements are the account's."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from gateway.http import calls
from gateway.http.caller import ACTOR, Reads, Writes
from gateway.http.pages import Page, PageOf
from gateway.http.routes.fields import Amount, Body, Currency, Number

router = APIRouter(prefix="/v1/wallets", tags=["money"])


class Wallet(BaseModel):
    """An account of the ledger."""

    account_id: int | None
    account: str | None
    kind: str
    currency: str
    balance: Decimal
    held: Decimal
    available: Decimal
    created_at: datetime
    ledger_account_id: int


class NewWallet(Body):
    account_id: Number
    currency: Currency


class WalletMade(BaseModel):
    ledger_account_id: int


class Payment(Body):
    account_id: Number
    currency: Currency
    amount: Amount
    key: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] = Field(
        description="The payment's own name, such as the bank's: it is booked once, whoever asks and how often."
    )


class Withdrawal(Payment):
    kind: Literal["WALLET", "EARNINGS"] = "WALLET"


class Paid(BaseModel):
    transfer_id: int


@router.get("", response_model=Page[Wallet])
async def wallets(caller: Reads, paging: PageOf) -> dict[str, Any]:
    """The accounts of the ledger that the caller may see."""
    return await caller.page(calls.WALLETS, paging)


@router.post("", status_code=201, response_model=WalletMade)
async def open_wallet(caller: Writes, new: NewWallet) -> Response:
    """A subscriber's wallet, new or as it is. Operators."""
    return await caller.write(WalletMade, calls.OPEN_WALLET, new.account_id, new.currency)


@router.post("/deposits", status_code=201, response_model=Paid)
async def deposit(caller: Writes, paid: Payment) -> Response:
    """Money that has arrived. Operators."""
    return await caller.write(Paid, calls.DEPOSIT, paid.account_id, paid.currency, paid.amount, paid.key, ACTOR)


@router.post("/withdrawals", status_code=201, response_model=Paid)
async def withdraw(caller: Writes, paid: Withdrawal) -> Response:
    """Money that is paid out. Operators."""
    return await caller.write(
        Paid, calls.WITHDRAW, paid.account_id, paid.currency, paid.amount, paid.key, ACTOR, paid.kind
    )
