"""Proves that edits, numbers, the order of members, and the state of new jobs are kept exactly as they were sent."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Run
from executions.targets.http.target import HttpTarget
from executions.targets.registry import parse_config
from schedules import triggers
from schedules.jobs.registration import register
from schedules.models import Job
from schedules.tick import tick
from tests.documented import DocumentedClient, problem_of
from tests.factories import ECHO, HELLO, NOW, claim
from tests.raw_server import OK, RawServer, raw_server
from tests.sent_by_browser import sent_by_browser
from tests.staff import page_of, signed_in
from tests.target_context import RecordingContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

JOBS = "/api/v1/jobs"
BY_HAND: dict[str, Any] = {"name": "by hand", "target": ECHO, "payload": HELLO}
NEW_YORK = {"cron": "0 9 * * *", "timezone": "America/New_York", "max_runs": 7}
ORDERED = '{"zeta": 1, "alpha": [], "mid": {"b": 1, "a": 2}}'


@dataclass
class World:
    """What a case may use: the API, a browser of the same person, and a server that remembers what it received."""

    api: DocumentedClient
    browser: StaffClient
    server: RawServer

    def create(self, **members: Any) -> dict[str, Any]:
        answer = self.api.send("POST", JOBS, BY_HAND | members)
        assert answer.status_code == 201, answer.content
        body: dict[str, Any] = answer.json()
        return body

    def patch(self, job: dict[str, Any], **change: Any) -> dict[str, Any]:
        answer = self.api.send("PATCH", f"{JOBS}/{job['id']}", change)
        assert answer.status_code == 200, answer.content
        body: dict[str, Any] = answer.json()
        return body

    def refused(self, body: str) -> list[str]:
        """Send a text as the definition of a job. Return the fields that are refused."""
        return [error["field"] for error in problem_of(self.api.send("POST", JOBS, body), 400)["errors"]]

    def delivered(self, target: str, payload: str) -> RawServer:
        """Create a job from two JSON texts, start it, and execute its run. Return the server."""
        text = f'{{"kind": "http", "method": "POST", "url": "{self.server.url("/hook")}"{target}}}'
        answer = self.api.send("POST", JOBS, f'{{"name": "hook", "target": {text}, "payload": {payload}}}')
        assert answer.status_code == 201, answer.content
        run = triggers.run_now(Job.objects.select_related("spec").get(pk=answer.json()["id"]), NOW, actor="tests")
        claimed = claim(run)
        HttpTarget().execute(parse_config(claimed.target), claimed.payload, RecordingContext())
        return self.server


def registered_every_two_seconds(world: World) -> Any:
    for second in range(0, 22, 2):
        at = NOW + timedelta(seconds=second)
        schedule = {"every": "5s", "end_at": (at + timedelta(days=30)).isoformat()}
        register({"x": BY_HAND | {"schedule": schedule}}, at, actor="tests")
        tick(at, 10)
    return [f"{run.nominal_at:%S}" for run in Run.objects.order_by("nominal_at")]


def anchor_after_edits(world: World) -> Any:
    job = world.create(schedule={"every": "1h"})
    edits = [{"timezone": "Asia/Tokyo"}, {"end_at": "2040-01-01T00:00:00Z"}, {"max_runs": 3}]
    return {world.patch(job, schedule=edit)["schedule"]["anchor_at"] == job["schedule"]["anchor_at"] for edit in edits}


def form_saved_after_a_patch(world: World) -> Any:
    job = world.create(schedule=NEW_YORK)
    address = f"/admin/schedules/job/{job['id']}/change/"
    form = sent_by_browser(page_of(world.browser.get(address)), 'id="job_form"')
    world.patch(job, schedule={"cron": "0 3 * * *"}, payload={"message": "changed"})
    page = page_of(world.browser.post(address, form | {"name": ["renamed"]}))
    stored = world.api.get(f"{JOBS}/{job['id']}").json()
    shown = all(text in page for text in ("0 3 * * *", "changed", "Changed while you had the form open"))
    return stored["name"], stored["schedule"]["cron"], stored["payload"], shown


def state_of_new(**members: Any) -> Callable[[World], Any]:
    def create(world: World) -> Any:
        job = world.create(schedule={"cron": "* * * * * *"}, **members)
        tick(datetime.now(UTC) + timedelta(minutes=1), 10)
        return job["state"], Run.objects.exists()

    return create


def schedule_after(change: dict[str, Any], *names: str) -> Callable[[World], Any]:
    def change_it(world: World) -> Any:
        schedule = world.patch(world.create(schedule=NEW_YORK), schedule=change)["schedule"]
        return [schedule.get(name) for name in names]

    return change_it


def refused(payload: str, target: str = '{"kind": "command", "name": "demo.echo"}') -> Callable[[World], Any]:
    return lambda world: world.refused(f'{{"name": "x", "target": {target}, "payload": {payload}}}')


FORM = ', "body_format": "form"'
QUERY = ', "query": {"zeta": 1, "alpha": "x", "mid": [2, 1]}'
HTTP = '{"kind": "http", "url": "https://example.org", "query": {"r": 0.1234567890123456789}}'
# By behaviour: what to do, and the expected value.
CASES: dict[str, tuple[Callable[[World], Any], Any]] = {
    "registrations every 2 s do not delay an interval of 5 s": (registered_every_two_seconds, ["05", "10", "15", "20"]),
    "edits of other members keep the anchor": (anchor_after_edits, {True}),
    "a form that was overtaken saves nothing and shows the changes": (
        form_saved_after_a_patch,
        ("by hand", "0 3 * * *", {"message": "changed"}, True),
    ),
    "numbers that would lose digits are refused": (
        refused('{"amount": 12345678901234567.89, "r": 0.1234567890123456789}'),
        ["payload.amount", "payload.r"],
    ),
    "a number in a query that would lose digits is refused": (refused("null", HTTP), ["target.query.r"]),
    "numbers that a double keeps are delivered": (
        lambda world: world.delivered("", '{"a": 0.1, "n": 12345678901234567890}').body(),
        b'{"a":0.1,"n":12345678901234567890}',
    ),
    "a JSON body keeps the order of its members": (
        lambda world: world.delivered("", ORDERED).body(),
        b'{"zeta":1,"alpha":[],"mid":{"b":1,"a":2}}',
    ),
    "a form body keeps the order of its members": (
        lambda world: world.delivered(FORM, '{"zeta": 1, "alpha": "x", "mid": [2, 1]}').body(),
        b"zeta=1&alpha=x&mid=2&mid=1",
    ),
    "a query keeps the order of its members": (
        lambda world: world.delivered(QUERY, "null").request_lines[-1],
        "POST /hook?zeta=1&alpha=x&mid=2&mid=1 HTTP/1.1",
    ),
    "a repeated name is refused": (refused('{"a": 1, "a": 2}'), ["payload.a"]),
    "a repeated name in a nested object is refused": (refused('[{"b": {"a": 1, "a": 2}}]'), ["payload.0.b.a"]),
    "a job is created paused by its state": (state_of_new(state="paused"), ("paused", False)),
    "a job is created paused by enabled": (state_of_new(enabled=False), ("paused", False)),
    "a patch of the time keeps the rest of the schedule": (
        schedule_after({"cron": "0 3 * * *"}, "cron", "timezone", "max_runs"),
        ["0 3 * * *", "America/New_York", 7],
    ),
    "a patch of the kind keeps what the new kind has": (
        schedule_after({"every": "5m"}, "every", "cron", "timezone", "max_runs"),
        ["5m", None, "America/New_York", 7],
    ),
}


@pytest.fixture
def world(api: DocumentedClient, staff: User, settings: Settings) -> Iterator[World]:
    settings.MAINSPRING = dataclasses.replace(settings.MAINSPRING, http_allow_private_networks=True)
    with raw_server(OK) as server:
        yield World(api, signed_in(staff), server)


@pytest.mark.parametrize("name", CASES)
def test_the_value_is_as_expected(name: str, world: World) -> None:
    act, expected = CASES[name]
    assert act(world) == expected
