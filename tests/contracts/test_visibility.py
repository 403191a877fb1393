"""An object that `access.visibility` hides from a caller is in no list, count or search; no URL shows or changes it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model, Q
from django.urls import URLPattern, get_resolver, reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from access import visibility
from access.models import ApiKey, Scope
from access.visibility import ENGINE
from executions.models import LogLine, Run, RunSpec
from executions.states import Origin
from executions.targets.base import Failed
from schedules import flags
from schedules.backfills import backfill
from schedules.backfills.requests import BackfillRequest
from schedules.jobs import chains, registration
from schedules.jobs.selection import Selection
from schedules.models import Backfill, FeatureFlag, Job, PauseSet, Stoppage, Why
from schedules.pauses import pause_sets
from schedules.pauses.terms import PauseTerms
from tests.api_views import api_views
from tests.documented import DocumentedClient, documented_client
from tests.factories import ECHO, HELLO, end, make_flag, make_job, make_run
from tests.sent_by_browser import sent_by_browser
from tests.staff import StaffClient, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from access.visibility import Action, Caller

pytestmark = [pytest.mark.long, pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

MARK = "zqhidden"  # part of every name of a hidden object, and of nothing else
KEY = f"{MARK}.key"
DEFINITION: dict[str, Any] = {"name": "x", "target": ECHO, "payload": HELLO}
RANGE = {"after": "2026-11-20T08:00:00Z", "until": "2026-11-20T11:00:00Z"}


@dataclass
class World:
    """The hidden objects by the label of their model, and what to put into addresses for each of them."""

    keys: dict[str, set[Any]] = field(default_factory=dict)
    rows: list[Model] = field(default_factory=list)

    def hide(self, row: Model) -> None:
        self.rows.append(row)
        self.keys.setdefault(row._meta.label_lower, set()).add(row.pk)

    def limits(self, label: str, caller: Caller, action: Action) -> Q | None:
        """Stand in for the one decision of `access.visibility`."""
        return ~Q(pk__in=self.keys[label]) if label in self.keys and caller is not ENGINE else None

    def key_of(self, model: type[Model]) -> Any:
        return next(row.pk for row in self.rows if type(row) is model)

    def state(self) -> list[dict[str, Any]]:
        """Return every column of the hidden objects, and how many runs the hidden job has."""
        found = [type(row)._default_manager.filter(pk=row.pk).values().get() for row in self.rows]
        return [*found, {"n_runs": Run.objects.filter(job_id=self.key_of(Job)).count()}]

    def named_in(self, text: str, request: str = "") -> list[str]:
        """Return the hidden names and ids in an answer, without those that the request gave."""
        secrets = [MARK, *(str(row.pk) for row in self.rows if isinstance(row.pk, UUID))]
        return [secret for secret in secrets if secret in text and secret not in request]


def hidden_job() -> Job:
    """A job with a key, which names a flag that others may see."""
    flag = {"feature_flag": "new-billing"}
    wanted = {**DEFINITION, "name": f"{MARK} job", "schedule": {"cron": "0 * * * *"}, "policies": flag}
    return registration.register({KEY: wanted}, datetime.now(UTC) - timedelta(days=30), actor=MARK)[KEY].job


@pytest.fixture
def world(admin_user: User) -> World:
    """One hidden object of each model; beside them a job and a run that start after the hidden ones."""
    world, now = World(), datetime.now(UTC)
    make_flag("new-billing", is_on=True)
    job = hidden_job()
    run = end(make_run(job, now - timedelta(minutes=5)), Failed("exception", f"{MARK} error", permanent=True))
    LogLine.objects.create(run=run, attempt=1, at=now, level="info", message=f"{MARK} line")
    Stoppage.objects.create(job_id=job.pk, why=Why.GAPS, found_at=now, stood_at=now, raised_at=now)
    past = backfill.start(job.pk, BackfillRequest(now - timedelta(hours=3), now), now, actor=MARK)
    pauses = pause_sets.start(Selection(ids=[uuid4()]), now, actor=MARK, terms=PauseTerms(reason=MARK))
    interval = IntervalSchedule.objects.create(every=1, period="hours")
    for row in (
        job,
        run,
        *Run.objects.filter(job=job).exclude(pk=run.pk),  # what was due since the job was created
        past,
        pauses,
        flags.put(f"{MARK}-flag", now, is_on=False, actor=MARK)[0],
        ApiKey.issue(user=admin_user, name=f"{MARK} key")[0],
        User.objects.create(username=f"{MARK}-user"),
        Group.objects.create(name=f"{MARK}-group"),
        PeriodicTask.objects.create(name=f"{MARK} row", task="celery.backend_cleanup", interval=interval),
    ):
        world.hide(row)
    follower = make_job("greeting", start_after=[{"job": str(job.pk)}])
    Run.objects.filter(pk=make_run(follower, now, origin=Origin.CHAIN).pk).update(caused_by=run.pk)
    # A key is unique within a scope, so the hidden job's key is free for the caller only if its scope is another one.
    Job.objects.filter(pk=job.pk).update(scope=Scope.objects.create(kind=Scope.Kind.TENANT, tenant="acme"))
    return world


@pytest.fixture
def hiding(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(visibility, "limits", world.limits)
    return world


@pytest.fixture
def api(admin_user: User, world: World) -> DocumentedClient:
    return documented_client(admin_user)


@pytest.fixture
def pages(admin_user: User, world: World) -> StaffClient:
    return signed_in(admin_user)


# The API

BODIES: dict[tuple[str, str], Any] = {
    ("job", "PUT"): DEFINITION,
    ("job", "PATCH"): {"name": "x"},
    ("job-by-key", "PUT"): DEFINITION,
    ("job-backfill", "POST"): RANGE,
    ("feature-flag", "PUT"): {"is_on": True},
    ("schedule-preview", "POST"): {"schedule": {"every": "1h"}},
    ("schedule-validate", "POST"): {"schedule": {"every": "1h"}},
    ("jobs-pause", "POST"): {"filter": {}},
}
# A key is the caller's own in the caller's scope: a job of another scope does not stand in its way.
OTHER_ANSWERS = {("job-by-key", "PUT"): 201, ("job-by-key", "DELETE"): 204}
SEARCHES = {
    "jobs": ["", f"?search={MARK}", f"?name={MARK} job", "?state=active", "?target_kind=command"],
    "runs": ["", "?status=failed", "?origin=schedule", "?job=JOB", "?job=JOB&status=failed"],
}


def methods_of(view: Any) -> list[str]:
    return [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if hasattr(view, method.lower())]


def in_addresses(world: World) -> dict[str, Any]:
    """What stands in an address of the API for each hidden object."""
    ids = {"job_id": Job, "run_id": Run, "backfill_id": Backfill, "pause_id": PauseSet}
    return {name: world.key_of(model) for name, model in ids.items()} | {"key": KEY, "name": f"{MARK}-flag"}


UNKNOWN = {name: uuid4() for name in ("job_id", "run_id", "backfill_id", "pause_id")} | {"key": "no", "name": "no"}


def test_every_address_of_the_api_answers_for_a_hidden_object_as_for_none(hiding: World, api: DocumentedClient) -> None:
    before, given, problems = hiding.state(), in_addresses(hiding), []
    for pattern, view in api_views():
        names = list(pattern.pattern.converters)
        for method in methods_of(view) if names else []:
            place, body = (str(pattern.name), method), BODIES.get((str(pattern.name), method), {})
            answers = []
            for values in (given, UNKNOWN | {"name": f"no-{method.lower()}"}):  # a PUT creates the flag
                address = reverse(str(pattern.name), kwargs={name: values[name] for name in names})
                answers.append(
                    api.send(method, address, "" if method == "DELETE" else body)
                    if method != "GET"
                    else api.get(address)
                )
            hidden, unknown = answers
            if place == ("feature-flag", "PUT"):  # flags have no scope: no second one can have the name
                is_kept = hidden.status_code == 403
            elif place in OTHER_ANSWERS:
                is_kept = hidden.status_code == unknown.status_code == OTHER_ANSWERS[place]
            else:
                is_kept = hidden.status_code == 404 and hidden.content == unknown.content
            problems += (
                [] if is_kept else [f"{place}: {hidden.status_code} {hidden.content!r}, not {unknown.content!r}"]
            )
    assert not problems
    assert hiding.state() == before


def test_lists_of_the_api_leave_hidden_objects_out(hiding: World, api: DocumentedClient) -> None:
    problems = []
    for pattern, view in api_views():
        if pattern.pattern.converters or not hasattr(view, "get"):
            continue
        for query in SEARCHES.get(str(pattern.name), [""]):
            asked = query.replace("JOB", str(hiding.key_of(Job)))
            answer = api.get(reverse(str(pattern.name)) + asked)
            assert answer.status_code == 200, pattern.name
            problems += [f"{pattern.name}{query}: {name}" for name in hiding.named_in(answer.content.decode(), asked)]
    assert not problems


def test_the_neighbours_of_hidden_objects_do_not_name_them(hiding: World, api: DocumentedClient) -> None:
    job = Job.objects.get(name="greeting")
    run = Run.objects.get(job=job)
    for address in (f"jobs/{job.pk}", f"jobs/{job.pk}/runs", f"jobs/{job.pk}/explain", f"runs/{run.pk}"):
        assert not hiding.named_in(api.get(f"/api/v1/{address}").content.decode()), address


def test_changing_a_neighbour_keeps_its_link_to_the_hidden_job(hiding: World, api: DocumentedClient) -> None:
    job, source = Job.objects.get(name="greeting"), hiding.key_of(Job)
    address = f"/api/v1/jobs/{job.pk}"
    for method, body in (("PATCH", {"name": "renamed"}), ("PUT", api.get(address).json() | {"name": "greeting"})):
        answer = api.send(method, address, body)
        assert answer.status_code == 200 and answer.json()["start_after"] == [], (method, answer.content)
        assert answer.json()["name"] == body["name"] and not hiding.named_in(answer.content.decode())
        assert [link.job for link in chains.of(job.pk)] == [source], method


def neighbour_with_a_hidden_flag() -> Job:
    job = Job.objects.select_related("spec").get(name="greeting")
    RunSpec.objects.filter(pk=job.spec_id).update(policies=job.spec.policies | {"feature_flag": f"{MARK}-flag"})
    return job


def stored_flag(job: Job) -> str | None:
    return Job.objects.select_related("spec").get(pk=job.pk).policies.feature_flag


def test_changing_a_job_keeps_its_hidden_flag(hiding: World, api: DocumentedClient) -> None:
    job = neighbour_with_a_hidden_flag()
    address = f"/api/v1/jobs/{job.pk}"
    for method, body in (("PATCH", {"name": "renamed"}), ("PUT", api.get(address).json() | {"name": "greeting"})):
        answer = api.send(method, address, body)
        assert (answer.status_code, stored_flag(job)) == (200, f"{MARK}-flag"), (method, answer.content)


def test_cancelling_a_run_does_not_name_the_hidden_run_that_started_it(hiding: World, api: DocumentedClient) -> None:
    run = Run.objects.get(job__name="greeting")
    answer = api.send("POST", f"/api/v1/runs/{run.pk}/cancel", {})
    assert answer.status_code == 200 and not hiding.named_in(answer.content.decode())


def test_counts_leave_hidden_jobs_out(hiding: World, api: DocumentedClient) -> None:
    before = hiding.state()
    assert api.get("/api/v1/feature-flags/new-billing").json()["n_jobs"] == 0
    assert api.send("POST", "/api/v1/jobs/pause", {"filter": {}, "dry_run": True}).json()["n_jobs"] == 1
    assert api.send("POST", "/api/v1/jobs/pause", {"filter": {}}).json()["n_paused"] == 1
    assert hiding.state() == before


def test_a_definition_cannot_name_what_is_hidden(hiding: World, api: DocumentedClient) -> None:
    job_id = str(hiding.key_of(Job))
    for part, text in (
        ({"start_after": [{"job": job_id}]}, f"There is no job {job_id}:"),
        ({"policies": {"feature_flag": f"{MARK}-flag"}}, f"There is no feature flag “{MARK}-flag”"),
    ):
        answer = api.send("POST", "/api/v1/jobs", DEFINITION | part)
        assert answer.status_code == 400 and text in json.loads(answer.content)["errors"][0]["message"]


def test_a_flag_that_a_hidden_job_names_is_not_deleted(hiding: World, api: DocumentedClient) -> None:
    answer = api.delete("/api/v1/feature-flags/new-billing")
    assert answer.status_code == 409 and answer.json()["detail"] == "Other jobs use this flag: change those jobs first."


# The admin

MODELS = (Job, Run, FeatureFlag, ApiKey, User, Group, PeriodicTask)
QUERIES = ["", f"?q={MARK}", "?q=JOB", "?q=RUN", "?job=JOB", "?status=failed"]


def admin_addresses() -> Iterator[tuple[URLPattern, str]]:
    """Every named page of the admin, with the prefix of its model's names."""
    for pattern in admin.site.get_urls():
        for each in getattr(pattern, "url_patterns", [pattern]):
            prefix = next((p for p in map(prefix_of, MODELS) if str(each.name).startswith(p)), "")
            if each.name:
                yield each, prefix


def prefix_of(model: type[Model]) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}_"


def arguments(pattern: URLPattern, prefix: str, keys: dict[str, Any]) -> dict[str, Any]:
    """What an address takes: its ids by their names; `object_id`, `pk` and the like by the model of the page."""
    return {name: keys.get(name, keys[prefix]) for name in pattern.pattern.converters}


def test_every_page_of_the_admin_answers_for_a_hidden_object_as_for_none(hiding: World, pages: StaffClient) -> None:
    before, problems = hiding.state(), []
    hidden = in_addresses(hiding) | {prefix_of(model): hiding.key_of(model) for model in MODELS}
    unknown = UNKNOWN | {prefix_of(model): uuid4() if model in (Job, Run) else 999_999 for model in MODELS}
    for pattern, prefix in admin_addresses():
        if not prefix or not pattern.pattern.converters:
            continue
        for send in (pages.get, pages.post):
            answers = []
            for keys in (hidden, unknown):
                values = arguments(pattern, prefix, keys)
                answer = send(reverse(f"admin:{pattern.name}", kwargs=values), {"post": "yes"})
                target = answer.get("Location", "")
                for value in values.values():
                    target = re.sub(rf"(?<=[/=]){value}(?=[/&]|$)", "ID", target)
                answers.append((answer.status_code, target))
                # After a redirect, a small page shows the message that the next page would show.
                shown = pages.get(reverse("admin:password_change")) if target else answer
                problems += [f"{pattern.name}: {name}" for name in hiding.named_in(shown.content.decode(), str(values))]
            if answers[0] != answers[1] or answers[0] == (200, ""):
                problems.append(f"{pattern.name}: {answers}")
    assert not problems
    assert hiding.state() == before


def test_lists_of_the_admin_leave_hidden_objects_out(hiding: World, pages: StaffClient) -> None:
    problems = []
    for pattern, _ in admin_addresses():
        if pattern.pattern.regex.groups or pattern.name in ("logout", "jsi18n"):
            continue
        for query in QUERIES if str(pattern.name).endswith("_changelist") else ["", f"?term={MARK}"]:
            asked = query.replace("JOB", str(hiding.key_of(Job))).replace("RUN", str(hiding.key_of(Run)))
            answer = pages.get(reverse(f"admin:{pattern.name}") + asked, follow=True)
            names = hiding.named_in(answer.content.decode(), asked)
            problems += [f"{pattern.name}{query}: {name}" for name in names]
    assert not problems


def test_actions_of_a_list_do_nothing_to_hidden_objects(hiding: World, pages: StaffClient) -> None:
    before = hiding.state()
    for model in MODELS:
        page = admin.site._registry[model]
        for action in ("delete_selected", *(page.actions or ())):
            chosen = {"action": action, "_selected_action": str(hiding.key_of(model)), "confirmed": "1", "post": "yes"}
            answer = pages.post(reverse(f"admin:{prefix_of(model)}changelist"), chosen, follow=True)
            assert answer.status_code == 200, (model, action)
            assert not hiding.named_in(answer.content.decode(), str(chosen)), (model, action)
    assert hiding.state() == before


def test_the_first_page_counts_visible_runs(hiding: World, pages: StaffClient) -> None:
    shown = {tile["label"]: tile["count"] for tile in pages.get("/admin/").context["tiles"]}
    assert (shown["Failed"], shown["Queued"]) == ("0", "1")


def test_the_pages_of_neighbours_do_not_name_hidden_objects(hiding: World, pages: StaffClient) -> None:
    job = Job.objects.get(name="greeting")
    run = Run.objects.get(job=job)
    for address in (
        reverse("admin:schedules_job_page", args=[job.pk]),
        reverse("admin:schedules_job_delete", args=[job.pk]),
        reverse("admin:executions_run_change", args=[run.pk]),
        reverse("admin:schedules_job_add"),
        reverse("admin:access_apikey_add"),
    ):
        assert not hiding.named_in(pages.get(address).content.decode()), address


def test_saving_the_form_of_a_job_keeps_its_hidden_flag(hiding: World, pages: StaffClient) -> None:
    job = neighbour_with_a_hidden_flag()
    address = reverse("admin:schedules_job_change", args=[job.pk])
    answer = pages.post(address, sent_by_browser(pages.get(address).content.decode(), 'id="job_form"'))
    assert (answer.status_code, stored_flag(job)) == (302, f"{MARK}-flag")


@pytest.mark.parametrize("address", ["/api/v1/jobs", "/api/v1/runs", "/api/v1/feature-flags", "/api/v1/pauses"])
def test_without_the_limit_the_same_lists_show_the_objects(world: World, api: DocumentedClient, address: str) -> None:
    assert world.named_in(api.get(address).content.decode())


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_without_the_limit_the_same_admin_shows_the_objects(world: World, pages: StaffClient, model: Any) -> None:
    assert world.named_in(pages.get(reverse(f"admin:{prefix_of(model)}changelist")).content.decode())


def test_the_walk_covers_every_address() -> None:
    assert len(list(api_views())) > 20 and len(list(admin_addresses())) > 50
    assert any(pattern.name == "schedules_job_backfill_cancel" for pattern, _ in admin_addresses())
    assert get_resolver().reverse_dict
