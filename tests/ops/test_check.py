"""plpgsql_check reads every function during the deploy, on the stack that has it."""

import pytest

from ops.errors import Refusal
from tests.ops.conftest import Project

BODIES = {
    "a column that is not there": "begin perform i.nothing from shop.items as i; end",
    "a variable that nobody reads": "declare v_lost integer; begin v_lost := 1; end",
    "SQL put together from an argument": "begin execute 'select ' || p_sql; end",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_function_with_a_finding_is_refused(project: Project, body: str) -> None:
    project.deploy()
    before = project.snapshot()
    project.write(
        "functions/shop/wrong.sql",
        f"create or replace function shop.wrong(p_sql text) returns void language plpgsql as $$ {body} $$;",
    )
    with pytest.raises(Refusal, match=r"shop\.wrong\(text\)") as caught:
        project.deploy()
    assert caught.value.code == "TRD12"
    assert project.snapshot() == before


def test_a_trigger_function_is_read_against_its_table(project: Project) -> None:
    text = (project.root / "functions/shop/guard.sql").read_text()
    project.write("functions/shop/guard.sql", text.replace("new.price", "new.cost"))
    with pytest.raises(Refusal, match=r"shop\.guard\(\).*cost") as caught:
        project.deploy()
    assert caught.value.code == "TRD12"
