"""Proves with real servers that the embedded PostgreSQL starts, recovers, and keeps its data and its port."""

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


pytestmark = pytest.mark.long


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    with Postgres(tmp_path / "postgres") as server:
        yield server


def query_value(server: Postgres, query: str) -> object:
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def insert(server: Postgres, number: int) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def test_a_new_server_accepts_only_clients_with_its_password(server: Postgres) -> None:
    assert query_value(server, "SELECT current_database()") == "mainspring"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(server.password, "guess"))


def test_a_new_server_uses_utf8_and_checksums_and_listens_on_loopback_only(server: Postgres) -> None:
    assert query_value(server, "SHOW server_encoding") == "UTF8"
    assert query_value(server, "SHOW data_checksums") == "on"
    assert query_value(server, "SHOW listen_addresses") == "127.0.0.1"
    assert query_value(server, "SHOW unix_socket_directories") == ""
    assert query_value(server, "SELECT upper('äß')") == "ÄSS" or query_value(server, "SELECT upper('ä')") == "Ä"


def test_a_durable_server_uses_fsync_and_a_temporary_one_does_not(tmp_path: Path, server: Postgres) -> None:
    assert query_value(server, "SHOW fsync") == "off"
    server.stop()
    with Postgres(server.folder, durable=True) as durable:
        assert query_value(durable, "SHOW fsync") == "on"
        assert query_value(durable, "SHOW synchronous_commit") == "on"
        assert query_value(durable, "SHOW full_page_writes") == "on"


def test_a_killed_server_restarts_on_its_port_with_all_committed_data(server: Postgres) -> None:
    insert(server, 7)
    url = server.url
    with psycopg.connect(url):  # a backend that must notice that the server is gone
        server.kill()
    server.start()
    assert server.url == url
    assert query_value(server, "SELECT number FROM kept") == 7


def test_a_server_starts_although_a_backend_of_the_killed_one_does_not_end(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler_project.launch.server.OLD_PROCESSES_TIMEOUT", 0.5)
    insert(server, 7)
    with psycopg.connect(server.url) as connection:
        # Like a backend that waits for an internal lock of a process that has been killed.
        os.kill(connection.info.backend_pid, signal.SIGSTOP)
        server.kill()
        server.start()
    assert query_value(server, "SELECT number FROM kept") == 7


def test_a_stopped_server_starts_again_with_its_data(server: Postgres) -> None:
    insert(server, 8)
    server.stop()
    assert not server.running
    server.start()
    assert query_value(server, "SELECT number FROM kept") == 8


def test_the_next_launch_uses_the_same_data_and_password(tmp_path: Path) -> None:
    with Postgres(tmp_path / "postgres") as first:
        insert(first, 9)
    with Postgres(tmp_path / "postgres") as second:
        assert second.password == first.password
        assert query_value(second, "SELECT number FROM kept") == 9
        assert Postgres.url_of_running(tmp_path / "postgres") == second.url


def test_a_running_server_of_an_earlier_launch_is_stopped_first(server: Postgres) -> None:
    insert(server, 10)
    old = server.pid
    with Postgres(server.folder) as successor:
        assert query_value(successor, "SELECT number FROM kept") == 10
        assert successor.pid != old
        assert str(server.data) not in command_line_of(old)


def test_a_server_starts_although_its_old_process_id_belongs_to_another_process(
    server: Postgres,
) -> None:
    insert(server, 11)
    server.kill()
    lines = server.pid_file.read_text().split("\n")
    server.pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    server.start()
    assert query_value(server, "SELECT number FROM kept") == 11


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_start_waits_until_the_parent_has_reaped_a_killed_server(server: Postgres) -> None:
    insert(server, 13)
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(command_line_of, [server.pid, *map(int, children)])), what="the end of them all")
    successor = Postgres(server.folder)
    starting = successor.starting()
    next(starting)
    with pytest.raises(CannotLaunch, match="has not been started"):
        assert successor.pid
    assert not server.running  # this waits for the process, so that it is no zombie any more
    try:
        wait_until(lambda: next(starting, "done") == "done", what="its start")
        assert query_value(successor, "SELECT number FROM kept") == 13
    finally:
        successor.stop()


def test_the_message_for_data_of_another_version_names_both_versions(server: Postgres) -> None:
    server.stop()
    (server.data / "PG_VERSION").write_text("13\n")
    with pytest.raises(
        CannotLaunch, match=r"needs PostgreSQL 13, and this is PostgreSQL \d+\. Export the data with pg_dump 13"
    ):
        Postgres(server.folder).start()


def test_a_start_repairs_the_leftovers_of_an_interrupted_first_start(tmp_path: Path) -> None:
    broken = Postgres(tmp_path / "postgres").data.with_name("data.new")
    broken.mkdir(parents=True)
    (broken / "PG_VERSION").write_text("18\n")
    with Postgres(tmp_path / "postgres") as server:
        assert query_value(server, "SELECT 1") == 1


@pytest.mark.parametrize("is_link", [False, True], ids=["folder", "link to an absent disk"])
def test_a_data_folder_that_contains_no_data_is_reported_and_kept(tmp_path: Path, is_link: bool) -> None:
    server = Postgres(tmp_path / "postgres")
    if is_link:
        server.data.symlink_to(tmp_path / "absent")
    else:
        server.data.mkdir(parents=True)
        (server.data / "kept").touch()
    with pytest.raises(CannotLaunch, match="contains no PostgreSQL data: No such file"):
        server.start()
    assert server.data.is_symlink() if is_link else (server.data / "kept").exists()


def test_the_message_for_a_failed_start_contains_the_end_of_the_servers_log(server: Postgres) -> None:
    server.stop()
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(CannotLaunch, match="no_such_setting"):
        server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can switch to `nobody`")
def test_root_without_user_namespaces_runs_a_copy_as_nobody() -> None:
    folder = Path("/root") if Path("/root").stat().st_mode & 0o077 == 0 else Path("/tmp")
    folder = folder / "mainspring-nobody-test"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    data_root = folder
    try:
        programs = find_programs(candidates(), folder, namespaces=False)
        data_root = programs.data_root
        assert programs.user
        with Postgres(folder, programs=programs) as server:
            assert Path(f"/proc/{server.pid}").stat().st_uid == programs.user
            insert(server, 12)
            server.kill()
            server.start()
            assert query_value(server, "SELECT number FROM kept") == 12
    finally:
        shutil.rmtree(data_root, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL refuses to run as root only")
def test_root_runs_the_server_in_a_user_namespace_if_that_is_allowed(server: Postgres) -> None:
    if not server.programs.prefix:
        pytest.skip("this machine allows no user namespaces")
    assert server.programs.data_root == server.folder
    assert query_value(server, "SELECT 1") == 1


def test_the_message_for_a_machine_without_postgresql_says_what_to_install_or_set(tmp_path: Path) -> None:
    with pytest.raises(CannotLaunch, match="Install PostgreSQL 14 or later, or set DATABASE_URL"):
        find_programs([], tmp_path)


def test_the_message_for_programs_that_do_not_run_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    with pytest.raises(CannotLaunch, match=r"does not run on this machine\. Install PostgreSQL .* or set DATABASE_URL"):
        find_programs([tmp_path / "bin"], tmp_path)


def test_the_stop_signal_stops_the_server_although_clients_are_connected(server: Postgres) -> None:
    with psycopg.connect(server.url):
        os.kill(server.pid, signal.SIGINT)
        wait_until(lambda: not server.running, 10)
