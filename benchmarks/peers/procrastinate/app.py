"""The procrastinate application. `procrastinate --app benchmarks.peers.procrastinate.app.app worker`."""

from __future__ import annotations

import os

from procrastinate import App, PsycopgConnector

app = App(connector=PsycopgConnector(conninfo=os.environ["DATABASE_URL"]))


async def do_nothing() -> None:
    """Do nothing."""


noop = app.task(name="noop")(do_nothing)
