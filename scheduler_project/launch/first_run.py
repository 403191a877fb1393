"""Brings the database up to date and, the first time, makes the administrator whose password is shown once."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """Apply the migrations; raises CannotLaunch with Django's message when that fails."""
    _manage(variables, "migrate", "--no-input", aim="The database can't be brought up to date")


def make_administrator(variables: Mapping[str, str], folder: Path) -> Credentials | None:
    """The new administrator of a database that has none, else None. What has been looked at is noted in `folder`."""
    seen = folder / "databases-seen"
    # The port changes from launch to launch, so an embedded database is known by its password.
    digest = hashlib.sha256(variables["DATABASE_URL"].rpartition("@")[0].encode()).hexdigest()
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
        env=dict(variables) | {"MAINSPRING_DB_POOL": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotLaunch(f"{aim}: {gist(done.stdout + done.stderr)}")
    return done.stdout


def gist(output: str) -> str:
    """What went wrong, out of the output of a Django command: the message of the last exception, else the last lines."""
    lines = output.strip().splitlines()
    for number, line in reversed(list(enumerate(lines))):
        if found := re.match(r"[\w.]+(?:Error|Exception|ImproperlyConfigured|Exit)?: (.*)", line):
            return "\n".join([found[1], *lines[number + 1 :]])
    return "\n".join(lines[-5:]) or "it ended without a word."
