"""Proves the size of the database connection pool that `make run` gives to each program."""

from __future__ import annotations

import pytest

from scheduler_project.launch.programs import stages

DEFAULTS = {"web": "10", "beat": "0", "flower": "2", "worker": "0", "worker-http": "20"}


@pytest.mark.parametrize(
    ("variables", "expected"),
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
def test_a_pool_size_of_the_environment_applies_to_programs_with_threads_only(
    variables: dict[str, str], expected: dict[str, str | None]
) -> None:
    programs = [program for stage in stages(variables, port=1, flower_port=2) for program in stage]
    assert {program.name: program.environment.get("MAINSPRING_DB_POOL") for program in programs} == expected
