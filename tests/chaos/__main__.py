"""`make chaos`: jobs fire while processes are killed, clocks are wrong and servers careless; then promises are checked.

Exits with 0 if every promise held; otherwise with 1, and a sentence for each broken promise.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from importlib import import_module
from pathlib import Path

import django

from scheduler_project.launch.stores import postgres, temporary_folder, valkey

SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "scheduler_project.settings",
    "MAINSPRING_LOG_LEVEL": "WARNING",
    "MAINSPRING_LEASE": "4",
    "MAINSPRING_HEARTBEAT": "1",
    "MAINSPRING_REPUBLISH_AFTER": "5",
    "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS": "true",
    "MAINSPRING_COMMAND_MODULES": "executions.targets.command.demo",
    "MAINSPRING_DB_POOL": "0",  # for this process: a pool would keep connections to a killed server
}


def main() -> int:
    """Run a chaos test with the options of the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--fires", type=float, default=50, help="of all jobs together, per second")
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), help="of the kills, the clocks and the servers"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="for the logs of the processes")
    given = parser.parse_args()
    with temporary_folder() as folder, postgres(durable=True) as database, valkey() as broker:
        stores = {"DATABASE_URL": database.url, "BROKER_URL": broker.url, "REDIS_URL": broker.url}
        os.environ.update(SETTINGS, **stores, SECRET_KEY=secrets.token_urlsafe(40))
        django.setup()
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
        scenario = import_module("tests.chaos.scenario")  # which imports models: they need the settings above
        held: bool = scenario.run_chaos(given, given.keep or folder, [database, broker])
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
