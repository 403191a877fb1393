"""Proves that the job form shows the whole definition, changes nothing untouched, and shows errors at their fields."""

from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import get_template

from executions.targets.registry import TARGETS
from schedules.admin.form import mapping
from schedules.admin.form.form import JobForm
from schedules.admin.targets import SECTIONS
from schedules.jobs import chains
from schedules.jobs.definitions import changed_members
from schedules.models import Job
from tests.factories import NOW, make_flag, make_job
from tests.job_form import EngineJobForm, sent

HTTP: dict[str, Any] = {"kind": "http", "url": "https://example.org/a"}
SLEEP = {"target_kind": "command", "command": "demo.sleep"}
DEFINITIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "cron": {
        "schedule": {
            "cron": "0 30 2 * * *",
            "timezone": "America/New_York",
            "dst_gap": "skip",
            "dst_fold": "both",
            "start_at": "2026-12-01T00:00:00",
            "end_at": "2027-11-07T06:30:00Z",  # 01:30 there, the second time that day
            "max_runs": 7,
        }
    },
    "every": {"schedule": {"every": "90s", "anchor_at": "2026-11-20T12:00:00.25Z", "timezone": "Europe/Paris"}},
    "once": {"schedule": {"at": "2031-01-01T00:00:30+05:30", "timezone": "Asia/Kolkata"}},
    "delay": {"schedule": {"delay": "15m", "end_at": "2031-01-01T00:00:00"}},
    "solar": {"schedule": {"solar": "dusk_nautical", "latitude": -33.9, "longitude": 18, "max_runs": 3}},
    "several": {
        "schedule": {
            "specs": [
                {"cron": "0 9 * * mon-fri"},
                {"every": "6h"},
                {"cron": "@daily", "timezone": "Asia/Tokyo", "dst_gap": "skip"},
                {"at": "2031-01-01T00:00:30+05:30"},
            ],
            "timezone": "Europe/Paris",
            "end_at": "2032-01-01T00:00:00",
            "max_runs": 12,
        }
    },
    "by hand": {"schedule": {"kind": "none"}},
    "http": {
        "target": {
            **HTTP,
            "method": "POST",
            "headers": {"X-Token": "ünïcödé"[:1].encode().decode("latin-1")},
            "query": {"page": [1, 2], "q": "x"},
            "body_format": "form",
            "connect_timeout": 2.5,
            "read_timeout": "30s",
            "success_statuses": [200, "300-304"],
            "retry_statuses": [409, "500-503"],
            "follow_redirects": True,
            "verify_tls": False,
        },
        "payload": {"a": 1, "b": [True, "x"]},
    },
    "raw": {"target": {**HTTP, "method": "PUT", "body_format": "raw"}, "payload": "line one\r\nline two\n"},
    "json text": {"target": {**HTTP, "method": "POST"}, "payload": "just a text"},
    "policies": {
        "policies": {
            "overlap": "allow",
            "timeout": "1500ms",
            "delivery": "at_most_once",
            "retry": {"max_retries": 0, "backoff": "fixed", "delay": "1m", "max_delay": "2h", "jitter": False},
            "catch_up": {"mode": "all", "max_age": "2d", "max_runs": 7, "pace": "0s"},
            "jitter": "5m",
        }
    },
    "limits": {
        "policies": {
            "overlap": "buffer_all",
            "priority": "critical",
            "concurrency": {"limit": 3, "key": "printer", "beyond": "skip"},
            "rate_limit": {"limit": 10, "per": "2m", "burst": 4, "key": "mail", "beyond": "skip"},
            "start_deadline": "90m",
            "pause_after_failures": 5,
            "feature_flag": "new-billing",
        }
    },
    "limits of its own": {"policies": {"concurrency": {"limit": 1}, "rate_limit": {"limit": 1}}},
    "after others": {"schedule": {"kind": "none"}, "start_after": ["success", "completion", "success", "failure"]},
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", DEFINITIONS)
def test_saving_an_untouched_form_changes_nothing(name: str) -> None:
    make_flag()
    definition = dict(DEFINITIONS[name])
    sources = [(make_job(f"<{place}>"), on) for place, on in enumerate(definition.pop("start_after", []))]
    definition["start_after"] = [{"job": str(source.pk), "on": on} for source, on in sources]
    job = make_job("greeting", **definition)
    job = Job.objects.select_related("spec").get(pk=job.pk)
    form = EngineJobForm(sent(EngineJobForm(instance=job)), instance=Job.objects.select_related("spec").get(pk=job.pk))
    assert form.is_valid(), form.errors
    assert form.definition is not None
    assert not changed_members(job, form.definition, chains.of(job.pk))
    assert form.definition.schedule == job.schedule_spec
    assert set(form.definition.start_after) == set(chains.of(job.pk))
    assert form.changed_data == []


@pytest.mark.django_db
def test_invalid_values_in_fields_of_other_kinds_are_ignored() -> None:
    data = sent(EngineJobForm()) | {"name": "x", "schedule_kind": "none", "cron": "nonsense", "max_runs": "many"}
    data |= {"target_kind": "command", "command": "demo.echo", "url": "ftp://x", "headers": "{broken"}
    form = EngineJobForm(data)
    assert form.is_valid(), form.errors


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field", "part"),
    [
        ({"name": ""}, "name", "required"),
        ({"cron": "75 * * * *"}, "cron", "75"),
        ({"cron": ""}, "cron", "This field is required."),
        ({"schedule_kind": "delay", "wait": "0s"}, "wait", "greater than zero"),
        ({"schedule_kind": "delay", "wait": ""}, "wait", "This field is required."),
        ({"schedule_kind": "solar", "latitude": "52.5"}, "longitude", "This field is required."),
        ({"schedule_kind": "solar", "latitude": "north", "longitude": "1"}, "latitude", "from -90 to 90"),
        ({"schedule_kind": "several", "specs": ""}, "specs", "2 to 20 schedules"),
        ({"schedule_kind": "several", "specs": "@daily\n75 * * * *"}, "specs", "Entry 2: minute: 75"),
        ({"schedule_kind": "several", "specs": '@daily\n{"at": "x", "at": "y"}'}, "specs", 'Entry 2: at: "at" occurs'),
        (
            {"schedule_kind": "several", "specs": '@daily\n{"latitude": NaN}'},
            "specs",
            "Entry 2: latitude: NaN is not a JSON",
        ),
        ({"schedule_kind": "several", "specs": "@daily\n{"}, "specs", "Entry 2: must be an object"),
        ({"timezone": "Mars/Base"}, "timezone", "Mars/Base"),
        ({"end_at": "2020-01-01 00:00"}, "end_at", "give a later time, year or end"),
        ({"end_at": "2027-03-28 02:30", "timezone": "Europe/Paris"}, "end_at", "does not exist"),
        ({"start_at": "2028-01-01 00:00", "end_at": "2027-01-01 00:00"}, "end_at", "“Not before”"),
        ({"max_runs": "0"}, "max_runs", "from 1"),
        ({"url": "ftp://example.org"}, "url", "http"),
        ({"headers": '{"Host": "x"}'}, "headers", "Host"),
        ({"headers": "[1]"}, "headers", "“Headers” must be a JSON object, such as {"),
        ({"headers": '{"X-Token": 1}'}, "headers", "“X-Token” must be a string."),
        ({"headers": '{"a": '}, "headers", "line 1, column 6"),
        ({"payload": "{"}, "payload", "not JSON"),
        ({"payload": '{"a": 1, "a": 2}'}, "payload", '"a" occurs more than once'),
        ({"payload": "NaN"}, "payload", "NaN is not a JSON number"),
        ({"payload": "[" * 100_000}, "payload", "cannot be stored"),
        ({"payload": '{"a": 1}', "method": "GET"}, "payload", ""),
        ({"success_statuses": "200, abc"}, "success_statuses", "Entry 2: Give a status"),
        ({"retry_statuses": "none, 500"}, "retry_statuses", "Entry 1: Give a status"),
        ({"success_statuses": "none"}, "success_statuses", "Entry 1: Give a status"),
        ({"connect_timeout": "soon"}, "connect_timeout", ""),
        ({"max_retries": "-1"}, "max_retries", "“Retries after a failure” must be 0 or more."),
        (SLEEP | {"payload": '{"seconds": "many"}'}, "payload", "“seconds” must be a number."),
        (SLEEP | {"payload": '{"seconds": 1, "n": 1}'}, "payload", "“n” is not a known field."),
        ({"delay": "soon"}, "delay", "not a duration"),
        ({"timeout": "3d"}, "timeout", "100ms"),
        ({"catch_up_max_age": "999d"}, "catch_up_max_age", "366d"),
        ({"name": "x" * 256}, "name", "255"),
        ({"concurrency_limit": "0"}, "concurrency_limit", "“Concurrency limit” must be 1 or more."),
        ({"concurrency_key": "printer"}, "concurrency_limit", "Enter a number here. For no limit"),
        ({"concurrency_beyond": "skip"}, "concurrency_limit", "Enter a number here. For no limit"),
        ({"rate_limit_per": "2m"}, "rate_limit_limit", "Enter a number here. For no limit"),
        ({"rate_limit_burst": "4"}, "rate_limit_limit", "Enter a number here. For no limit"),
        ({"rate_limit_beyond": "skip"}, "rate_limit_limit", "Enter a number here. For no limit"),
        (
            {"rate_limit_limit": "2", "rate_limit_burst": "3"},
            "rate_limit_burst",
            "“Burst” must be at most the limit of 2",
        ),
        (
            {"catch_up_mode": "skip", "catch_up_max_runs": "7"},
            "catch_up_max_runs",
            "“Maximum number of missed occurrences” has no",
        ),
        (
            {"schedule_kind": "none", "start_jitter": "5m"},
            "start_jitter",
            "“Jitter” has no effect on a job",
        ),
        ({"concurrency_limit": "1", "concurrency_key": "a\tb"}, "concurrency_key", "printable"),
        ({"rate_limit_limit": "many"}, "rate_limit_limit", "whole number"),
        ({"rate_limit_limit": "5", "rate_limit_per": "99d"}, "rate_limit_per", "31d"),
        ({"rate_limit_limit": "5", "rate_limit_burst": "0"}, "rate_limit_burst", "“Burst” must be 1"),
        ({"start_deadline": "soon"}, "start_deadline", "not a duration"),
        (
            {"pause_after_failures": "101"},
            "pause_after_failures",
            "“Pause after failures in a row” must be 100",
        ),
        ({"feature_flag": "unknown"}, "feature_flag", "not one of the available choices"),
        ({"after_failure": ["019a9f5c-7c00-7c3a-9a51-0c2f8f4b1d6e"]}, "after_failure", "There is no job 019a9f5c"),
        ({"after_completion": ["\0"]}, "after_completion", "must be a UUID"),
    ],
)
def test_an_error_is_shown_at_its_field(change: dict[str, str], field: str, part: str) -> None:
    data = sent(EngineJobForm()) | {"name": "x", "cron": "0 9 * * *", "url": HTTP["url"]} | change
    form = EngineJobForm(data)
    assert not form.is_valid()
    assert list(form.errors) == [field]
    assert part in " ".join(map(str, form.errors[field]))


def test_an_invalid_period_is_an_error_even_without_a_rate() -> None:
    form = EngineJobForm(
        sent(EngineJobForm()) | {"name": "x", "url": HTTP["url"], "cron": "0 9 * * *", "rate_limit_per": "banana"}
    )
    assert set(form.errors) == {"rate_limit_limit", "rate_limit_per"}


def test_every_kind_of_target_has_a_section_of_the_form() -> None:
    assert set(SECTIONS) == set(TARGETS)
    names = [name for section in SECTIONS.values() for name in section.fields]
    assert len(names) == len(set(names))
    for section in SECTIONS.values():
        get_template(section.template)
        assert set(section.places.values()) == set(section.fields)


def test_a_local_time_has_an_offset_only_where_it_is_ambiguous() -> None:
    assert mapping.local_text(NOW, "Europe/Paris") == "2026-11-20 13:00"
    second = NOW.replace(year=2027, month=11, day=7, hour=6, minute=30)
    assert mapping.local_text(second, "America/New_York") == "2027-11-07 01:30:00-05:00"


@pytest.mark.django_db
def test_a_cycle_is_an_error_at_the_field_of_the_job_that_closes_it() -> None:
    first = make_job("load")
    second = make_job("report", start_after=[{"job": str(first.pk)}])
    others = [str(make_job(f"job {number}").pk) for number in range(2)]
    first = Job.objects.select_related("spec").get(pk=first.pk)
    form = EngineJobForm(
        sent(EngineJobForm(instance=first)) | {"after_success": others, "after_failure": [str(second.pk)]},
        instance=first,
    )
    assert not form.is_valid()
    assert list(form.errors) == ["after_failure"]
    assert "This closes a cycle: “load” starts “report” starts “load”." in form.errors["after_failure"][0]
    assert form.uses_chains


@pytest.mark.django_db
def test_a_folded_part_of_the_form_is_open_if_it_has_values_or_errors() -> None:
    form = EngineJobForm(sent(EngineJobForm()))
    assert (form.uses_limits, form.uses_chains) == (False, False)
    assert EngineJobForm(sent(EngineJobForm()) | {"priority": "high"}).uses_limits
    assert EngineJobForm(sent(EngineJobForm()) | {"rate_limit_per": "soon"}).uses_limits


@pytest.mark.django_db
def test_chosen_jobs_are_shown_by_name_without_reading_all_jobs() -> None:
    source = make_job("<load>")
    make_job("other")
    job = make_job("report", start_after=[{"job": str(source.pk)}])
    text = str(EngineJobForm(instance=Job.objects.select_related("spec").get(pk=job.pk))["after_success"])
    assert f'value="{source.pk}"' in text and "&lt;load&gt;" in text and "other" not in text


@pytest.mark.django_db
def test_a_chosen_job_that_the_user_may_not_see_is_described_as_not_visible() -> None:
    source_id = "019a9f5c-7c00-7c3a-9a51-0c2f8f4b1d6e"
    text = str(EngineJobForm(sent(EngineJobForm()) | {"after_success": [source_id]})["after_success"])
    assert f"A job that is not visible to you ({source_id})" in text


def test_the_form_refuses_to_open_without_a_caller() -> None:
    with pytest.raises(TypeError, match="has no caller"):
        JobForm()
