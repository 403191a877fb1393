"""`make run` restarts a store that is killed, and jobs go on firing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.launcher import Launcher
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.receiver import Receiver


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    running = Launcher(tmp_path, MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS="true", MAINSPRING_REPUBLISH_AFTER="2")
    yield running
    running.end()


def has_succeeded_since(launcher: Launcher, job_id: str, since: datetime) -> bool:
    runs = launcher.api(f"/jobs/{job_id}/runs")["results"]
    return any(run["status"] == "succeeded" and datetime.fromisoformat(run["finished_at"]) > since for run in runs)


@pytest.mark.alone
def test_a_job_fires_after_postgresql_and_after_valkey_were_killed(launcher: Launcher, receiver: Receiver) -> None:
    launcher.wait_for("API key")
    job = launcher.api(
        "/jobs",
        {
            "name": "every second",
            "schedule": {"cron": "* * * * * *"},
            "target": {"kind": "http", "method": "POST", "url": receiver.url("/hook")},
        },
    )
    wait_until(lambda: receiver.requests, what="the first call")
    for name in ("postgres", "valkey"):
        launcher.kill_store(name)
        launcher.wait_for(f"mainspring | {name} was ended by SIGKILL; restarting it now.")
        launcher.wait_for(f"mainspring | {name} is running again.")
        receiver.requests.clear()
        wait_until(lambda: len(receiver.requests) > 1, 40, what=f"calls after the end of {name}")
    now = datetime.now(UTC)
    wait_until(lambda: has_succeeded_since(launcher, job["id"], now), 40, what="a run that succeeded, in the API")
    assert launcher.stop() == 0
    assert "Stopped." in launcher.log
