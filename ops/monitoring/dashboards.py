"""Grafana dashboards: `python -m ops.monitoring.dashboards` writes dashboards/*.json, which Grafana imports.

A panel is a title, a unit and what it shows: a line of PromQL with its legend each. What all panels have in common is
here once; a test holds the files against it. Every gateway tells the same state of the plane, hence max.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent / "dashboards"
WIDTH, HEIGHT, ACROSS = 12, 8, 24


class Panel(NamedTuple):
    title: str
    unit: str
    queries: dict[str, str]
    """PromQL by its legend."""
    kind: str = "timeseries"


def quantiles(histogram: str, labels: str = "") -> dict[str, str]:
    rate = f"sum by (le) (rate({histogram}_bucket{labels}[$__rate_interval]))"
    return {f"p{q}": f"histogram_quantile(0.{q}, {rate})" for q in ("50", "95", "99")}


def by_stage(stage: str) -> Panel:
    rate = f'sum by (le, call) (rate(ecp_stage_seconds_bucket{{stage="{stage}"}}[$__rate_interval]))'
    return Panel(f"Stage {stage}, 99 of 100", "s", {"{{call}}": f"histogram_quantile(0.99, {rate})"})


def rate(counter: str, by: str) -> str:
    return f"sum by ({by}) (rate({counter}[$__rate_interval]))"


FEES = '{kind=~".*FEE|ARREARS"}'

DASHBOARDS = {
    "hot_path": (
        "Hot path",
        [
            Panel("Signals by verdict", "cps", {"{{verdict}}": rate("ecp_signals_total", "verdict")}),
            Panel("From bytes to durable verdict", "s", quantiles("ecp_ingest_latency_seconds")),
            Panel("From acceptance to delivery", "s", quantiles("ecp_stage_seconds", '{stage="fan_out"}')),
            Panel("Deliveries", "cps", {"{{source}}": rate("ecp_deliveries_total", "source")}),
            *map(by_stage, ("read", "queue", "database", "ack")),
            Panel("Reports by verdict", "cps", {"{{verdict}}": rate("ecp_reports_total", "verdict")}),
            Panel("Waiting for a connection", "s", {"{{instance}} {{link}}": "ecp_link_waiting_seconds"}),
            Panel(
                "Waiting for followers",
                "short",
                {
                    "signals": "max(ecp_dispatch_waiting_signals)",
                    "subscriptions to be read for": "sum(ecp_subscriptions_behind)",
                    "without an answer": "sum(ecp_inflight_items)",
                },
            ),
            Panel("Errors that clients are told", "cps", {"{{code}}": rate("ecp_client_errors_total", "code")}),
        ],
    ),
    "trust": (
        "Trust",
        [
            Panel(
                "Accounts by score",
                "short",
                {"{{role}} {{band}}": "max by (role, band) (ecp_trust_accounts)"},
                "bargauge",
            ),
            Panel("Subscriptions by state", "short", {"{{state}}": "max by (state) (ecp_subscriptions)"}),
            Panel(
                "Refusals by plane and guards",
                "cps",
                {"{{origin}} {{code}}": "max by (origin, code) (rate(ecp_protection_events_total[$__rate_interval]))"},
            ),
            Panel(
                "Signals refused",
                "percentunit",
                {
                    "refused": 'sum(rate(ecp_signals_total{verdict!~"ACCEPTED|DUPLICATE"}[$__rate_interval]))'
                    " / sum(rate(ecp_signals_total[$__rate_interval]))"
                },
            ),
            Panel("Without an answer, since", "s", {"{{action}}": "max by (action) (ecp_unanswered_seconds)"}),
            Panel("Without an answer", "short", {"{{action}}": "max by (action) (ecp_unanswered_deliveries)"}),
        ],
    ),
    "money": (
        "Money",
        [
            Panel(
                "Fees in an hour",
                "short",
                {"{{kind}} {{currency}}": f"max by (kind, currency) (increase(ecp_transfers_amount_total{FEES}[1h]))"},
            ),
            Panel(
                "Transfers in an hour",
                "short",
                {"{{kind}} {{currency}}": "max by (kind, currency) (increase(ecp_transfers_amount_total[1h]))"},
            ),
            Panel("Balances", "short", {"{{kind}} {{currency}}": "max by (kind, currency) (ecp_ledger_balance)"}),
            Panel(
                "Held and owed",
                "short",
                {
                    "held {{currency}}": "max by (currency) (ecp_ledger_held)",
                    "in arrears {{currency}}": "max by (currency) (ecp_ledger_arrears)",
                },
            ),
            Panel(
                "Out of money", "short", {"subscriptions": 'max(ecp_subscriptions{state="LOCKED_NO_FUNDS"})'}, "stat"
            ),
            Panel(
                "What does not add up",
                "short",
                {"lanes": "max(ecp_ledger_open_lanes)", "accounts": "max(ecp_ledger_mismatches_total)"},
                "stat",
            ),
        ],
    ),
    "system": (
        "System",
        [
            Panel("Database reachable", "short", {"{{instance}}": "ecp_database_up"}, "stat"),
            Panel("Alarms", "short", {"{{alarm}}": "max by (alarm) (ecp_alarms)"}, "stat"),
            Panel("Clients connected", "short", {"{{purpose}}": "sum by (purpose) (ecp_connections)"}),
            Panel("Leases", "short", {"{{purpose}}": "max by (purpose) (ecp_sessions)"}),
            Panel("Licenses that end", "short", {"{{notice}} notice": "max by (notice) (ecp_licenses_ending)"}),
            Panel("Streams", "short", {"{{status}}": "max by (status) (ecp_streams)"}),
            Panel(
                "Connections to the database",
                "short",
                {
                    "up": "sum(ecp_link_up)",
                    "in use": "sum(ecp_link_busy)",
                    "calls that wait": "sum(ecp_link_waiting_calls)",
                },
            ),
            Panel("Listener silent for", "s", {"{{instance}}": "ecp_listener_silence_seconds"}),
            Panel("Jobs due since", "s", {"{{name}}": "max by (name) (ecp_job_lag_seconds)"}),
            Panel("Jobs that fail", "short", {"{{name}}": "max by (name) (ecp_job_failing)"}),
            Panel(
                "Behind",
                "s",
                {
                    "audit chain": "max(ecp_unsealed_seconds)",
                    "retention": "max(ecp_retention_lag_seconds)",
                    "waiting for a lock": "max(ecp_lock_wait_seconds)",
                },
            ),
            Panel("Notification queue", "percentunit", {"full": "max(ecp_notify_queue_ratio)"}),
            Panel("Replication slots behind", "bytes", {"{{slot}}": "max by (slot) (ecp_replication_lag_bytes)"}),
            Panel("Database", "bytes", {"size": "max(ecp_database_size_bytes)"}),
            Panel("Age of the oldest unfrozen row", "short", {"transactions": "max(ecp_frozen_age_transactions)"}),
            Panel("Gateway: memory", "bytes", {"{{instance}}": 'process_resident_memory_bytes{job="ecp"}'}),
            Panel(
                "Gateway: processor",
                "percentunit",
                {"{{instance}}": 'rate(process_cpu_seconds_total{job="ecp"}[$__rate_interval])'},
            ),
            Panel("Gateway: open files", "short", {"{{instance}}": 'process_open_fds{job="ecp"}'}),
        ],
    ),
}


def dashboard(name: str) -> dict[str, Any]:
    """As Grafana imports it; it asks which Prometheus to read."""
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"ecp-{name.replace('_', '-')}",
        "title": f"Execution Control Plane: {title}",
        "tags": ["ecp"],
        "schemaVersion": 39,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    place = number * WIDTH
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "datasource": source,
        "gridPos": {"x": place % ACROSS, "y": place // ACROSS * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": source, "expr": query, "legendFormat": legend}
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def text(name: str) -> str:
    return json.dumps(dashboard(name), indent=2) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(text(name))
