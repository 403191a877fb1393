"""The embedded PostgreSQL, with real servers."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.postgres import Postgres, candidates
from scheduler_project.launch.processes import command_line_of
from scheduler_project.launch.unprivileged import find_programs
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    with Postgres(tmp_path / "postgres") as server:
        yield server


def ask(server: Postgres, query: str) -> object:
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def insert(server: Postgres, number: int) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def test_a_new_server_takes_clients_with_its_password_alone(server: Postgres) -> None:
    assert ask(server, "SELECT current_database()") == "mainspring"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(server.password, "guess"))


def test_a_new_server_stores_utf8_with_checksums_and_is_deaf_beyond_the_loopback_address(server: Postgres) -> None:
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SHOW data_checksums") == "on"
    assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(server, "SHOW unix_socket_directories") == ""
    assert ask(server, "SELECT upper('äß')") == "ÄSS" or ask(server, "SELECT upper('ä')") == "Ä"


def test_a_durable_server_writes_through_and_a_throwaway_one_does_not(tmp_path: Path, server: Postgres) -> None:
    assert ask(server, "SHOW fsync") == "off"
    server.stop()
    with Postgres(server.folder, durable=True) as durable:
        assert ask(durable, "SHOW fsync") == "on"
        assert ask(durable, "SHOW synchronous_commit") == "on"
        assert ask(durable, "SHOW full_page_writes") == "on"


def test_a_killed_server_comes_back_on_its_port_with_what_was_committed(server: Postgres) -> None:
    insert(server, 7)
    url = server.url
    with psycopg.connect(url):  # a backend that has to notice
        server.kill()
    server.start()
    assert server.url == url
    assert ask(server, "SELECT number FROM kept") == 7


def test_a_process_of_a_killed_server_that_does_not_end_keeps_no_new_one_from_starting(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler_project.launch.server.OLD_PROCESSES_GO", 0.5)
    insert(server, 7)
    with psycopg.connect(server.url) as connection:
        # As one that waits for a lock inside, which a process held that is gone.
        os.kill(connection.info.backend_pid, signal.SIGSTOP)
        server.kill()
        server.start()
    assert ask(server, "SELECT number FROM kept") == 7


def test_a_stopped_server_starts_again_with_its_data(server: Postgres) -> None:
    insert(server, 8)
    server.stop()
    assert not server.running
    server.start()
    assert ask(server, "SELECT number FROM kept") == 8


def test_data_and_password_outlive_the_launch(tmp_path: Path) -> None:
    with Postgres(tmp_path / "postgres") as first:
        insert(first, 9)
    with Postgres(tmp_path / "postgres") as second:
        assert second.password == first.password
        assert ask(second, "SELECT number FROM kept") == 9
        assert Postgres.url_of_running(tmp_path / "postgres") == second.url


def test_a_server_that_an_earlier_launch_left_running_is_stopped_first(server: Postgres) -> None:
    insert(server, 10)
    old = server.pid
    with Postgres(server.folder) as successor:
        assert ask(successor, "SELECT number FROM kept") == 10
        assert successor.pid != old
        assert str(server.data) not in command_line_of(old)


def test_the_pid_file_of_a_dead_server_is_no_obstacle_when_its_number_now_belongs_to_another_process(
    server: Postgres,
) -> None:
    insert(server, 11)
    server.kill()
    lines = server.pid_file.read_text().split("\n")
    server.pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    server.start()
    assert ask(server, "SELECT number FROM kept") == 11


@pytest.mark.skipif(sys.platform != "linux", reason="only there it can be seen")
def test_a_killed_server_that_nobody_has_buried_yet_is_waited_for(server: Postgres) -> None:
    insert(server, 13)
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(command_line_of, [server.pid, *map(int, children)])), what="the end of them all")
    successor = Postgres(server.folder)
    starting = successor.starting()
    next(starting)
    with pytest.raises(CannotLaunch, match="has not been started"):
        assert successor.pid
    assert not server.running  # from here on it is buried
    try:
        wait_until(lambda: next(starting, "done") == "done", what="its start")
        assert ask(successor, "SELECT number FROM kept") == 13
    finally:
        successor.stop()


def test_data_of_another_version_is_refused_in_a_sentence_that_names_both(server: Postgres) -> None:
    server.stop()
    (server.data / "PG_VERSION").write_text("13\n")
    with pytest.raises(CannotLaunch, match=r"made by PostgreSQL 13, and this is \d+\. Move it by pg_dump"):
        Postgres(server.folder).start()


def test_a_broken_off_first_start_is_repaired_by_the_next(tmp_path: Path) -> None:
    broken = tmp_path / "postgres" / "data"
    broken.mkdir(parents=True)
    (broken / "PG_VERSION").write_text("18\n")
    with Postgres(tmp_path / "postgres") as server:
        assert ask(server, "SELECT 1") == 1


def test_a_server_that_can_not_start_tells_the_end_of_its_log(server: Postgres) -> None:
    server.stop()
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(CannotLaunch, match="no_such_setting"):
        server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="dropping to `nobody` takes root")
def test_root_without_user_namespaces_runs_a_copy_as_nobody() -> None:
    folder = Path("/root") if Path("/root").stat().st_mode & 0o077 == 0 else Path("/tmp")
    folder = folder / "mainspring-nobody-test"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    home = folder
    try:
        programs = find_programs(candidates(), folder, namespaces=False)
        home = programs.data_root
        assert programs.user
        with Postgres(folder, programs=programs) as server:
            assert Path(f"/proc/{server.pid}").stat().st_uid == programs.user
            insert(server, 12)
            server.kill()
            server.start()
            assert ask(server, "SELECT number FROM kept") == 12
    finally:
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a way around PostgreSQL's refusal")
def test_root_runs_the_server_in_a_user_namespace_where_that_is_allowed(server: Postgres) -> None:
    if not server.programs.prefix:
        pytest.skip("this machine allows no user namespaces")
    assert server.programs.data_root == server.folder
    assert ask(server, "SELECT 1") == 1


def test_no_programs_at_all_is_one_sentence_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(CannotLaunch, match="Install PostgreSQL 14 or later, or give DATABASE_URL"):
        find_programs([], tmp_path)


def test_programs_that_do_not_run_here_are_one_sentence_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    with pytest.raises(CannotLaunch, match="DATABASE_URL"):
        find_programs([tmp_path / "bin"], tmp_path)


def test_the_stop_signal_lets_clients_go(server: Postgres) -> None:
    with psycopg.connect(server.url):
        os.kill(server.pid, signal.SIGINT)
        wait_until(lambda: not server.running, 10)
