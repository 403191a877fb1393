"""Proves that `make bench` starts: its process has no Django settings, which only the measured processes have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_help_names_the_parts() -> None:
    started = start("--help")
    assert started.returncode == 0, started.stderr
    assert "a4" in started.stdout and "a11" in started.stdout


def test_without_stores_it_says_what_to_run() -> None:
    started = start("--only", "a9")
    assert (started.returncode, started.stdout) == (2, "")
    assert started.stderr == "DATABASE_URL is not set. Run `make bench`, which starts the servers and sets it.\n"
