"""The plane as its clients see it: set up by the operator, called by the gateway, under a clock that stands still.

Prices and volumes are written as text ("0.10") and travel as integers of 1e-8; an integer is taken as it is.
"""

from tests.db.plane.answers import Delivery, License, Position, Tokens, lots, told
from tests.db.plane.copier import Copier
from tests.db.plane.master import Master
from tests.db.plane.messages import Heartbeat, Holding, Report, Signal, Specification, held
from tests.db.plane.plane import Plane
from tests.db.plane.together import run_together
from tests.db.plane.values import KEY, START, digest, e8, microseconds, sign

__all__ = [
    "KEY",
    "START",
    "Copier",
    "Delivery",
    "Heartbeat",
    "Holding",
    "License",
    "Master",
    "Plane",
    "Position",
    "Report",
    "Signal",
    "Specification",
    "Tokens",
    "digest",
    "e8",
    "held",
    "lots",
    "microseconds",
    "run_together",
    "sign",
    "told",
]
