"""The stores that the environment names: a database of its own for each measurement, and an empty broker."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks import broker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType


class Stores:
    """The two servers. Every database that was made here is dropped at the end."""

    def __init__(self, database_url: str, broker_url: str) -> None:
        self._database_url = database_url
        self.broker_url = broker_url
        self._prefix = f"bench_{secrets.token_hex(4)}"
        self._templates: dict[str, str] = {}
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
    def database(self, kind: str, prepare: Callable[[str], None]) -> Iterator[str]:
        """The URL of a fresh database; `prepare` migrates the one of its kind that all are copied from."""
        if kind not in self._templates:
            template = self._create(f"{self._prefix}_{kind}")
            prepare(self._url(template))
            self._templates[kind] = template
        broker.flush(self.broker_url)
        name = self._create(f"{self._prefix}_run", self._templates[kind])
        try:
            yield self._url(name)
        finally:
            self._drop(name)

    def n_transactions(self, database_url: str) -> int:
        """Transactions of a database so far, as its statistics tell (they lag by up to a second)."""
        name = urlsplit(database_url).path.strip("/")
        row = self._connection.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s", [name]
        ).fetchone()
        return int(row[0]) if row else 0

    def setting(self, name: str) -> str:
        """The value of a setting of PostgreSQL."""
        row = self._connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        return str(row[0]) if row else ""

    def _create(self, name: str, template: str = "template0") -> str:
        self._made.append(name)
        statement = "CREATE DATABASE {} TEMPLATE {}"
        self._connection.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def _drop(self, name: str) -> None:
        self._connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self._made.remove(name)

    def _url(self, name: str) -> str:
        return urlsplit(self._database_url)._replace(path=f"/{name}").geturl()
