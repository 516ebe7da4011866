"""What is asked again under the same key is answered again, and done once."""

from collections.abc import Callable

import psycopg
import pytest

from tests.db.plane import Plane, run_together

pytestmark = pytest.mark.core

BEGIN = "select * from access.begin_request(%s, %s)"
END = "select access.end_request(%s, 201::smallint, %s)"


def asks(plane: Plane, account: int, key: str, body: bytes, do: Callable[[], str]) -> str:
    """The answer: of what is done now, or of what was done then."""
    token = plane.tokens(plane.license(account, "api").token).access_token
    with plane.connect("ecp_api") as api, api.transaction():
        api.execute("select access.admit(%s)", [token])
        if (before := api.execute(BEGIN, [key, body]).fetchone()) is not None:
            assert before[0] == 201
            return str(before[1])
        api.execute(END, [key, answer := do()])
        return answer


def test_the_first_answer_is_given_again(plane: Plane) -> None:
    account = plane.account()
    assert asks(plane, account, "a", b"1", lambda: "first") == "first"
    assert asks(plane, account, "a", b"1", lambda: "second") == "first"
    assert asks(plane, account, "b", b"1", lambda: "third") == "third"


def test_a_key_is_for_one_request(plane: Plane) -> None:
    account = plane.account()
    asks(plane, account, "a", b"1", lambda: "first")
    with pytest.raises(psycopg.Error) as raised:
        asks(plane, account, "a", b"2", lambda: "second")
    assert raised.value.sqlstate == "TRW08"


def test_a_key_is_of_one_account(plane: Plane) -> None:
    one, other = plane.account(), plane.account()
    assert asks(plane, one, "a", b"1", lambda: "of one") == "of one"
    assert asks(plane, other, "a", b"1", lambda: "of the other") == "of the other"


def test_what_failed_leaves_nothing(plane: Plane) -> None:
    account = plane.account()

    def fail() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asks(plane, account, "a", b"1", fail)
    assert asks(plane, account, "a", b"1", lambda: "done") == "done"


def test_of_many_at_the_same_moment_one_does_it(plane: Plane) -> None:
    account = plane.account()
    done: list[int] = []

    def do() -> str:
        done.append(1)
        return "done"

    answers: list[str] = []
    run_together(*[lambda: answers.append(asks(plane, account, "a", b"1", do))] * 4)
    assert (answers, len(done)) == (["done"] * 4, 1)


def test_nobody_has_no_keys(plane: Plane) -> None:
    with plane.connect("ecp_operator") as operator, pytest.raises(psycopg.Error) as raised:
        operator.execute(BEGIN, ["a", b"1"])
    assert raised.value.sqlstate == "TRW11"
