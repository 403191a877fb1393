"""Proves that errors about chains name no job that the caller may not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Q

from access import visibility
from access.visibility import Caller
from schedules.exceptions import InvalidDefinition
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from tests.factories import ECHO, HELLO, NOW, make_job

if TYPE_CHECKING:
    from access.visibility import Action
    from schedules.models import Job

pytestmark = pytest.mark.django_db


def after(job: Job, name: str) -> dict[str, Any]:
    """Return the definition of a job that starts after another."""
    links = [{"job": str(job.pk)}]
    return {"name": name, "target": ECHO, "payload": HELLO, "schedule": {"kind": "none"}, "start_after": links}


def test_a_cycle_that_a_race_closes_does_not_name_a_hidden_job(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Caller(User(username="ann"))
    first, second = make_job("load"), make_job("check")
    definition = validate(after(second, name="load"), NOW, first, caller=caller)
    secret = definitions.create(validate(after(first, name="secret"), NOW), NOW, actor="ben")
    definitions.replace(second.pk, validate(after(secret, name="check"), NOW, second), NOW, actor="ben")

    def limits(label: str, asking: Caller, action: Action) -> Q | None:
        return ~Q(pk=secret.pk) if label == "schedules.job" and asking is caller else None

    monkeypatch.setattr(visibility, "limits", limits)
    with pytest.raises(InvalidDefinition) as refusal:
        definitions.replace(first.pk, definition, NOW, actor="ann", caller=caller)
    (text,) = refusal.value.errors["start_after.0.job"]
    assert f"“load” starts “{secret.pk}” starts “check”" in text
