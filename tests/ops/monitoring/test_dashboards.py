"""Dashboards that Grafana can import, as the program beside them writes them."""

import json

import pytest

from ops.monitoring import dashboards


def test_the_files_are_what_the_program_writes() -> None:
    """Write them anew with `python -m ops.monitoring.dashboards`."""
    there = {path.stem: path.read_text() for path in dashboards.FOLDER.glob("*.json")}
    assert there == {name: dashboards.text(name) for name in dashboards.DASHBOARDS}


@pytest.mark.parametrize("name", dashboards.DASHBOARDS)
def test_panels_lie_beside_each_other(name: str) -> None:
    board = json.loads(dashboards.text(name))
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)
    assert all(panel["targets"] for panel in board["panels"])
    assert len({panel["id"] for panel in board["panels"]}) == len(places)
