"""The PostgreSQL and broker under measurement: a new database for each trial, and an empty broker."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString, Self
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks import broker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType


@dataclass(frozen=True, slots=True)
class Step:
    """A step that prepares a database. `act` is called with the database's URL; `name` identifies the result."""

    name: str
    act: Callable[[str], None]


class Stores:
    """The two servers, as a context manager that drops every database it created."""

    def __init__(self, database_url: str, broker_url: str) -> None:
        self._database_url = database_url
        self.broker_url = broker_url
        self._prefix = f"bench_{secrets.token_hex(4)}"
        self._templates: dict[tuple[str, ...], str] = {}
        self._made: list[str] = []
        self._connection = psycopg.connect(database_url, autocommit=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name in list(self._made):
            self._drop(name)
        broker.flush(self.broker_url)
        self._connection.close()

    @contextmanager
    def database(self, contender: str, *steps: Step) -> Iterator[str]:
        """Yield the URL of a new database prepared by `steps`, and drop the database at the end.

        The result of each sequence of steps is kept as a template, and copied for the same sequence of names.
        """
        template = "template0"
        done: tuple[str, ...] = (contender,)
        for step in steps:
            done = (*done, step.name)
            if done not in self._templates:
                name = self._create(f"{self._prefix}_{len(self._made)}_{contender}", template)
                step.act(self._url(name))
                self._templates[done] = name
            template = self._templates[done]
        name = self._create(f"{self._prefix}_run", template)
        broker.flush(self.broker_url)
        try:
            yield self._url(name)
        finally:
            self._drop(name)

    def n_connections(self, database_url: str) -> int:
        """Return the number of clients connected to a database."""
        return self._query("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", _name_of(database_url))

    def n_transactions(self, database_url: str) -> int:
        """Return the number of transactions in a database so far; PostgreSQL's statistics lag by up to a second."""
        statement = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s"
        return self._query(statement, _name_of(database_url))

    def setting(self, name: str) -> str:
        """Return the value of a PostgreSQL setting."""
        row = self._connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        return str(row[0]) if row else ""

    def _query(self, statement: LiteralString, name: str) -> int:
        row = self._connection.execute(statement, [name]).fetchone()
        return int(row[0]) if row else 0

    def _create(self, name: str, template: str) -> str:
        self._made.append(name)
        names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
        # PostgreSQL 15 and later copy through the WAL by default, which takes a minute for a gigabyte.
        strategy = sql.SQL("" if self._connection.info.server_version < 150000 else " STRATEGY file_copy")
        self._connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names) + strategy)
        return name

    def _drop(self, name: str) -> None:
        self._connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self._made.remove(name)

    def _url(self, name: str) -> str:
        return urlsplit(self._database_url)._replace(path=f"/{name}").geturl()


def _name_of(database_url: str) -> str:
    return urlsplit(database_url).path.strip("/")
