"""The form of a pause is read in the viewer's time zone, and its mistakes get a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from schedules.admin.job import pause_forms
from schedules.admin.job.pause_forms import choices, in_words, read_choice, read_terms, starts_text
from schedules.clock.policies.resumption import Resumption
from schedules.models import MAX_PAUSE_REASON_LENGTH, Job
from schedules.pauses.terms import PauseTerms
from schedules.triggers import pause
from tests.factories import NOW, make_job

HOUR = timedelta(hours=1)


def test_an_empty_form_pauses_without_a_reason_an_end_or_a_catch_up() -> None:
    assert read_terms({}, NOW) == PauseTerms("", None, Resumption.NONE)
    assert read_terms({"until": "  ", "reason": " ", "catch_up": ""}, NOW) == PauseTerms("", None, Resumption.NONE)


def test_a_whole_form_is_read() -> None:
    terms = read_terms({"until": " 2026-11-20T13:00Z ", "reason": " new  disks\n", "catch_up": "last"}, NOW)
    assert terms == PauseTerms("new disks", NOW + HOUR, Resumption.LAST)


@pytest.mark.parametrize("until", ["2026-11-20T12:00Z", "2026-11-20T11:59:59Z"], ids=["now", "one second ago"])
def test_the_end_of_a_pause_must_be_in_the_future(until: str) -> None:
    with pytest.raises(ValueError, match="“Until” must be in the future: enter a later time"):
        read_terms({"until": until}, NOW)


def test_the_end_of_a_pause_may_be_one_second_away() -> None:
    assert read_terms({"until": "2026-11-20T12:00:01Z"}, NOW).until == NOW + timedelta(seconds=1)


def test_a_catch_up_needs_the_end_of_the_pause() -> None:
    with pytest.raises(ValueError, match="only if the pause has an end"):
        read_terms({"catch_up": "all"}, NOW)


def test_a_local_end_is_in_the_time_zone_of_the_viewer() -> None:
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert read_terms({"until": "2026-11-21T00:00"}, NOW).until == datetime(2026, 11, 20, 15, tzinfo=UTC)
    with timezone.override(UTC):
        assert read_terms({"until": "2026-11-21T00:00"}, NOW).until == datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("soon", '“Until” "soon" is not a date and time: write it like 2027-03-01T09:00:00Z.'),
        (
            "1800-01-01T00:00",
            "“Until” must be in the years 1900 to 9998.",
        ),
    ],
)
def test_an_end_that_cannot_be_read_gets_one_sentence_with_one_full_stop(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="“Until”") as caught:
        read_terms({"until": text}, NOW)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("mode", list(Resumption))
def test_each_choice_of_the_form_is_read(mode: Resumption) -> None:
    assert read_choice({"catch_up": mode.value}) is mode


def test_a_form_without_a_choice_starts_nothing() -> None:
    assert read_choice({}) is read_choice({"catch_up": ""}) is Resumption.NONE


@pytest.mark.parametrize("value", ["ALL", "everything", None, ["all"]], ids=repr)
def test_a_choice_that_the_form_does_not_offer_is_refused(value: object) -> None:
    for read in (read_choice, lambda values: read_terms(values, NOW)):
        with pytest.raises(ValueError, match="must be one of the choices in the list: choose again"):
            read({"catch_up": value})


def test_a_reason_is_refused_if_it_is_too_long_and_kept_at_its_limit() -> None:
    assert read_terms({"reason": "x" * MAX_PAUSE_REASON_LENGTH}, NOW).reason == "x" * MAX_PAUSE_REASON_LENGTH
    with pytest.raises(ValueError, match=f"{MAX_PAUSE_REASON_LENGTH + 1} characters"):
        read_terms({"reason": "x" * (MAX_PAUSE_REASON_LENGTH + 1)}, NOW)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (PauseTerms("", None, Resumption.NONE), "Paused."),
        (PauseTerms("new disks", None, Resumption.NONE), "Paused: new disks"),
        (PauseTerms("", NOW + HOUR, Resumption.NONE), "Paused until 20 Nov 13:00:00 UTC."),
        (PauseTerms("new disks", NOW + HOUR, Resumption.NONE), "Paused until 20 Nov 13:00:00 UTC: new disks"),
    ],
    ids=["plain", "reason", "end", "reason and end"],
)
def test_the_log_of_the_admin_has_the_terms_as_a_sentence(terms: PauseTerms, words: str) -> None:
    with timezone.override(UTC):
        assert in_words(terms, NOW) == words


@pytest.mark.parametrize(
    ("n", "is_more", "text"),
    [
        (0, False, "no run will start"),
        (0, True, "some runs may start"),
        (1, False, "1 run will start"),
        (1234, False, "1,234 runs will start"),
        (1234, True, "1,234 or more runs will start"),
    ],
)
def test_each_choice_says_how_many_runs_it_starts(n: int, is_more: bool, text: str) -> None:
    assert starts_text(n, is_more=is_more) == text


@pytest.mark.django_db
def test_a_page_for_many_jobs_offers_a_choice_if_some_jobs_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause_forms, "MAX_JOBS_COUNTED", 1)
    ids = [make_job(f"job {number}").pk for number in range(2)]
    for job_id in ids:
        pause(job_id, NOW, actor="tests")
    jobs = list(Job.objects.filter(pk__in=ids))

    at_once = choices(jobs, NOW)
    assert at_once["n_due_text"] == "Among the first 1 jobs, no occurrence was due during the pause."
    assert at_once["is_choice"] is True
    assert {each["value"]: each["starts"] for each in at_once["choices"]} == {
        "none": "no run will start",
        "first": "some runs may start",
        "last": "some runs may start",
        "all": "some runs may start",
    }

    later = choices(jobs, NOW + timedelta(minutes=3))
    assert later["n_due_text"] == "3 or more occurrences were due during the pause."


def test_without_paused_jobs_there_is_nothing_to_choose() -> None:
    found = choices([], NOW)
    assert found["n_due_text"] == "No occurrence was due during the pause."
    assert found["is_choice"] is False
    assert [each["starts"] for each in found["choices"]] == ["no run will start"] * 4
