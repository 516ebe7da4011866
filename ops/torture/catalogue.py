"""What is injected, how often: the full counts are the project's guarantees, the short ones fit a few minutes."""

from ops.torture import controls, crashes
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
]  # fmt: skip

CONTROLS = [
    Control("a", "acks before the commit, and a backend is killed", controls.ack_before_commit, "lost ack"),
]
