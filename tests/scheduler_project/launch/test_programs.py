"""The environment of the programs of `make run`."""

from __future__ import annotations

import pytest

from scheduler_project.launch.programs import stages

DEFAULTS = {"web": "10", "beat": "0", "flower": "2", "worker": "0", "worker-http": "20"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, DEFAULTS),
        ({"MAINSPRING_DB_POOL": ""}, DEFAULTS),
        (
            {"MAINSPRING_DB_POOL": "7"},
            {"web": "7", "beat": "0", "flower": "7", "worker": "0", "worker-http": "7"},
        ),
        (
            {"MAINSPRING_DB_POOL_FILE": "pool"},
            {"web": None, "beat": "0", "flower": None, "worker": "0", "worker-http": None},
        ),
    ],
)
def test_a_pool_that_is_given_is_that_of_the_programs_with_threads(
    given: dict[str, str], expected: dict[str, str | None]
) -> None:
    programs = [program for stage in stages(given, port=1, flower_port=2) for program in stage]
    assert {program.name: program.environment.get("MAINSPRING_DB_POOL") for program in programs} == expected
