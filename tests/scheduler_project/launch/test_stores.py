"""Proves with real processes that temporary stores serve one command and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from scheduler_project.launch.processes import command_line_of
from scheduler_project.launch.stores import postgres, temporary_folder, valkey
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

# The program handles SIGTERM before the test can see its environment and send the signal.
WRITE_ENVIRONMENT = (
    "import json, os, signal, sys, pathlib;"
    "signal.signal(signal.SIGTERM, lambda *a: sys.exit(3));"
    "pathlib.Path(sys.argv[1]).write_text(json.dumps(dict(os.environ) | {'PID': str(os.getpid())}));"
)


def start(tmp_path: Path, program: str, **environment: str) -> subprocess.Popen[str]:
    """Run a Python program with temporary stores; it first writes its environment to `new.json`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "scheduler_project.launch.stores", "--"),
            *(sys.executable, "-c", WRITE_ENVIRONMENT + program, str(tmp_path / "new.json")),
        ],
        env=inherited | {"TMPDIR": str(tmp_path)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def environment_of_command(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "new.json"
    wait_until(lambda: file.exists() and file.stat().st_size and file.read_text().endswith("}"))
    environment: dict[str, str] = json.loads(file.read_text())
    return environment


def accepts(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_command_has_its_own_stores_which_are_removed_afterwards(tmp_path: Path) -> None:
    program = (
        "import psycopg, redis;"
        "psycopg.connect(os.environ['DATABASE_URL']).execute('create table t ()');"
        "print(redis.Redis.from_url(os.environ['BROKER_URL']).ping());"
        "sys.exit(7)"
    )
    process = start(tmp_path, program, SECRET_KEY="mine", DATABASE_URL_FILE="/elsewhere")
    output, _ = process.communicate(timeout=60)
    assert (output, process.returncode) == ("True\n", 7)
    environment = environment_of_command(tmp_path)
    assert environment["REDIS_URL"] == environment["BROKER_URL"]
    assert len(environment["SECRET_KEY"]) >= 50
    assert "DATABASE_URL_FILE" not in environment
    assert not accepts(environment["DATABASE_URL"])
    assert list(tmp_path.glob("mainspring-*")) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_forwarded_to_the_command_and_the_stores_are_removed(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = start(tmp_path, "signal.pause()")
    environment = environment_of_command(tmp_path)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == (3 if number == signal.SIGTERM else 130), output
    assert not accepts(environment["DATABASE_URL"])
    assert list(tmp_path.glob("mainspring-*")) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can signal a process when its parent ends")
def test_killing_the_launcher_ends_the_stores_and_the_next_removes_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(tmp_path, "signal.pause()")
    environment = environment_of_command(tmp_path)
    assert accepts(environment["DATABASE_URL"])
    process.kill()
    os.kill(int(environment["PID"]), signal.SIGKILL)  # the launcher can't end the command any more
    process.communicate(timeout=30)
    wait_until(lambda: not accepts(environment["DATABASE_URL"]), what="the end of PostgreSQL")
    left = set(tmp_path.glob("mainspring-*"))
    assert len(left) == 2
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_folder() as folder:
        assert list(tmp_path.glob("mainspring-*")) == [folder]
        assert folder not in left
    assert not folder.exists()


def test_a_temporary_folder_in_use_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_folder() as first, temporary_folder() as second:
        assert first.exists()
        assert second.exists()


def test_one_store_of_the_environment_is_used_and_the_other_one_started(tmp_path: Path) -> None:
    process = start(tmp_path, "", TEST_DATABASE_URL="postgres://elsewhere/tests")
    process.communicate(timeout=60)
    assert process.returncode == 0
    environment = environment_of_command(tmp_path)
    assert environment["DATABASE_URL"] == "postgres://elsewhere/tests"
    assert environment["REDIS_URL"].startswith("redis://:")


def test_a_command_that_does_not_exist_is_reported_in_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scheduler_project.launch.stores", "--", "no-such-program"],
        env=dict(os.environ) | {"TEST_DATABASE_URL": "postgres://x/x", "TEST_REDIS_URL": "redis://x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "no-such-program can't be started: No such file or directory.\n"


def test_a_temporary_server_can_be_killed_and_started_again(tmp_path: Path) -> None:
    with postgres() as database, valkey(tmp_path / "valkey", durable=True) as broker:
        assert accepts(database.url)
        database.kill()
        assert not accepts(database.url)
        database.start()
        assert accepts(database.url)
        with redis.Redis.from_url(broker.url) as connection:
            assert connection.ping()
        folder, pid = database.folder, database.pid
    assert not folder.exists()
    assert not command_line_of(pid)
