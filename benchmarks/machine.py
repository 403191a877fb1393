"""The machine and the versions that the figures were measured on. No host names or paths: the list is published."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import redis

from benchmarks.exceptions import CannotMeasure
from benchmarks.peers import install
from benchmarks.processes import output_of

if TYPE_CHECKING:
    from benchmarks.stores import Stores

PACKAGES = ("Django", "celery", "kombu", "psycopg", "django-celery-beat")


def describe(stores: Stores) -> str:
    """Return a Markdown list: date, CPUs, memory, load, and the versions of all software under measurement."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    load = os.getloadavg()[0]
    postgres = ", ".join(f"{name} {stores.setting(name)}" for name in ("fsync", "synchronous_commit"))
    lines = [
        f"Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{os.cpu_count()} CPUs, {memory:.0f} GB, {platform.system()} {platform.machine()}; load before: {load:.1f}",
        f"Python {platform.python_version()}; " + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        f"Peers: {', '.join([*install.PYTHON_PEERS, *install.NODE_PEERS])}; Node {_node()}",
        f"PostgreSQL {stores.setting('server_version')} ({postgres}); broker: {_broker(stores.broker_url)}",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _node() -> str:
    try:
        return output_of([install.node(), "--version"], os.environ)
    except CannotMeasure as error:
        return str(error)


def _broker(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        server = client.info("server")
        persistence = client.config_get("appendonly")
    name = "Valkey" if "valkey_version" in server else "Redis"
    number = server.get("valkey_version") or server["redis_version"]
    return f"{name} {number} (appendonly {persistence.get('appendonly', '?')})"
