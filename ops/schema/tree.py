"""The files of db/, read into memory: what should be in the database."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from ops.errors import Refusal
from ops.paths import DB

MIGRATION = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
REQUIRES = re.compile(r"^-- requires:(.*)$", re.MULTILINE)
NO_TRANSACTION = re.compile(r"^-- no-transaction\b", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """One SQL file. `path` is relative to db/, in POSIX form."""

    path: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def name(self) -> str:
        """`signals/ingest` for functions/signals/ingest.sql, `access/grants` for policies/access/grants.sql."""
        return self.path.partition("/")[2].removesuffix(".sql")

    @property
    def object(self) -> str | None:
        """`signals.ingest` for functions/signals/ingest.sql; None for what is not an object."""
        return self.name.replace("/", ".") if self.path.startswith("functions/") else None

    @property
    def requires(self) -> list[str]:
        """The names in the `-- requires: schema/object, …` lines: what must be there before this file runs."""
        return [name for line in REQUIRES.findall(self.text) for name in re.split(r"[,\s]+", line.strip()) if name]

    @property
    def in_transaction(self) -> bool:
        """False for a migration that says `-- no-transaction`, as CREATE INDEX CONCURRENTLY needs."""
        return not NO_TRANSACTION.search(self.text)


@dataclass(frozen=True)
class Tree:
    """Everything under db/: migrations by number, functions and policies in the order to apply them."""

    bootstrap: Source
    migrations: list[Source]
    functions: list[Source]
    policies: list[Source]

    @property
    def fingerprint(self) -> str:
        """A hash over every path and every byte: equal fingerprints, equal schemas."""
        every = [self.bootstrap, *self.migrations, *self.functions, *self.policies]
        lines = sorted(f"{source.sha256}  {source.path}\n" for source in every)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def required_by(self, migration: Source) -> list[Source]:
        """The functions that a migration calls, and what those require, in the order to write them first."""
        wanted = set(migration.requires)
        for function in reversed(self.functions):
            if function.name in wanted:
                wanted.update(function.requires)
        return [function for function in self.functions if function.name in wanted]


def read(root: Path = DB) -> Tree:
    """Read db/. Raises TRD10 for a misnamed file, an unknown requirement or a cycle of requirements."""
    migrations = _sources(root, "migrations/*")
    numbers: dict[str, str] = {}
    for migration in migrations:
        if not MIGRATION.fullmatch(migration.name + ".sql"):
            raise Refusal("TRD10", f"db/{migration.path} is not named NNNN_what_it_does.sql", "rename it")
        number = migration.name[:4]
        if number in numbers:
            raise Refusal("TRD10", f"db/{migration.path} and db/{numbers[number]} share a number", "renumber one")
        numbers[number] = migration.path
    functions = _sources(root, "functions/**/*")
    for function in functions:
        if function.path.count("/") != 2:
            raise Refusal("TRD10", f"db/{function.path} is not functions/<schema>/<object>.sql", "move it")
    names = {function.name for function in functions}
    _in_order(migrations, names)
    return Tree(
        Source("bootstrap.sql", (DB / "bootstrap.sql").read_text()),
        migrations,
        _in_order(functions),
        _in_order(_sources(root, "policies/**/*"), names),
    )


def _sources(root: Path, pattern: str) -> list[Source]:
    files = sorted(path for path in root.glob(pattern) if path.suffix == ".sql" and path.is_file())
    return [Source(path.relative_to(root).as_posix(), path.read_text()) for path in files]


def _in_order(sources: list[Source], there: Collection[str] = ()) -> list[Source]:
    """Sort so that what a file requires comes before it, by path where nothing else decides. What is in
    `there` has been written before all of them."""
    by_name = {source.name: source for source in sources}
    for source in sources:
        for required in source.requires:
            if required not in by_name and required not in there:
                raise Refusal("TRD10", f"db/{source.path} requires {required}, which is no file", "correct its header")
    sorter = TopologicalSorter(
        {name: [required for required in source.requires if required in by_name] for name, source in by_name.items()}
    )
    try:
        return [by_name[name] for name in sorter.static_order()]
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise Refusal("TRD10", f"files require each other in a circle: {circle}", "cut it in one header") from None
