"""Migrates the database, and creates the first administrator with a random password and an API key."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scheduler_project.launch.data_folder import is_set
from scheduler_project.launch.exceptions import CannotLaunch

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Credentials:
    """The administrator's credentials. Password and API key are shown once; only their hashes are stored."""

    username: str
    password: str
    api_key: str


def prepare_database(variables: Mapping[str, str]) -> Credentials | None:
    """Apply the migrations. Create an administrator if the database has no user.

    Returns the credentials of the new administrator, or None if no administrator was created.
    Raises CannotLaunch with the cause.
    """
    done = subprocess.run(
        [sys.executable, "manage.py", "first_run", "--migrate"],
        # libpq waits two minutes for a database that does not respond: too long for a person at a terminal.
        env={"PGCONNECT_TIMEOUT": "10", **variables, "MAINSPRING_DB_POOL": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotLaunch(explain(done.stdout + done.stderr))
    answer = json.loads(done.stdout.splitlines()[-1])
    return Credentials(answer["username"], answer["password"], answer["api_key"]) if answer["created"] else None


def explain(output: str) -> str:
    """Return the error message for a Django command that failed with this output."""
    kind, message = last_exception(output)
    if kind == "ImproperlyConfigured":
        return message
    if kind == "OperationalError":
        # Lines that start with a tab are libpq's guesses, such as "Is the server running?".
        facts = " ".join(line for line in message.splitlines() if not line.startswith("\t"))
        check = " Check DATABASE_URL, and that the database is running." if is_set("DATABASE_URL") else ""
        return f"The database can't be used: {facts.rstrip('.')}.{check}"
    if kind == "SystemCheckError" and (errors := check_errors(message)):
        return errors
    return f"The database can't be prepared: {message}"


def check_errors(message: str) -> str:
    """Return the errors of Django's system checks without the warnings: one line for each error, with its hint."""
    errors = message.partition("ERRORS:\n")[2].partition("\n\n")[0].replace("\n\tHINT: ", " ")
    return re.sub(r"^\S+: \((\S+)\) ", r"\1: ", errors, flags=re.MULTILINE)


def last_exception(output: str) -> tuple[str, str]:
    """Return the class name and the message of the last exception in the output.

    If the output contains no exception, return an empty name and the last lines.
    """
    lines = output.strip().splitlines()
    tracebacks = [number for number, line in enumerate(lines) if line.startswith("Traceback (")]
    name = r"\w+" if tracebacks else r"\w+Error"  # without a traceback: Django's own `CommandError: ...`
    for number in range(tracebacks[-1] + 1 if tracebacks else 0, len(lines)):
        if found := re.fullmatch(rf"(?:\w+\.)*({name}): (.*)", lines[number]):
            return found[1], "\n".join([found[2], *lines[number + 1 :]])
    return "", "\n".join(lines[-5:]) or "the command printed nothing."
