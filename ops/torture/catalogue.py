"""What is injected, how often: the full counts are the project's guarantees, the short ones fit a few minutes."""

from ops.torture import connections, controls, crashes, hints, money, outages, slow, storms
from ops.torture.controls import Control
from ops.torture.entry import POINTS
from ops.torture.fault import Amount, Fault

FAULTS = [
    Fault(
        "C1", "SIGKILL of a random process of the server under load", "kills", crashes.backend,
        full=Amount(300), short=Amount(10),
    ),
    Fault(
        "C2", "SIGKILL of the postmaster and its children, restart", "kills", crashes.postmaster,
        full=Amount(200), short=Amount(3),
    ),
    Fault(
        "C3", f"SIGKILL of the gateway at {len(POINTS)} named points", "kills", crashes.gateway,
        full=Amount(100 * len(POINTS)), short=Amount(2 * len(POINTS)),
    ),
    Fault(
        "N1", "half-open, RST, 1-byte fragments, coalesced and cut frames", "connections", connections.connections,
        full=Amount(100, 100), short=Amount(1, 300),
    ),
    Fault(
        "N2", "slow readers and slow writers, as many of each", "clients", slow.slow,
        full=Amount(1, 1000), short=Amount(1, 50),
    ),
    Fault(
        "N3", "replay storm over 50 connections, reordered, one in twenty with another body", "resends", storms.resends,
        full=Amount(50, 20_000), short=Amount(1, 20_000), masters=50,
    ),
    Fault(
        "N4", "database down, hung (SIGSTOP), busy (every connection waits for a lock)", "outages", outages.outages,
        full=Amount(20), short=Amount(1),
    ),
    Fault(
        "N6", "listener killed and stopped in a burst, followers that come and go, a quarter of the queue full",
        "troubles", hints.hints, full=Amount(20), short=Amount(1),
    ),
    Fault(
        "K1", "200 debits at once against a balance for k: exactly k succeed", "rounds", money.debits,
        full=Amount(1, 1000), short=Amount(1, 5),
    ),
    Fault(
        "K2", "random transfers at once: no deadlock, nothing gained or lost", "transfers", money.transfers,
        full=Amount(1, 1_000_000), short=Amount(1, 5000),
    ),
]  # fmt: skip

CONTROLS = [
    Control("a", "acks before the commit, and a backend is killed", controls.ack_before_commit, "lost ack"),
    Control("b0", "two connections race for every number of a stream", controls.raced, is_short=False),
    Control("b1", "the same without the stream lock: the primary key catches it", controls.without_lock),
    Control("b2", "the same without lock and key", controls.without_lock_and_key, "signal twice"),
    Control("c0", "power cut (unsynced writes are gone), fsync on", controls.power_cut),
    Control("c1", "power cut, fsync off", controls.without_fsync, "lost ack"),
    Control("c2", "power cut, synchronous_commit off", controls.without_waiting, "lost ack", is_short=False),
]
