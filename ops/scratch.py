"""A database that starts empty, for what should be measured or shown without yesterday's rows."""

import psycopg
from psycopg.sql import SQL, Identifier

from ops.postgres import External, Stack
from ops.schema import deploy, tree


def database(stack: Stack, name: str, *, lanes: int = deploy.LANES) -> str:
    """Start the stack, make the database anew and deploy into it; its URL. Of a server that is not ours, the
    database that was given is used as it is."""
    stack.start()
    if not isinstance(stack, External):
        drop(stack, name)
        with psycopg.connect(stack.url("postgres"), autocommit=True) as admin:
            admin.execute(SQL("create database {}").format(Identifier(name)))
    with deploy.connect(stack.url(name)) as connection:
        deploy.deploy(connection, tree.read(), lanes=lanes)
    return stack.url(name)


def drop(stack: Stack, name: str) -> None:
    """Of a server that is ours, the database of that name."""
    if not isinstance(stack, External):
        with psycopg.connect(stack.url("postgres"), autocommit=True) as admin:
            admin.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))
