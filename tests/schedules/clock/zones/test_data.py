"""The package of the lock file decides on time zones, and other versions can be stored, read back and compared."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from schedules.clock.zones import data
from schedules.clock.zones.zones import has_other_rules, is_zone, zone
from tests.zone_versions import BERLIN, UNTIL_2026, VANCOUVER, know, tzif

WINTER = datetime(2026, 12, 15, 12, tzinfo=UTC)
OFFSET = f"datetime(2026, 12, 15, tzinfo=ZoneInfo('{VANCOUVER}')).utcoffset().total_seconds() / 3600"
PROGRAM = f"""
from datetime import datetime
from zoneinfo import ZoneInfo
if {{early}}:
    ZoneInfo('{VANCOUVER}')
import django
django.setup()
print({OFFSET})
"""


@pytest.mark.long
@pytest.mark.parametrize("early", [False, True])
def test_the_data_of_the_machine_do_not_count(tmp_path: Path, early: bool) -> None:
    wrong = tmp_path / VANCOUVER
    wrong.parent.mkdir()
    wrong.write_bytes(tzif("<+11>-11"))
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(early=early)],
        env={**os.environ, "PYTHONTZPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "scheduler_project.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "-7.0\n"


def test_this_process_calculates_with_the_package() -> None:
    assert data.OWN_VERSION >= "2026"
    assert WINTER.astimezone(ZoneInfo(VANCOUVER)).hour == WINTER.astimezone(zone(VANCOUVER)).hour == 5


def test_a_stored_version_is_read_back_as_it_was() -> None:
    version = know("2026-packed", **{VANCOUVER: UNTIL_2026})
    assert data.is_known(version)
    assert data.rules_of(data.name_in(VANCOUVER, version)) == tzif(UNTIL_2026)
    assert 100_000 < len(data.pack(data.own_rules())) < 300_000


def test_only_a_changed_zone_has_another_name_in_another_version() -> None:
    version = know("2026-names", **{VANCOUVER: UNTIL_2026})
    name = data.name_in(VANCOUVER, version)
    assert name != VANCOUVER
    assert WINTER.astimezone(zone(name)).hour == 4
    assert data.name_in(BERLIN, version) == BERLIN
    assert data.name_in(VANCOUVER, data.OWN_VERSION) == VANCOUVER


def test_a_zone_keeps_its_name_in_a_version_that_nobody_knows() -> None:
    assert not data.is_known("2019z")
    assert data.name_in(VANCOUVER, "2019z") == VANCOUVER
    assert not has_other_rules(VANCOUVER, "2019z", data.OWN_VERSION, 2026)


@pytest.mark.parametrize("name", [f"{VANCOUVER}@2019z", "@2019z", "@"])
def test_a_name_with_an_unknown_version_is_no_zone(name: str) -> None:
    with pytest.raises(ValueError, match="not an IANA time zone"):
        zone(name)


def test_a_zone_that_only_other_versions_have_is_as_in_the_newest_of_them() -> None:
    first = know("2026-new-1", **{"Asia/Newtown": "<+01>-1"})
    second = know("2026-new-2", **{"Asia/Newtown": "<+02>-2"})
    assert is_zone("Asia/Newtown") and not is_zone("Asia/Oldtown") and not is_zone(f"Asia/Newtown@{first}")
    assert not is_zone("Factory")
    assert WINTER.astimezone(zone("Asia/Newtown")).utcoffset() == timedelta(hours=2)
    assert WINTER.astimezone(zone(data.name_in("Asia/Newtown", first))).utcoffset() == timedelta(hours=1)
    assert not has_other_rules("Asia/Newtown", data.OWN_VERSION, second, 2026)
    assert data.newest_with(["Asia/Newtown", BERLIN]) == second
    assert data.newest_with([BERLIN]) == max([data.OWN_VERSION, *data._others])


def test_rules_differ_only_if_clocks_differ_around_the_year() -> None:
    version = know("2026-years", **{VANCOUVER: UNTIL_2026, "Etc/GMT-2": "<+02>-2"})
    assert has_other_rules(VANCOUVER, version, data.OWN_VERSION, 2026)
    assert has_other_rules(VANCOUVER, data.OWN_VERSION, version, 2021)  # 2026 is within the next five years
    assert not has_other_rules(VANCOUVER, version, data.OWN_VERSION, 2015)
    assert not has_other_rules("Etc/GMT-2", version, data.OWN_VERSION, 2026)  # other bytes, but the same offsets
    assert not has_other_rules(BERLIN, version, data.OWN_VERSION, 2026)


def test_the_rules_of_a_machine_are_those_in_its_first_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, rule in ((first, "<+01>-1"), (second, "<+02>-2")):
        (folder / "America").mkdir(parents=True)
        (folder / VANCOUVER).write_bytes(tzif(rule))
    found = data.rules_in([str(first), str(second), str(tmp_path / "absent")])
    assert found == {**data.own_rules(), VANCOUVER: tzif("<+01>-1")}
