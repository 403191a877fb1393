"""Proves that a form refuses to overwrite what others have changed since it was opened, and shows these changes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.http import QueryDict

from schedules import triggers
from schedules.admin.form import changes
from schedules.jobs import definitions
from schedules.jobs.members import stored_members
from schedules.jobs.validation import validate
from schedules.models import Job
from tests.factories import ECHO, NOW, make_job
from tests.job_form import EngineJobForm
from tests.sent_by_browser import sent_by_browser
from tests.staff import page_of

if TYPE_CHECKING:
    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning"), pytest.mark.long]

HTTP = {"kind": "http", "url": "https://example.org/a", "method": "POST"}
ADDRESS = "/admin/schedules/job/{}/change/"


def job_with(**definition: Any) -> Job:
    return make_job("nightly", {"cron": "0 9 * * *"}, target=HTTP, **{"payload": {"a": 1}, **definition})


def edit(job: Job, **changed: Any) -> None:
    """Change a job as another person does."""
    job = Job.objects.select_related("spec").get(pk=job.pk)
    data = stored_members(job, ()) | changed
    definitions.replace(job.pk, validate(data, NOW, job), NOW + timedelta(hours=1), actor="somebody else")


def opened(admin: StaffClient, job: Job) -> dict[str, list[str]]:
    """Return what a browser sends if the form is opened now and saved untouched."""
    return sent_by_browser(page_of(admin.get(ADDRESS.format(job.pk))), 'id="job_form"')


def refused(admin: StaffClient, job: Job, sent: dict[str, Any]) -> tuple[str, dict[str, list[str]]]:
    """Send a form that must be refused. Return the page, and what saving this page sends."""
    page = page_of(admin.post(ADDRESS.format(job.pk), sent))
    assert "Nothing was saved" in page
    return page, sent_by_browser(page, 'id="job_form"')


def stored(job: Job) -> dict[str, Any]:
    return stored_members(Job.objects.select_related("spec").get(pk=job.pk), ())


def test_a_form_does_not_overwrite_what_was_changed_after_it_was_opened(admin: StaffClient) -> None:
    job = job_with()
    sent = opened(admin, job) | {"name": ["renamed"]}
    edit(job, payload={"a": 2}, schedule={"cron": "0 3 * * *"})
    before = stored(job)
    page, again = refused(admin, job, sent)
    assert stored(job) == before
    assert "Changed while you had the form open" in page and "20 Nov 13:00:00" in page
    for text in (">Cron expression</th>", ">Payload</th>", "0 9 * * *", "0 3 * * *", "the present value"):
        assert text in page
    assert ">Name</th>" not in page

    assert admin.post(ADDRESS.format(job.pk), again).status_code == 302
    after = stored(job)
    assert after["name"] == "renamed"
    assert (after["payload"], after["schedule"]["cron"]) == ({"a": 2}, "0 3 * * *")


def test_a_field_that_both_have_edited_keeps_the_input_and_shows_the_present_value(admin: StaffClient) -> None:
    job = job_with()
    sent = opened(admin, job) | {"payload": ['{"a": 3}']}
    edit(job, payload={"a": 2})
    page, again = refused(admin, job, sent)
    assert "your value" in page and again["payload"] == ['{"a": 3}']
    assert admin.post(ADDRESS.format(job.pk), again).status_code == 302
    assert stored(job)["payload"] == {"a": 3}


def test_a_change_between_looking_and_saving_again_is_refused_again(admin: StaffClient) -> None:
    job = job_with()
    sent = opened(admin, job)
    edit(job, payload={"a": 2})
    _, again = refused(admin, job, sent)
    edit(job, payload={"a": 5})
    _, last = refused(admin, job, again)
    assert admin.post(ADDRESS.format(job.pk), last).status_code == 302
    assert stored(job)["payload"] == {"a": 5}


@pytest.mark.parametrize(
    "changed",
    [
        {"description": "new"},
        {"name": "other"},
        {"schedule": {"every": "5m"}},
        {"schedule": {"specs": [{"every": "5m"}, {"cron": "0 3 * * *"}]}},
        {"target": {**HTTP, "headers": {"X-A": "1"}}},
        {"target": {**HTTP, "follow_redirects": True}},
        {"target": {**HTTP, "retry_statuses": []}},
        {"target": ECHO, "payload": {"message": "x"}},
        {"policies": {"retry": {"max_retries": 9}}},
        {"policies": {"retry": {"max_retries": 0}}},
        {"policies": {"retry": {"jitter": False}}},
        {"policies": {"concurrency": {"limit": 3}}},
    ],
    ids=str,
)
def test_a_change_of_any_member_is_noticed_and_kept(admin: StaffClient, changed: dict[str, Any]) -> None:
    job = job_with()
    sent = opened(admin, job)
    edit(job, **changed)
    before = stored(job)
    _, again = refused(admin, job, sent)
    assert stored(job) == before
    assert admin.post(ADDRESS.format(job.pk), again).status_code == 302
    assert stored(job) == before


def test_a_number_that_was_changed_to_zero_is_shown_as_zero(admin: StaffClient) -> None:
    job = job_with()
    sent = opened(admin, job)
    edit(job, policies={"retry": {"max_retries": 0}})
    page, again = refused(admin, job, sent)
    (row,) = re.findall(r"<tr>\s*<th[^>]*>Retries after a failure</th>.*?</tr>", page, re.DOTALL)
    assert [cell.strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)][1] == "0"
    assert again["max_retries"] == ["0"]


def test_chains_that_were_changed_meanwhile_are_noticed(admin: StaffClient) -> None:
    job, source = job_with(), make_job("source")
    sent = opened(admin, job)
    edit(job, start_after=[{"job": str(source.pk), "on": "success"}])
    _, again = refused(admin, job, sent)
    assert again["after_success"] == [str(source.pk)]


def test_a_pause_and_runs_of_the_job_do_not_stand_in_the_way(admin: StaffClient) -> None:
    job = job_with()
    sent = opened(admin, job) | {"name": ["renamed"]}
    triggers.pause(job.pk, NOW + timedelta(minutes=1), actor="somebody else")
    assert admin.post(ADDRESS.format(job.pk), sent).status_code == 302
    assert (stored(job)["name"], Job.objects.get(pk=job.pk).state) == ("renamed", "paused")


@pytest.mark.parametrize("text", [None, "", "[]", "nonsense", "[" * 5000])
def test_a_form_that_does_not_say_what_it_showed_is_shown_again(admin: StaffClient, text: str | None) -> None:
    job = job_with()
    sent: dict[str, Any] = opened(admin, job) | {"name": ["renamed"], "opened": text}
    _, again = refused(admin, job, {name: value for name, value in sent.items() if value is not None})
    assert stored(job)["name"] == "nightly"
    assert admin.post(ADDRESS.format(job.pk), again).status_code == 302
    assert stored(job)["name"] == "renamed"


def test_a_new_job_needs_no_fingerprints() -> None:
    form = EngineJobForm(QueryDict("name=x"))
    form.is_valid()
    assert not form.non_field_errors() and not form.meanwhile


def test_a_value_and_what_a_browser_sends_for_it_have_the_same_fingerprint() -> None:
    for value, sent in (
        (None, ""),
        (False, False),
        (True, True),
        (5, "5"),
        ("a\nb", "a\r\nb"),
        (["b", "a"], ["a", "b"]),
    ):
        assert changes.fingerprints({"x": value}) == changes.fingerprints({"x": sent})
    assert changes.fingerprints({"x": "a"}) != changes.fingerprints({"x": "b"})
