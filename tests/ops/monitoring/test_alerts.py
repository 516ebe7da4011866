"""Alerts that fire when they should and not before, and lead to a runbook that is there."""

import re
import subprocess

from ops.paths import ROOT

FOLDER = ROOT / "ops/monitoring"
RUNBOOKS = ROOT / "ops/runbooks"
RULES = (FOLDER / "alerts.yml").read_text().split("      - alert: ")[1:]


def field(rule: str, name: str) -> str:
    found = re.search(rf"^ +{name}: \"?(.+?)\"?$", rule, re.MULTILINE)
    return found[1] if found else ""


ALERTS = {rule.split("\n")[0]: rule for rule in RULES}


def promtool_says(promtool: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [promtool, *arguments], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def test_prometheus_takes_the_rules(promtool: str) -> None:
    code, said = promtool_says(promtool, "check", "rules", "alerts.yml")
    assert code == 0, said


def test_each_fires_when_it_should_and_alone(promtool: str) -> None:
    code, said = promtool_says(promtool, "test", "rules", "alerts_test.yml")
    assert code == 0, said


def test_each_is_shown_quiet_and_firing() -> None:
    tests = (FOLDER / "alerts_test.yml").read_text().split("  - name: ")[1:]
    assert [test.split("\n")[0] for test in tests] == list(ALERTS)
    for test in tests:
        name = test.split("\n")[0]
        assert test.count("exp_samples: []") == 1, f"{name} is quiet at first"
        assert f"labels: '{{alertname=\"{name}\"}}'" in test, f"{name} fires"


def test_each_says_how_bad_it_is_what_it_means_and_what_to_read() -> None:
    for name, rule in ALERTS.items():
        assert field(rule, "severity") in {"critical", "warning", "info"}, name
        assert field(rule, "summary"), name
        assert field(rule, "description"), name
        assert (ROOT / field(rule, "runbook")).is_file(), name


def test_every_runbook_is_what_some_alert_leads_to() -> None:
    there = {f"ops/runbooks/{path.name}" for path in RUNBOOKS.iterdir() if path.name not in {"README.md", "begin.psql"}}
    assert there == {field(rule, "runbook") for rule in RULES}


def test_the_documentation_has_a_line_for_each() -> None:
    lines = re.findall(
        r"^\| `(\w+)` \| (\w+) \| .+ \| \[\w+\]\(\.\./(ops/runbooks/\S+)\) \|$",
        (ROOT / "docs/operations.md").read_text(),
        re.MULTILINE,
    )
    assert lines == [(name, field(rule, "severity"), field(rule, "runbook")) for name, rule in ALERTS.items()]
