"""The models run in a short form with every test run; in full: pytest --hypothesis-profile=torture tests/models."""

import hypothesis

from tests.db.conftest import shared_plane

__all__ = ["shared_plane"]

hypothesis.settings.register_profile(
    "torture",
    max_examples=10_000,
    stateful_step_count=100,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
