"""An answer is kept once, and by whom it was given to."""

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core

END = "select access.end_request(%s, 201::smallint, %s)"


def test_an_answer_stands(plane: Plane) -> None:
    token = plane.tokens(plane.license(plane.account(), "api").token).access_token
    with plane.connect("ecp_api") as api:
        with api.transaction():
            api.execute("select access.admit(%s)", [token])
            api.execute("select access.begin_request('a', '1')")
            api.execute(END, ["a", "first"])
            api.execute(END, ["a", "second"])
        api.execute(END, ["a", "nobody's"])
    assert plane.value("select answer from access.requests") == "first"
