"""A pytest plugin, read before the settings are: beside others, each xdist worker has a broker database of its own.

PostgreSQL databases of their own come from pytest-django.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

N_DATABASES = 16  # that Redis and Valkey have unless told otherwise

if worker := os.environ.get("PYTEST_XDIST_WORKER", ""):
    given = urlsplit(os.environ["REDIS_URL"])
    number = (int(given.path.strip("/") or 0) + int(worker.removeprefix("gw"))) % N_DATABASES
    os.environ["REDIS_URL"] = os.environ["BROKER_URL"] = given._replace(path=f"/{number}").geturl()
