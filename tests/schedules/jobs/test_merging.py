"""Proves that a PATCH is a JSON merge patch: what it does not name stays, and another kind replaces the old kind."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from executions.targets.http.headers import MASK
from schedules.jobs.merging import merged
from schedules.models import Job
from tests.documented import DocumentedClient, fields_of, problem_of
from tests.factories import ECHO, NOW, make_job

NEW_YORK = {"kind": "cron", "cron": "0 9 * * *", "timezone": "America/New_York", "dst_gap": "skip", "max_runs": 7}
HTTP: dict[str, Any] = {
    "kind": "http",
    "url": "https://example.org/a",
    "method": "POST",
    "headers": {"X-A": "1", "Authorization": "Bearer x"},
    "query": {"page": 1, "tags": ["a", "b"]},
}


def schedule_after(stored: Any, change: Any) -> Any:
    return merged({"schedule": stored}, {"schedule": change}, NOW)["schedule"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"cron": "0 3 * * *"}, {**NEW_YORK, "cron": "0 3 * * *"}),
        ({"timezone": None}, {name: value for name, value in NEW_YORK.items() if name != "timezone"}),
        ({"max_runs": 9, "dst_gap": None}, {**{k: v for k, v in NEW_YORK.items() if k != "dst_gap"}, "max_runs": 9}),
        ({}, NEW_YORK),
        ({"every": "5m"}, {"kind": "every", "every": "5m", "timezone": "America/New_York", "max_runs": 7}),
        (
            {"cron": None, "every": "5m"},
            {"kind": "every", "every": "5m", "timezone": "America/New_York", "max_runs": 7},
        ),
        ({"kind": "every", "every": "5m", "timezone": None}, {"kind": "every", "every": "5m", "max_runs": 7}),
        ({"at": "2027-01-01T09:00"}, {"kind": "once", "at": "2027-01-01T09:00", "timezone": "America/New_York"}),
        ({"kind": "none"}, {"kind": "none", "timezone": "America/New_York"}),
        (
            [{"every": "5m"}, {"every": "7m"}],
            {
                "kind": "several",
                "specs": [{"every": "5m"}, {"every": "7m"}],
                "timezone": "America/New_York",
                "max_runs": 7,
            },
        ),
        ("text", "text"),
        ({"kind": "odd"}, {**NEW_YORK, "kind": "odd"}),
        ({"kind": ["odd"]}, {**NEW_YORK, "kind": ["odd"]}),
    ],
)
def test_a_change_of_a_schedule_keeps_what_it_does_not_name(change: Any, expected: Any) -> None:
    assert schedule_after(NEW_YORK, change) == expected


def test_the_anchor_stays_unless_the_change_names_it() -> None:
    stored = {"kind": "every", "every": "5m", "anchor_at": "2026-01-01T00:00:00Z", "timezone": "UTC"}
    assert schedule_after(stored, {"every": "10m"})["anchor_at"] == "2026-01-01T00:00:00Z"
    assert schedule_after(stored, {"anchor_at": None})["anchor_at"] == "2026-11-20T12:00:00Z"
    assert (
        schedule_after(stored, {"anchor_at": None, "start_at": "2027-01-01T09:00"})["anchor_at"] == "2027-01-01T09:00"
    )
    assert schedule_after({**stored, "start_at": "x"}, {"anchor_at": None})["anchor_at"] == "x"


def test_targets_payloads_and_policies_are_merged_at_every_depth() -> None:
    stored = {"target": HTTP, "payload": {"a": {"b": 1, "c": [1]}, "d": 2}, "policies": {"retry": {"delay": "5s"}}}
    found = merged(
        stored,
        {
            "target": {"headers": {"X-A": None, "X-B": "2"}, "query": {"tags": ["c"]}},
            "payload": {"a": {"b": None, "c": [None]}, "e": {"f": None}},
            "policies": {"retry": {"max_retries": 1}, "concurrency": {"limit": 2}},
        },
        NOW,
    )
    assert found["target"] == {
        **HTTP,
        "headers": {"Authorization": "Bearer x", "X-B": "2"},
        "query": {"page": 1, "tags": ["c"]},
    }
    assert found["payload"] == {"a": {"c": [None]}, "d": 2, "e": {}}
    assert found["policies"] == {"retry": {"delay": "5s", "max_retries": 1}, "concurrency": {"limit": 2}}
    assert HTTP["headers"]["X-A"] == "1"  # the arguments are unchanged


def test_another_kind_of_target_replaces_the_target_and_a_given_payload() -> None:
    stored = {"target": HTTP, "payload": {"a": 1}}
    assert merged(stored, {"target": ECHO, "payload": {"message": "x"}}, NOW) == {
        "target": ECHO,
        "payload": {"message": "x"},
    }
    assert merged(stored, {"target": ECHO}, NOW) == {"target": ECHO, "payload": {"a": 1}}
    assert merged(stored, {"target": {"kind": "http", "method": "PUT"}}, NOW)["target"] == {**HTTP, "method": "PUT"}


@pytest.mark.django_db
class TestPatch:
    def job(self, **definition: Any) -> Job:
        return make_job(schedule={"cron": "0 9 * * *", "timezone": "America/New_York", "max_runs": 7}, **definition)

    def patch(self, api: DocumentedClient, job: Job, change: Any) -> Any:
        return api.send("PATCH", f"/api/v1/jobs/{job.pk}", change)

    def test_a_change_of_the_cron_expression_keeps_time_zone_and_max_runs(self, api: DocumentedClient) -> None:
        shown = self.patch(api, self.job(), {"schedule": {"cron": "0 3 * * *"}}).json()["schedule"]
        assert (shown["cron"], shown["timezone"], shown["max_runs"]) == ("0 3 * * *", "America/New_York", 7)

    def test_a_cron_schedule_becomes_an_interval_and_back(self, api: DocumentedClient) -> None:
        job = self.job()
        shown = self.patch(api, job, {"schedule": {"every": "5m"}}).json()["schedule"]
        assert {**shown, "anchor_at": None} == {
            "kind": "every",
            "every": "5m",
            "anchor_at": None,
            "timezone": "America/New_York",
            "max_runs": 7,
        }
        back = self.patch(api, job, {"schedule": {"cron": "0 9 * * *", "max_runs": None}}).json()["schedule"]
        assert (back["kind"], back["timezone"], "max_runs" in back, "every" in back) == (
            "cron",
            "America/New_York",
            False,
            False,
        )

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"tags": None}, "tags"),
            ({"start_afters": None}, "start_afters"),
            ({"schedule": {"time_zone": None}}, "schedule.time_zone"),
            ({"policies": {"retries": None}}, "policies.retries"),
            ({"policies": {"retry": {"retrys": None}}}, "policies.retry.retrys"),
            ({"target": {"uri": None}}, "target.uri"),
        ],
    )
    def test_an_unknown_member_is_refused_also_if_it_is_null(
        self, api: DocumentedClient, change: Any, field: str
    ) -> None:
        answer = self.patch(api, self.job(), change)
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == [field]

    @pytest.mark.parametrize(
        "change",
        [
            {"description": None, "payload": None, "start_after": None, "policies": None},
            {"schedule": {"start_at": None, "dst_gap": None}},
            {"policies": {"timeout": None, "retry": None, "catch_up": None}},
            {"target": {"headers": None}, "payload": {"anything": None}},
        ],
    )
    def test_null_sets_a_member_to_its_default(self, api: DocumentedClient, change: Any) -> None:
        assert self.patch(api, self.job(), change).status_code == 200

    def test_two_kinds_at_once_are_refused(self, api: DocumentedClient) -> None:
        change = {"schedule": {"every": "5m", "at": "2040-01-01T00:00:00Z"}}
        assert {"schedule.every", "schedule.at"} <= set(fields_of(self.patch(api, self.job(), change)))

    def test_null_sets_the_default_of_a_whole_member(self, api: DocumentedClient) -> None:
        job = self.job(policies={"timeout": "9s", "overlap": "allow"}, description="x")
        shown = self.patch(api, job, {"policies": None, "description": None, "schedule": None}).json()
        assert (shown["policies"]["timeout"], shown["policies"]["overlap"], shown["description"]) == (None, "skip", "")
        assert shown["schedule"]["kind"] == "none"
        assert fields_of(self.patch(api, job, {"name": None})) == ["name"]
        assert fields_of(self.patch(api, job, {"target": {"name": None}})) == ["target.name"]

    def test_the_anchor_of_an_interval_can_be_set_anew(self, api: DocumentedClient) -> None:
        job = make_job(schedule={"every": "1h"})
        assert (
            self.patch(api, job, {"schedule": {"max_runs": 5}}).json()["schedule"]["anchor_at"]
            == "2026-11-20T12:00:00Z"
        )
        shown = self.patch(api, job, {"schedule": {"anchor_at": None}}).json()
        assert datetime.fromisoformat(shown["schedule"]["anchor_at"]) > NOW + timedelta(days=1)

    def test_headers_that_are_not_named_stay_and_a_masked_value_is_refused(self, api: DocumentedClient) -> None:
        job = make_job(target=HTTP)
        self.patch(api, job, {"target": {"headers": {"X-A": None, "X-B": "2"}}})
        job.spec = Job.objects.select_related("spec").get().spec
        assert job.spec.target["headers"] == {"Authorization": "Bearer x", "X-B": "2"}
        refused = self.patch(api, job, {"target": {"headers": {"Authorization": MASK}}})
        assert problem_of(refused, 400)["errors"][0]["field"] == "target.headers.Authorization"

    def test_an_unreadable_member_is_replaced_as_a_whole(self, api: DocumentedClient) -> None:
        job = self.job()
        Job.objects.update(schedule={"kind": "cron", "cron": "0 9 * * *", "odd": 1})
        shown = self.patch(api, job, {"schedule": {"cron": "0 3 * * *"}}).json()["schedule"]
        assert (shown["cron"], shown["timezone"]) == ("0 3 * * *", "UTC")

    def test_the_media_type_of_merge_patches_is_accepted_by_patch_alone(self, api: DocumentedClient) -> None:
        job, media_type = self.job(), "application/merge-patch+json"
        body = json.dumps({"name": "renamed"})
        assert api.generic("PATCH", f"/api/v1/jobs/{job.pk}", body, content_type=media_type).json()["name"] == "renamed"
        assert api.generic("POST", "/api/v1/jobs", body, content_type=media_type).status_code == 415
        wrong = api.generic("PATCH", f"/api/v1/jobs/{job.pk}", "{", content_type=f"{media_type}; charset=utf-8")
        assert "not JSON" in problem_of(wrong, 400)["detail"]
