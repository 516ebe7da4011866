"""What a deploy would do, from the files and the state of the database; nothing here changes anything."""

from dataclasses import dataclass

from ops.errors import Refusal
from ops.schema.catalog import Entity, State
from ops.schema.tree import Source, Tree


@dataclass(frozen=True)
class Plan:
    """The steps of one deploy, empty when the database is what the files say."""

    migrations: list[Source]
    write: list[tuple[str, Source]]
    orphans: list[Entity]
    forget: list[str]
    stale: bool

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.migrations or self.write or self.orphans or self.forget or self.stale)

    @property
    def lines(self) -> list[str]:
        """The steps for people to read."""
        return [
            *(f"migrate  {migration.name}" for migration in self.migrations),
            *(f"{verb:<8} {source.object or source.path}" for verb, source in self.write),
            *(f"drop     {orphan.kind} {orphan.identity}" for orphan in self.orphans),
            *(f"forget   {path}" for path in self.forget),
        ]


def make(tree: Tree, state: State) -> Plan:
    """Compare the files with the database. Raises TRD06 where an applied migration is no longer what it was."""
    _check_migrations(tree, state)
    owned = {source.object for source in tree.functions}
    sources = [*tree.functions, *tree.policies]
    paths = {source.path for source in sources}
    return Plan(
        migrations=[migration for migration in tree.migrations if migration.name not in state.migrations],
        write=[(verb, source) for source in sources if (verb := _verb(source, state))],
        orphans=[entity for entity in state.entities if entity.object not in owned],
        forget=sorted(path for path in state.objects if path not in paths),
        stale=state.fingerprint != tree.fingerprint,
    )


def drift(state: State) -> list[str]:
    """Objects whose definition in the catalog is not what the last deploy left there, by path."""
    return sorted(
        path
        for path, (_, recorded) in state.objects.items()
        if recorded and state.definition(_object(path)) not in (None, recorded)
    )


def refuse_drift(state: State) -> None:
    """Raise TRD05 if anything was changed by hand: a deploy would silently undo it."""
    if not (changed := drift(state)):
        return
    names = ", ".join(_object(path) for path in changed)
    listed = ", ".join(f"'{path}'" for path in changed)
    raise Refusal(
        "TRD05",
        f"changed by hand since the last deploy: {names}",
        f"keep the change by putting it into its file, then let the next deploy write the files: "
        f"delete from ops.objects where path in ({listed})",
    )


def _object(path: str) -> str:
    return Source(path, "").object or path


def _verb(source: Source, state: State) -> str | None:
    if source.path not in state.objects:
        return "create" if source.object else "apply"
    if source.object and state.definition(source.object) is None:
        return "restore"
    return None if state.objects[source.path][0] == source.sha256 else ("change" if source.object else "apply")


def _check_migrations(tree: Tree, state: State) -> None:
    files = {migration.name: migration for migration in tree.migrations}
    for name, sha256 in state.migrations.items():
        if name not in files:
            raise Refusal("TRD06", f"migration {name} was applied and its file is gone", "restore the file")
        if files[name].sha256 != sha256:
            raise Refusal(
                "TRD06",
                f"migration {name} was applied and its file has changed since",
                "restore the file and put the change into a new migration",
            )
    newest = max(state.migrations, default="")
    for name in files:
        if name not in state.migrations and name < newest:
            raise Refusal("TRD06", f"migration {name} comes before {newest}, which was applied", "give it a new number")
