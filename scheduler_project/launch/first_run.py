"""Brings the database up to date and, the first time, makes the administrator whose password is shown once."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scheduler_project.env import Environment
from scheduler_project.launch.data_folder import given
from scheduler_project.launch.exceptions import CannotLaunch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is shown once and kept nowhere in clear."""

    username: str
    password: str
    api_key: str


def migrate(variables: Mapping[str, str]) -> None:
    """Apply the migrations; raises CannotLaunch with what stands in the way: a setting, the database, a migration."""
    _manage(variables, "migrate", "--no-input", aim="The database can't be brought up to date")


def make_administrator(variables: Mapping[str, str], folder: Path) -> Credentials | None:
    """The new administrator of a database that has none, else None. What has been looked at is noted in `folder`."""
    seen = folder / "databases-seen"
    # The port changes from launch to launch, so an embedded database is known by its password.
    url = Environment(variables)["DATABASE_URL"]
    digest = hashlib.sha256(url.rpartition("@")[0].encode()).hexdigest()
    if seen.exists() and digest in seen.read_text().split():
        return None
    output = _manage(variables, "first_run", aim="The administrator can't be made")
    answer = json.loads(output.strip().splitlines()[-1])
    with seen.open("a") as file:
        file.write(f"{digest}\n")
    return Credentials(answer["username"], answer["password"], answer["api_key"]) if answer["created"] else None


def _manage(variables: Mapping[str, str], *arguments: str, aim: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        # A database that never answers is given up after ten seconds and not after two minutes.
        env={"PGCONNECT_TIMEOUT": "10", **variables, "MAINSPRING_DB_POOL": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotLaunch(explain(done.stdout + done.stderr, aim))
    return done.stdout


def explain(output: str, aim: str) -> str:
    """What a person reads of a Django command's output when it failed at its `aim`."""
    kind, message = gist(output)
    if kind == "ImproperlyConfigured":
        return message
    if kind == "OperationalError":
        facts = " ".join(line for line in message.splitlines() if not line.startswith("\t"))  # without libpq's guesses
        check = " Check that it runs, and DATABASE_URL." if given("DATABASE_URL") else ""
        return f"The database can't be used: {facts.rstrip('.')}.{check}"
    return f"{aim}: {message}"


def gist(output: str) -> tuple[str, str]:
    """The last exception's class and message; without one, an empty class and the last lines."""
    lines = output.strip().splitlines()
    begins = [number for number, line in enumerate(lines) if line.startswith("Traceback (")]
    name = r"\w+" if begins else r"\w+Error"  # outside a traceback only Django's own
    for number in range(begins[-1] + 1 if begins else 0, len(lines)):
        if found := re.fullmatch(rf"(?:\w+\.)*({name}): (.*)", lines[number]):
            return found[1], "\n".join([found[2], *lines[number + 1 :]])
    return "", "\n".join(lines[-5:]) or "it ended without a word."
