"""Reads settings from environment variables: the value of `NAME`, or the content of the file that `NAME_FILE` names.

A wrong value raises ImproperlyConfigured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


MAX_COUNT_DIGITS = 18  # a number with this many digits fits into 64 bits


class Environment(Mapping[str, str]):
    """Environment variables, including those whose value is in a file. An empty variable counts as not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __getitem__(self, name: str) -> str:
        """Return the value of a variable: its text, or the content of the file that the variable `<name>_FILE` names.

        Raises KeyError if neither variable is set, and ImproperlyConfigured if the file cannot be read.
        """
        if text := self._variables.get(name, "").strip():
            return text
        if not (path := self._variables.get(f"{name}_FILE", "").strip()):
            raise KeyError(name)
        try:
            return Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE is {path!r}, and this file cannot be read: {error}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def text(self, name: str, default: str = "") -> str:
        """Return the value, or the default if the variable is not set."""
        return self.get(name, default)

    def required(self, name: str, example: str) -> str:
        """Return the value. Raises ImproperlyConfigured with an example if the variable is not set."""
        if value := self.text(name):
            return value
        raise ImproperlyConfigured(
            f"{name} is not set. Set {name}, for example to {example}, "
            f"or set {name}_FILE to the path of a file that contains the value."
        )

    def flag(self, name: str, default: bool) -> bool:
        """Return a boolean, written as true, 1, yes, false, 0 or no in upper or lower case.

        Raises ImproperlyConfigured for any other value.
        """
        text = self.text(name, str(default)).lower()
        if text not in BOOLEANS:
            raise ImproperlyConfigured(f"{name} is {text!r}: it must be true or false.")
        return BOOLEANS[text]

    def choice(self, name: str, default: str, among: Sequence[str]) -> str:
        """Return the value in upper case. Raises ImproperlyConfigured if it is not one of `among`."""
        text = self.text(name, default).upper()
        if text not in among:
            raise ImproperlyConfigured(f"{name} is {text!r}: it must be one of {', '.join(among)}.")
        return text

    def count(self, name: str, default: int) -> int:
        """Return a whole number of up to `MAX_COUNT_DIGITS` digits. Raises ImproperlyConfigured for any other value."""
        text = self.text(name, str(default))
        if not text.isdecimal() or not text.isascii() or len(text) > MAX_COUNT_DIGITS:
            raise ImproperlyConfigured(
                f"{name} is {text!r}: it must be a whole number, 0 or more, below 10^{MAX_COUNT_DIGITS}."
            )
        return int(text)

    def words(self, name: str, default: list[str]) -> list[str]:
        """Return the items of a comma-separated list, or the default if there are no items."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()] or default

    def postgresql(self, name: str) -> dict[str, Any]:
        """Return Django's database settings for a PostgreSQL URL. Raises ImproperlyConfigured for any other URL."""
        example = "postgres://user:password@host:5432/mainspring"
        url = self.required(name, example)
        try:
            database: dict[str, Any] = environ.Env.db_url_config(url)
        except (ValueError, ImproperlyConfigured):
            database = {}
        if database.get("ENGINE") != "django.db.backends.postgresql" or not database.get("NAME"):
            raise ImproperlyConfigured(f"{name} is not the URL of a PostgreSQL database: write it as {example}.")
        return database
