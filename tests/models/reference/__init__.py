"""What the plane should do, in plain Python: a stream, its master's book, its followers, the clock.

Written from the domain, not the SQL.
Times are microseconds since 1970; volumes and prices are Decimal.
"""

from tests.models.reference.copies import Holding, Settings
from tests.models.reference.follower import CUTTING, TRANSITIONS, Follower, Lane
from tests.models.reference.master import RAISING, Book, Stream, lots

__all__ = [
    "CUTTING",
    "RAISING",
    "TRANSITIONS",
    "Book",
    "Follower",
    "Holding",
    "Lane",
    "Settings",
    "Stream",
    "lots",
]
