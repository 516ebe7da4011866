"""Postgres for this checkout: two stacks that it provisions itself, or any server that is there."""

from dataclasses import dataclass
from typing import Literal, Protocol

from ops.errors import Refusal
from ops.paths import VAR
from ops.postgres.cluster import DATABASE

StackName = Literal["embedded", "full"]

# What the tests start is thrown away after any crash, so it may skip waiting for the disk: it makes the
# suite several times faster. A test that claims durability starts a cluster of its own. A cloned database lacks
# what the deploy has set for its template: no compiled statements.
DISPOSABLE = {"fsync": "off", "full_page_writes": "off", "jit": "off"}


class Stack(Protocol):
    """A Postgres server that can be started, stopped and connected to."""

    @property
    def name(self) -> str: ...

    def start(self, *, fresh: bool = False) -> None: ...

    def stop(self) -> None: ...

    def remove(self) -> None: ...

    def url(self, dbname: str = DATABASE, user: str = "postgres") -> str: ...


@dataclass(frozen=True)
class External:
    """A server that somebody else runs; one database of it."""

    database_url: str
    name: str = "external"

    def start(self, *, fresh: bool = False) -> None:
        """Nothing to do: it is not ours to start."""

    def stop(self) -> None:
        """Refuse: it is not ours to stop."""
        raise Refusal("TRD09", "a server given by --database-url is not ours to stop", "stop it where it runs")

    def remove(self) -> None:
        """Refuse, as for `stop`."""
        self.stop()

    def url(self, dbname: str = DATABASE, user: str = "postgres") -> str:  # noqa: ARG002
        """The URL as it was given."""
        return self.database_url


def stack(name: StackName, *, purpose: Literal["dev", "test", "torture"] = "dev") -> Stack:
    """The stack of that name; every checkout and purpose has a cluster of its own."""
    settings = DISPOSABLE if purpose == "test" else {}
    home = VAR / (name if purpose == "dev" else f"{name}-{purpose}")
    if name == "embedded":
        from ops.postgres import embedded

        return embedded.cluster(home, settings)
    from ops.postgres import full

    return full.server(home, settings)
