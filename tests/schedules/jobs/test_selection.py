"""A selection matches active jobs that fit all of its members, and refuses what no job can match."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from access.visibility import ENGINE
from schedules import triggers
from schedules.jobs.selection import MAX_SELECTED_IDS, Selection
from tests.factories import NOW, make_job

HTTP = {"kind": "http", "url": "https://example.org"}


def selected(**members: Any) -> list[str]:
    """Return the names of the selected jobs, sorted."""
    return sorted(job.name for job in Selection(**members).active_jobs(NOW, ENGINE))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("members", "names"),
    [
        pytest.param({}, ["Invoice export", "invoice import", "report"], id="no members"),
        pytest.param({"target_kind": "http"}, ["invoice import"], id="kind of target"),
        pytest.param({"name": "report"}, ["report"], id="name"),
        pytest.param({"name": "Report"}, [], id="name in another case"),
        pytest.param({"name": ""}, [], id="an empty name"),
        pytest.param({"search": "VOICE"}, ["Invoice export", "invoice import"], id="a part of the name"),
        pytest.param({"search": "re"}, ["report"], id="two characters start the name"),
        pytest.param({"search": "invoice", "target_kind": "command"}, ["Invoice export"], id="two members"),
        pytest.param({"search": "%"}, [], id="a wildcard of SQL"),
        pytest.param({"ids": [uuid4()]}, [], id="an unknown id"),
    ],
)
def test_a_selection_matches_the_jobs_that_fit_all_of_its_members(members: dict[str, Any], names: list[str]) -> None:
    make_job("Invoice export")
    make_job("invoice import", target=HTTP)
    make_job("report")
    assert selected(**members) == names


@pytest.mark.django_db
def test_ids_narrow_the_other_members() -> None:
    first, second = make_job("invoice export"), make_job("report")
    assert selected(ids=[first.pk, second.pk]) == ["invoice export", "report"]
    assert selected(ids=[first.pk, second.pk], search="rep") == ["report"]


@pytest.mark.django_db
def test_paused_jobs_and_jobs_created_later_are_not_selected() -> None:
    make_job("now")
    make_job("later", now=NOW + timedelta(microseconds=1))
    triggers.pause(make_job("paused").pk, NOW, actor="tests")
    assert selected() == ["now"]


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"target_kind": "HTTP"}, id="a kind in upper case"),
        pytest.param({"name": "a\x00"}, id="a name that cannot be stored"),
        pytest.param({"name": "x" * 256}, id="a name that is too long"),
        pytest.param({"search": ""}, id="an empty search"),
        pytest.param({"search": "\ud800"}, id="a search that cannot be stored"),
        pytest.param({"ids": []}, id="no id"),
        pytest.param({"ids": [uuid4()] * (MAX_SELECTED_IDS + 1)}, id="too many ids"),
        pytest.param({"colour": "red"}, id="an unknown member"),
    ],
)
def test_a_member_that_can_match_no_job_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Selection(**members)
    assert len(caught.value.errors()) == 1


def test_a_mistyped_kind_of_target_gets_the_known_kinds_and_a_guess() -> None:
    with pytest.raises(ValidationError, match=r'target_kind must be .*http.*Did you mean "command"\?'):
        Selection(target_kind="comand")
