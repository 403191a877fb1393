"""The engine works on the oldest PostgreSQL that is installed here; the other tests use the newest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.optional import did_not_run

# Together these execute each statement of the engine. Creating their database executes all migrations.
SUITES = [
    "tests/schedules/test_tick.py",
    "tests/executions/lifecycle/test_transitions.py",
    "tests/executions/worker/test_reaper.py",
    "tests/executions/history/test_retention.py",
    "tests/executions/history/test_partitions.py",
    "tests/concurrency",
]


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_tests_of_the_engine_pass_on_an_older_postgresql() -> None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not installed:
        did_not_run("The engine's tests on an older PostgreSQL", "a server under /usr/lib/postgresql")
    ours = {"TEST_DATABASE_URL", "DATABASE_URL", "PYTEST_XDIST_WORKER"}
    result = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "scheduler_project.launch.stores",
                "--postgres-bin",
                str(installed[0].parent),
                "--",
            ),
            # The long random walk finds errors of the state machine, not of a server.
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not TestAnyWalk", *SUITES),
        ],
        env={name: value for name, value in os.environ.items() if name not in ours},
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    assert " passed" in result.stdout
