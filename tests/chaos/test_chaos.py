"""Every promise holds while processes are killed, clocks are wrong and servers careless: a minute of `make chaos`."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_promise_holds_while_everything_is_killed() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--minutes", "1", "--jobs", "1000", "--fires", "50"],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
