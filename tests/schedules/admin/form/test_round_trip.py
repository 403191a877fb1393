"""Proves that somebody who opens a job's form in a browser and saves it untouched changes nothing.

The tests read the page as a browser does. `test_mapping.py` tests the form alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings

from schedules.jobs import definitions
from schedules.jobs.members import stored_members
from schedules.jobs.validation import validate
from schedules.models import Job
from tests import odd_jobs
from tests.factories import ECHO, NOW, make_flag
from tests.job_form import EngineJobForm
from tests.sent_by_browser import sent_by_browser
from tests.staff import signed_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tests.documented import DocumentedClient
    from tests.staff import StaffClient

pytestmark = [pytest.mark.long, pytest.mark.django_db]

HTTP = {"kind": "http", "url": "https://example.org/a", "method": "POST"}
RAW = {**HTTP, "body_format": "raw"}
SUNSET = {"solar": "sunset", "latitude": 1, "longitude": 1}

ODD: dict[str, dict[str, Any]] = {
    "no status is retried": {"target": {**HTTP, "retry_statuses": []}},
    "the default statuses are retried": {"target": {**HTTP, "retry_statuses": None}},
    "an empty object": {"payload": {}},
    "an empty list": {"payload": []},
    "an empty text": {"payload": ""},
    "null": {"payload": None},
    "zero": {"payload": 0},
    "false": {"payload": False},
    "extreme numbers": {"payload": [1e-90, -1e22, 10**99, 0.1, -0.0]},
    "texts in JSON": {"payload": {"\n a\r\nb\r": ["\u2028\t ", {}, []]}},
    "a raw text with a line feed first": {"target": RAW, "payload": "\nabc"},
    "a raw text of line feeds": {"target": RAW, "payload": "\n\n"},
    "a raw text with every line end": {"target": RAW, "payload": "\ra\r\nb\rc\n"},
    "a raw text of blanks": {"target": RAW, "payload": " \t "},
    "an empty raw text": {"target": RAW, "payload": ""},
    "no raw text": {"target": RAW, "payload": None},
    "a description in lines": {"description": "one\ntwo\n\nthree"},
    "a description with every line end": {"description": "one\rtwo\r\nthree\nfour"},
    "a description with blanks that only Python strips": {"description": "\x1fone\x1c"},
    "a name in two lines": {"name": "one\ntwo\r\nthree"},
    "a name with blanks that only Python strips": {"name": "\x1fone  two\x1c"},
    "near the equator": {"schedule": {**SUNSET, "latitude": 0.00001, "longitude": -0.000012345678901234}},
    "on the equator": {"schedule": {**SUNSET, "latitude": -0.0, "longitude": 1e-99}},
    "near the equator, in a list": {"schedule": {"specs": [{**SUNSET, "latitude": 1e-5}, {"every": "6h"}]}},
    "a cron expression in lines": {"schedule": {"cron": " 0\n9\t*  * MON "}},
    "a cron expression in lines, in a list": {"schedule": {"specs": [{"cron": "0\n9 * * *"}, {"every": "6h"}]}},
    "a key with odd blanks": {"policies": {"concurrency": {"limit": 1, "key": "a  b"}}},
    "an empty configuration": {"target": {**HTTP, "headers": {}, "query": {}}},
    "odd queries": {"target": {**HTTP, "query": {"": [], "a\nb": "\r\n", "n": [1e-9, True]}}},
    "short times": {"target": {**HTTP, "connect_timeout": 0.001, "read_timeout": "1ms"}},
}


@pytest.fixture
def browser(staff: User) -> StaffClient:
    return signed_in(staff)


def save_untouched(browser: StaffClient, job: Job) -> None:
    """Open the job's form, and send what a browser sends when somebody saves it."""
    url = f"/admin/schedules/job/{job.pk}/change/"
    response = browser.post(url, sent_by_browser(browser.get(url).content.decode(), 'id="job_form"'))
    errors = response.context["errors"] if response.status_code == 200 else None
    assert response.status_code == 302, errors


def register(api: DocumentedClient, definition: dict[str, Any]) -> str:
    """Register a job as a service does when it starts. Return the outcome."""
    answer = api.send("PUT", "/api/v1/jobs/by-key", {"jobs": [{"key": "greeting", **definition}]})
    (registered,) = answer.json()["jobs"]
    outcome: str = registered["outcome"]
    return outcome


def the_job() -> Job:
    return Job.objects.select_related("spec").get()


@pytest.mark.parametrize("name", ODD)
def test_a_job_saved_untouched_is_unchanged_for_the_service(
    name: str, browser: StaffClient, api: DocumentedClient
) -> None:
    definition = {"name": "greeting", "target": HTTP, **ODD[name]}
    assert register(api, definition) == "created"
    before = stored_members(the_job(), ())
    save_untouched(browser, the_job())
    assert stored_members(the_job(), ()) == before
    assert the_job().spec.version == 1
    assert register(api, definition) == "unchanged"


def test_a_command_keeps_an_empty_object_of_parameters(browser: StaffClient, api: DocumentedClient) -> None:
    assert register(api, {"name": "greeting", "target": ECHO, "payload": {}}) == "created"
    save_untouched(browser, the_job())
    assert the_job().spec.payload == {}


@pytest.fixture
def _flag() -> None:
    make_flag(odd_jobs.FLAG)


# The flag and the jobs of all examples may stay until the test ends.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd_jobs.definitions())
@pytest.mark.usefixtures("_flag")
def test_any_job_saved_untouched_is_unchanged(definition: dict[str, Any]) -> None:
    made = definitions.create(validate(definition, NOW), NOW, actor="tests")
    job, to_save = (Job.objects.select_related("spec").get(pk=made.pk) for _ in range(2))
    fields = "".join(str(field) for field in EngineJobForm(instance=job))  # without the rest of the page, which is slow
    sent = sent_by_browser(f'<form id="job_form">{fields}</form>', 'id="job_form"')
    form = EngineJobForm(QueryDict(urlencode(sent, doseq=True)), instance=to_save)
    assert form.is_valid(), form.errors
    assert form.definition is not None
    assert form.definition.members == stored_members(job, ())
    assert not definitions.changed_members(job, form.definition, ())
    assert not definitions.changed_members(job, validate(definition, NOW, job), ())
