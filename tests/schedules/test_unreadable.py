"""Proves that a job with an unreadable part is shown, refused with a reason, repaired and deleted without errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import JSONField, Value
from django.urls import get_resolver

from executions.models import Run, RunSpec, Watch
from executions.targets.base import Failed
from schedules import triggers
from schedules.backfills import backfill
from schedules.backfills.requests import BackfillRequest
from schedules.ledger.watchdog import watch_once
from schedules.models import Backfill, Job, PauseSet, ScheduleSpan
from schedules.passes.follow_ups import follow_once
from schedules.passes.timed import do_timed_work
from schedules.pauses.terms import PauseTerms
from schedules.tick import tick
from tests.documented import api, staff
from tests.factories import ECHO, HELLO, claim, end, make_job, make_run
from tests.staff import signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

    from tests.documented import DocumentedClient

__all__ = ["api", "staff"]

pytestmark = [pytest.mark.long, pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BACK = {"mode": "all", "max_age": "30d"}
NONSENSE: dict[str, tuple[str, Any]] = {
    "a number for a schedule": ("schedule", 42),
    "an empty list of schedules": ("schedule", []),
    "a kind of schedule of the future": ("schedule", {"kind": "lunar", "phase": "full"}),
    "nonsense for a cron": ("schedule", {"kind": "cron", "cron": "nonsense", "max_runs": "many"}),
    "policies that are null": ("policies", None),
    "a list for policies": ("policies", ["skip"]),
    "a policy of the future": ("policies", {"quantum": True}),
    "a number for a flag and for retries": ("policies", {"feature_flag": 5, "retry": 7, "concurrency": "x"}),
    "a list for a target": ("target", [1, 2]),
    "a target without its kind": ("target", {"name": "demo.echo"}),
    "a target with nonsense in it": ("target", {"kind": "http", "url": 5, "headers": "Authorization", "query": []}),
    "a payload that no target takes": ("payload", [[["deep"]], None, "x" * 1000]),
}


def store(job: Job, part: str, value: Any) -> None:
    """Write a value to the database without any validation."""
    value = Value(value, JSONField())  # None becomes the null of JSON: the columns take no other
    if part == "schedule":
        Job.objects.filter(pk=job.pk).update(schedule=value)
        ScheduleSpan.objects.filter(job_id=job.pk).update(schedule=value)
    else:
        RunSpec.objects.filter(job_id=job.pk).update(**{part: value})


@pytest.fixture(params=list(NONSENSE))
def case(request: pytest.FixtureRequest) -> tuple[str, Any]:
    return NONSENSE[request.param]


@pytest.fixture
def job(case: tuple[str, Any]) -> Job:
    """A job in a chain, with an ended run, a running one and an open backfill, that has become unreadable."""
    now = datetime.now(UTC)
    made = make_job("strange", now=now - HOUR, policies={"catch_up": BACK, "pause_after_failures": 50})
    before = make_job("before", {"kind": "none"}, now=now - HOUR)
    make_job("after", {"kind": "none"}, start_after=[{"job": str(made.pk)}], now=now - HOUR)
    triggers.run_now(before, now, actor="tests")
    end(make_run(made, now - 30 * MINUTE), Failed("x", "x", permanent=True))
    claim(make_run(made, now - 20 * MINUTE))
    backfill.start(made.pk, BackfillRequest(now - 2 * HOUR, now - HOUR), now, actor="tests")
    store(made, *case)
    made.refresh_from_db()
    return made


def addresses(prefix: str, **known: object) -> Iterator[str]:
    """Yield every address under `prefix` whose parameters are all in `known`."""
    for route, pattern in all_routes():
        names = set(pattern.pattern.converters) if hasattr(pattern.pattern, "converters") else set()
        if route.startswith(prefix) and names and names <= known.keys():
            yield "/" + route_with(route, known)


def all_routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from all_routes(pattern.url_patterns, route)
        else:
            yield route, pattern


def route_with(route: str, known: dict[str, object]) -> str:
    for name, value in known.items():
        for kind in ("uuid", "path", "str"):
            route = route.replace(f"<{kind}:{name}>", str(value))
    return route


def test_every_route_of_the_api_answers_about_an_unreadable_job(
    api: DocumentedClient, job: Job, case: tuple[str, Any]
) -> None:
    run, asked = Run.objects.filter(job=job, status="failed").get(), Backfill.objects.get()
    pauses = api.send("POST", "/api/v1/jobs/pause", {"filter": {"search": "strange"}})
    known = {"job_id": job.pk, "run_id": run.pk, "backfill_id": asked.pk, "pause_id": pauses.json()["id"]}
    found = [address for address in addresses("api/v1/", **known) if "feature-flags" not in address]
    assert len(found) > 10, found
    week_ago = (datetime.now(UTC) - 7 * 24 * HOUR).isoformat()
    body = {"backfill": {"after": week_ago}, "resume": {"catch_up": "all"}, "undo": {"catch_up": "last"}}
    for address in ["/api/v1/jobs", "/api/v1/runs", "/api/v1/pauses", *sorted(found)]:
        verb = address.rpartition("/")[2]
        for dry in ({}, {"dry_run": True}) if verb in body else ({},):
            for method in ("GET", "POST"):
                if not (method == "POST" and verb in ("jobs", "runs", "pauses")):
                    answer = api.send(method, address, {**body.get(verb, {}), **dry})
                    assert answer.status_code < 500, f"{method} {address}: {answer.content!r}"
    shown = api.get(f"/api/v1/jobs/{job.pk}").json()
    assert list(shown["unreadable"]) == ([] if case[0] == "payload" else [case[0]])
    assert case[0] == "payload" or shown[case[0]] is None


def test_an_unreadable_job_is_repaired_through_the_api(api: DocumentedClient, job: Job, case: tuple[str, Any]) -> None:
    shown = api.get(f"/api/v1/jobs/{job.pk}").json()
    if case[0] != "payload":
        refused = api.send("PUT", f"/api/v1/jobs/{job.pk}", shown).json()
        assert [error["field"] for error in refused["errors"]] == [case[0]], (
            "null in the answer means unreadable, not the default"
        )
    whole = {"schedule": {"cron": "0 9 * * *"}, "policies": {}, "target": ECHO, "payload": HELLO}
    answer = api.send("PATCH", f"/api/v1/jobs/{job.pk}", {part: whole[part] for part in {case[0], "payload"}})
    assert (answer.status_code, answer.json().get("unreadable")) == (200, {}), answer.content


def test_an_unreadable_job_is_deleted_through_the_api(api: DocumentedClient, job: Job) -> None:
    assert api.delete(f"/api/v1/jobs/{job.pk}").status_code == 204
    assert not Job.objects.filter(pk=job.pk).exists()


def test_every_page_of_the_admin_shows_an_unreadable_job(admin_user: User, job: Job, case: tuple[str, Any]) -> None:
    admin = signed_in(admin_user)
    run = Run.objects.filter(job=job, status="failed").get()
    admin.post("/admin/schedules/job/pauses/", {"search": "before", "confirmed": "1"})
    known = {"job_id": job.pk, "run_id": run.pk, "backfill_id": Backfill.objects.get().pk}
    known |= {"pause_id": PauseSet.objects.get().pk}
    found = [*addresses("admin/schedules/job/", **known), *addresses("admin/executions/run/", **known)]
    assert len(found) > 10, found
    pages = ["/admin/", "/admin/schedules/job/", "/admin/executions/run/", "/admin/schedules/job/pauses/"]
    pages += [f"/admin/schedules/job/{job.pk}/{name}/" for name in ("change", "delete")]
    kinds = Run.objects.order_by("origin", "status").distinct("origin", "status")  # the backfill alone has sixty runs
    pages += [f"/admin/executions/run/{one.pk}/change/" for one in kinds]
    yesterday = f"{datetime.now(UTC) - 24 * HOUR:%Y-%m-%dT%H:%M}"
    for address in [*pages, *sorted(found)]:
        for method in ("get", "post"):
            if method == "get" or not address.endswith(("/delete/", "/job/", "/run/", "/admin/")):
                answer = getattr(admin, method)(address, {"after": yesterday, "catch_up": "all"})
                assert answer.status_code < 500, f"{method} {address}"
    for name in ("pause", "resume"):
        admin.post(f"/admin/schedules/job/{job.pk}/{name}/", {"confirmed": "1", "catch_up": "all"})
        for address in ("/admin/", "/admin/schedules/job/", f"/admin/schedules/job/{job.pk}/"):
            assert admin.get(address).status_code < 500, f"{address} after {name}"
    text = admin.get(f"/admin/schedules/job/{job.pk}/").content.decode()
    assert (f"The job's {case[0]} cannot be read" in text) == (case[0] != "payload")
    assert ("Cannot be read" in admin.get("/admin/schedules/job/").content.decode()) == (case[0] != "payload")


def test_an_unreadable_job_is_repaired_and_deleted_in_the_admin(
    admin_user: User, job: Job, case: tuple[str, Any]
) -> None:
    admin = signed_in(admin_user)
    address = f"/admin/schedules/job/{job.pk}/change/"
    form = admin.get(address).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    values |= {"schedule_kind": "cron", "cron": "0 9 * * *", "target_kind": "command", "command": "demo.echo"}
    values |= {"payload": '{"message": "hello"}'}
    sent = {name: value for name, value in values.items() if value not in (None, False)}
    answer = admin.post(address, sent)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    job = Job.objects.select_related("spec").get(pk=job.pk)
    assert (job.unreadable, job.schedule["cron"]) == ({}, "0 9 * * *")
    store(job, *case)
    assert admin.post(f"/admin/schedules/job/{job.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Job.objects.filter(pk=job.pk).exists()


def test_an_unreadable_job_delays_no_other_job(job: Job) -> None:
    other = make_job("other", now=datetime.now(UTC) - 2 * MINUTE)
    now = datetime.now(UTC)
    for _ in range(3):
        tick(now, 100)
        follow_once(now, 100)
        do_timed_work(now, 100)
    assert Run.objects.filter(job=other).count() >= 1
    triggers.pause(job.pk, now, actor="tests", terms=PauseTerms(until=now + MINUTE))
    do_timed_work(now + 2 * MINUTE, 100)
    watch_once(now + 2 * MINUTE, 100)


def test_the_commands_say_why_a_job_is_unreadable(job: Job, case: tuple[str, Any]) -> None:
    call_command("explain", "strange", "--after", "2026-01-01T00:00:00Z", "--json")
    if case[0] in ("schedule", "policies"):
        with pytest.raises(CommandError, match=f"The {case[0]} cannot be read"):
            call_command("backfill", "strange", "--after", "2026-01-01T00:00:00Z", "--no-wait")


def test_the_end_of_a_backfill_keeps_the_follow_ups_that_chains_need() -> None:
    now = datetime.now(UTC)
    source = make_job("source", now=now - HOUR)
    make_job("after", {"kind": "none"}, start_after=[{"job": str(source.pk)}], now=now - HOUR)
    made = backfill.start(source.pk, BackfillRequest(now - 2 * HOUR, now - HOUR), now, actor="tests")
    backfill.cancel(made.pk, now, actor="tests")
    assert Watch.objects.filter(job_id=source.pk).exists()
