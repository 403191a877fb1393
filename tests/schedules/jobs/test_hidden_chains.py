"""Proves that chains name no job that the caller may not see, and that changes keep the links to such jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.db.models import Q

from access import visibility
from access.visibility import ENGINE, Caller
from schedules.admin.form.form import JobForm
from schedules.exceptions import InvalidDefinition
from schedules.jobs import chains, definitions, registration
from schedules.jobs.validation import validate
from schedules.models import Chain, On
from tests.factories import ECHO, HELLO, NOW, make_job
from tests.job_form import sent

if TYPE_CHECKING:
    from access.visibility import Action
    from schedules.models import Job

pytestmark = pytest.mark.django_db


def after(job: Job, name: str) -> dict[str, Any]:
    """Return the definition of a job that starts after another."""
    links = [{"job": str(job.pk)}]
    return {"name": name, "target": ECHO, "payload": HELLO, "schedule": {"kind": "none"}, "start_after": links}


def test_a_cycle_that_a_race_closes_does_not_name_a_hidden_job(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Caller(User(username="ann", is_superuser=True))
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


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job that every caller but the engine may not see."""
    secret = make_job("secret")

    def limits(label: str, asking: Caller, action: Action) -> Q | None:
        return ~Q(pk=secret.pk) if label == "schedules.job" and asking != ENGINE else None

    monkeypatch.setattr(visibility, "limits", limits)
    return secret


ANN = Caller(User(username="ann", is_superuser=True))


def test_a_replaced_definition_keeps_the_links_that_the_caller_may_not_see(hidden: Job) -> None:
    seen, other = make_job("seen"), make_job("other")
    job = make_job("check", start_after=[{"job": str(hidden.pk)}, {"job": str(seen.pk)}])
    for source in (seen, other):
        definition = validate(after(source, name="check"), NOW, job, caller=ANN)
        job = definitions.replace(job.pk, definition, NOW, actor="ann", caller=ANN)
        assert {link.job for link in chains.of(job.pk, ANN)} == {source.pk}
        assert {link.job for link in chains.of(job.pk)} == {hidden.pk, source.pk}


def test_a_registration_keeps_the_links_that_the_caller_may_not_see(hidden: Job) -> None:
    seen = make_job("seen")
    wanted = {"acme": after(seen, name="check")}
    job = registration.register(wanted, NOW, actor="ann", caller=ANN)["acme"].job
    Chain.objects.create(source=hidden, job=job, on=On.SUCCESS)
    again = registration.register(wanted, NOW, actor="ann", caller=ANN)["acme"]
    assert again.outcome is registration.Outcome.UNCHANGED
    registration.register({"acme": {**wanted["acme"], "start_after": []}}, NOW, actor="ann", caller=ANN)
    assert {link.job for link in chains.of(job.pk)} == {hidden.pk}


def test_the_form_neither_shows_nor_removes_a_link_that_the_caller_may_not_see(hidden: Job) -> None:
    class AnnsForm(JobForm):
        caller: ClassVar[Caller] = ANN

    job = make_job("check", start_after=[{"job": str(hidden.pk)}])
    untouched = sent(AnnsForm(instance=job))
    assert str(hidden.pk) not in str(untouched)
    form = AnnsForm(untouched | {"name": "renamed"}, instance=job)
    assert form.is_valid() and form.definition
    definitions.replace(job.pk, form.definition, NOW, actor="ann", caller=ANN)
    assert {link.job for link in chains.of(job.pk)} == {hidden.pk}
