"""Proves that each H of a job's cron expression is computed from the job's id, unless the schedule has a key."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from schedules.admin.form.mapping import schedule_from
from schedules.admin.job.preview import preview_form
from schedules.clock.cron.expression import read_cron
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import to_json
from schedules.exceptions import InvalidDefinition, InvalidRegistration
from schedules.jobs.registration import register
from schedules.jobs.schedule_shape import read_schedule
from schedules.models import Job, ScheduleSpan
from tests.factories import ECHO, HELLO, NOW, make_job
from tests.schedules.ledger.jobs import change

if TYPE_CHECKING:
    from tests.documented import DocumentedClient

pytestmark = pytest.mark.django_db

DAILY = {"cron": "H H * * *"}


def time_of(key: str) -> tuple[int, int]:
    cron = read_cron("H H * * *", key)
    return cron.hours[0], cron.minutes[0]


def next_time(job: Job) -> tuple[int, int]:
    job.refresh_from_db()
    assert job.next_run_at is not None
    at = job.next_run_at.astimezone(UTC)
    return at.hour, at.minute


def test_a_new_job_gets_its_id_as_the_key_and_its_first_instant_from_it() -> None:
    jobs = [make_job(f"job {number}", DAILY) for number in range(5)]
    for job in jobs:
        assert next_time(job) == time_of(str(job.pk))
        assert job.schedule["hash_key"] == str(job.pk)
        assert ScheduleSpan.objects.get(job_id=job.pk).schedule == job.schedule
    assert len({next_time(job) for job in jobs}) > 1


def test_a_key_of_its_own_is_kept_and_shared() -> None:
    first, second = (make_job(name, DAILY | {"hash_key": "team"}) for name in ("first", "second"))
    assert next_time(first) == next_time(second) == time_of("team")


def test_each_schedule_of_a_list_gets_the_key() -> None:
    job = make_job(schedule={"specs": [{"cron": "H 1 * * *"}, {"every": "6h"}]})
    assert [member.get("hash_key") for member in job.schedule["specs"]] == [str(job.pk), None]


def test_the_same_expression_without_a_key_changes_nothing() -> None:
    job = make_job(schedule=DAILY)
    before = job.schedule, job.mark_at, job.next_run_at
    change(job, DAILY, NOW + timedelta(minutes=1))
    job.refresh_from_db()
    assert (job.schedule, job.mark_at, job.next_run_at) == before


def test_a_registration_of_the_same_expression_leaves_the_job_unchanged() -> None:
    wanted = {"name": "report", "schedule": DAILY, "target": ECHO, "payload": HELLO}
    outcomes = [
        register({"report": wanted}, NOW + timedelta(minutes=minute), actor="tests")["report"].outcome.value
        for minute in range(2)
    ]
    assert outcomes == ["created", "unchanged"]


def test_another_expression_is_computed_from_the_same_key() -> None:
    job = make_job(schedule={"cron": "0 9 * * *"})
    assert "hash_key" not in job.schedule
    change(job, DAILY, NOW)
    assert next_time(job) == time_of(str(job.pk))


def test_the_api_shows_the_key_and_accepts_its_own_answer(api: DocumentedClient) -> None:
    body = {"name": "report", "schedule": DAILY, "target": ECHO, "payload": HELLO}
    created = api.send("POST", "/api/v1/jobs", body).json()
    assert created["schedule"]["hash_key"] == created["id"]
    hour, minute = time_of(created["id"])
    assert created["next_run_at"][11:16] == f"{hour:02d}:{minute:02d}"
    changed = api.send("PATCH", f"/api/v1/jobs/{created['id']}", {"schedule": {"cron": "H 3 * * *"}}).json()
    assert changed["schedule"]["hash_key"] == created["id"]
    plain = api.send("PATCH", f"/api/v1/jobs/{created['id']}", {"schedule": {"cron": "5 3 * * *"}}).json()
    assert "hash_key" not in plain["schedule"]


def test_a_preview_computes_from_the_job_id_or_says_that_it_is_an_example(api: DocumentedClient) -> None:
    job = make_job(schedule=DAILY)

    def preview(**more: Any) -> Any:
        return api.send("POST", "/api/v1/schedules/preview", {"schedule": DAILY, **more}).json()

    known = preview(job_id=str(job.pk))
    hour, minute = time_of(str(job.pk))
    assert {fire["at"][11:16] for fire in known["fires"]} == {f"{hour:02d}:{minute:02d}"}
    assert [text for text in known["warnings"] if "here the expression is" in text]
    assert [text for text in preview()["warnings"] if "only an example" in text]


def test_the_form_previews_a_saved_job_with_its_id() -> None:
    job = make_job(schedule=DAILY)
    values = {"schedule_kind": "cron", "cron": "H H * * *", "timezone": "UTC"}
    hour, minute = time_of(str(job.pk))
    with timezone.override(UTC):
        saved, _ = preview_form({**values, "job_id": str(job.pk)}, NOW)
        new, _ = preview_form(values, NOW)
    assert all(f" {hour:02d}:{minute:02d}:00 " in line.local for line in saved["fires"])
    assert [text for text in new["warnings"] if "only an example" in text]


def test_the_stored_schedule_of_a_job_reads_back_to_the_same_instants() -> None:
    job = make_job(schedule=DAILY)
    assert to_json(parse(job.schedule, min_interval=timedelta(0))) == job.schedule
    assert job.schedule_spec.hash_key == str(job.pk)


MAY_NOT_FIRE = {"cron": "0 0 31 H *"}


def test_an_expression_that_fires_only_for_some_ids_is_refused_everywhere(api: DocumentedClient) -> None:
    job = make_job(schedule=DAILY)
    body = {"name": "report", "schedule": MAY_NOT_FIRE, "target": ECHO, "payload": HELLO}
    requests = [
        ("POST", "/api/v1/jobs", body),
        ("PUT", f"/api/v1/jobs/{job.pk}", body),
        ("PATCH", f"/api/v1/jobs/{job.pk}", {"schedule": MAY_NOT_FIRE}),
        ("POST", "/api/v1/schedules/preview", {"schedule": MAY_NOT_FIRE, "job_id": str(job.pk)}),
    ]
    for method, path, sent in requests * 5:
        answer = api.send(method, path, sent)
        assert answer.status_code == 400, (method, path, answer.content)
        assert [error["field"] for error in answer.json()["errors"]] == ["schedule.cron"]
    verdict = api.send("POST", "/api/v1/schedules/validate", {"schedule": MAY_NOT_FIRE}).json()
    assert not verdict["valid"]
    _, errors = preview_form({"schedule_kind": "cron", "cron": MAY_NOT_FIRE["cron"], "job_id": str(job.pk)}, NOW)
    assert list(errors) == ["cron"]
    wanted = {f"job-{number}": body for number in range(20)}
    with pytest.raises(InvalidRegistration):
        register(wanted, NOW, actor="tests")


PLAIN = {"cron": "0 9 * * *"}
IDLE = ["has no effect, because cron has no H: remove hash_key."]


def test_a_new_key_without_an_h_is_refused(api: DocumentedClient) -> None:
    job = make_job(schedule=PLAIN)
    body = {"name": "report", "schedule": PLAIN | {"hash_key": "team"}, "target": ECHO, "payload": HELLO}
    for method, path in (("POST", "/api/v1/jobs"), ("PUT", f"/api/v1/jobs/{job.pk}")):
        answer = api.send(method, path, body)
        assert answer.status_code == 400, answer.content
        assert [(error["field"], error["message"]) for error in answer.json()["errors"]] == [
            ("schedule.hash_key", IDLE[0])
        ]
    with pytest.raises(InvalidDefinition) as caught:
        read_schedule([{"cron": "H 9 * * *", "hash_key": "team"}, PLAIN | {"hash_key": "team"}, {"every": "x"}], NOW)
    assert caught.value.errors["schedule.specs.1.hash_key"] == IDLE
    assert sorted(caught.value.errors) == ["schedule.specs.1.hash_key", "schedule.specs.2.every"]


@pytest.mark.parametrize("own", [{}, {"hash_key": "team"}], ids=["the id", "a key of its own"])
def test_the_key_that_a_job_has_is_dropped_with_the_last_h(api: DocumentedClient, own: dict[str, str]) -> None:
    job = make_job(schedule=DAILY | own)
    path = f"/api/v1/jobs/{job.pk}"
    definition = api.get(path).json()
    schedule = definition["schedule"] | PLAIN
    assert schedule["hash_key"] == own.get("hash_key", str(job.pk))
    changed = api.send("PATCH", path, {"schedule": schedule})
    assert changed.status_code == 200, changed.content
    assert "hash_key" not in changed.json()["schedule"]


def test_a_preview_accepts_the_key_of_the_job_that_it_names(api: DocumentedClient) -> None:
    job = make_job(schedule=DAILY)
    sent = {"schedule": PLAIN | {"hash_key": str(job.pk)}, "job_id": str(job.pk)}
    assert api.send("POST", "/api/v1/schedules/preview", sent).status_code == 200


def test_the_form_drops_the_key_that_it_hides() -> None:
    values = {"schedule_kind": "cron", "cron": "0 9 * * *", "hash_key": "team", "timezone": "UTC"}
    assert "hash_key" not in schedule_from(values)
    assert schedule_from(values | {"cron": "H 9 * * *"})["hash_key"] == "team"
