"""Proves that a command of manage.py says in one sentence that PostgreSQL is away, and exits with 2."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.long


@pytest.mark.parametrize("arguments", [["explain", "nightly"], ["backfill", "nightly", "--after=2026-11-01"]])
def test_a_command_without_a_database_exits_with_2_and_one_sentence(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env={**os.environ, "DATABASE_URL": "postgres://none:none@127.0.0.1:1/none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("CommandError: The database cannot be reached: ")
    assert "refused" in ended.stderr
