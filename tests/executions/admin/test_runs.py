"""The run list and the run page, without a browser."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from access.admin import lists
from executions.admin import run_list
from executions.admin.runs import RunAdmin
from executions.lifecycle import transitions
from executions.models import LogLine, Run, RunSpec
from executions.states import CancelReason, Origin, Reason
from executions.targets.base import Failed
from executions.worker.reaper import reap_once
from schedules.jobs import definitions
from tests.factories import NOW, claim, end, make_job, make_run, make_skipped
from tests.staff import n_queries, page_of, signed_in, staff_member

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

LIST = "/admin/executions/run/"


def page(run: Run) -> str:
    return f"{LIST}{run.pk}/change/"


def fill(n: int) -> None:
    """`n` ended runs of ten jobs."""
    jobs = [make_job(f"job {number}") for number in range(10)]
    for number in range(n):
        job, at = jobs[number % 10], NOW + timedelta(minutes=number)
        make_skipped(job, at) if number % 2 else end(make_run(job, at))


@pytest.mark.long
def test_the_list_takes_as_few_queries_for_many_runs_as_for_one_and_never_counts(admin: StaffClient) -> None:
    fill(3)
    admin.get(LIST)
    few = n_queries(admin, LIST)
    fill(200)
    assert n_queries(admin, LIST) == few <= 4


@pytest.mark.long
def test_a_page_knows_whether_there_is_a_next_one(admin: StaffClient) -> None:
    fill(lists.PER_PAGE)
    assert 'rel="next"' not in page_of(admin.get(LIST))
    make_run(make_job("one more"), NOW - timedelta(days=1))
    assert 'rel="next"' in page_of(admin.get(LIST))
    second = page_of(admin.get(f"{LIST}?p=2"))
    assert "one more" in second and 'rel="prev"' in second and 'rel="next"' not in second


@pytest.mark.parametrize("number", ["-3", "0", "9999999999", "x"])
def test_a_page_number_that_makes_no_sense_is_answered_with_a_page(admin: StaffClient, number: str) -> None:
    fill(2)
    page_of(admin.get(f"{LIST}?p={number}"))


def test_a_run_is_found_by_its_id_its_jobs_id_and_its_jobs_name(admin: StaffClient) -> None:
    run, other = make_run(make_job("Invoice export")), make_run(make_job("greeting"))
    for term in (str(run.pk), str(run.job_id), "invoice", "EXPORT"):
        found = page_of(admin.get(LIST, {"q": term}))
        assert page(run) in found and page(other) not in found
    assert "Nothing found" in page_of(admin.get(LIST, {"q": "no such"}))


@pytest.mark.long
@pytest.mark.parametrize("most", [0, 1, 200])
def test_the_runs_of_many_jobs_are_one_list_the_newest_first(
    admin: StaffClient, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(run_list, "MAX_JOBS", most)
    monkeypatch.setattr(RunAdmin, "list_per_page", 3)
    jobs = [make_job(f"invoice {number}") for number in range(2)]
    made = [make_run(jobs[number % 2], NOW + timedelta(minutes=number)) for number in range(7)]
    for number in (0, 3):
        end(made[number])
    make_run(make_job("other"), NOW + timedelta(minutes=9))

    def shown(**query: Any) -> list[Run]:
        return list(admin.get(LIST, {"q": "INVOICE", **query}).context["cl"].result_list)

    assert shown() + shown(p=2) + shown(p=3) == made[::-1]
    assert shown(status="succeeded") == [made[3], made[0]]
    assert shown(status=["succeeded", "queued"], p=2) == made[3:0:-1]


@pytest.mark.long
def test_filters_of_one_job_and_by_hand_keep_the_order(admin: StaffClient) -> None:
    job = make_job()
    by_hand = [make_run(job, NOW + timedelta(minutes=n), origin=Origin.MANUAL) for n in range(3)]
    end(by_hand[1])
    skipped = make_skipped(job, NOW + timedelta(minutes=7))
    for query, wanted in (
        ({"origin": "manual"}, by_hand[::-1]),
        ({"origin": "manual", "status": "queued"}, [by_hand[2], by_hand[0]]),
        ({"job": str(job.pk)}, [skipped, *by_hand[::-1]]),
        ({"job": str(job.pk), "reason": "overlap"}, [skipped]),
        (
            {"job": str(job.pk), "nominal_at_from_0": "2026-11-20", "nominal_at_to_0": "2026-11-20"},
            [skipped, *by_hand[::-1]],
        ),
        ({"job": str(job.pk), "nominal_at_from_0": "2026-11-21"}, []),
    ):
        assert list(admin.get(LIST, query).context["cl"].result_list) == wanted, query


@pytest.mark.parametrize("term", ["%", "'; --", "x" * 5000, "0" * 36])
def test_a_strange_search_finds_nothing_and_breaks_nothing(admin: StaffClient, term: str) -> None:
    make_run()
    assert "Nothing found" in page_of(admin.get(LIST, {"q": term}))


@pytest.mark.long
def test_filters_narrow_by_status_reason_origin_job_and_nominal_instant(admin: StaffClient) -> None:
    job = make_job("greeting")
    done, skipped = end(make_run(job)), make_skipped(make_job("other"), NOW + timedelta(days=2), Reason.PAUSED)
    day = {"nominal_at_from_0": "2026-11-20", "nominal_at_to_0": "2026-11-20"}
    for chosen in ({"status": "succeeded"}, {"status": ["succeeded", "failed"]}, {"job": str(job.pk)}, day):
        found = page_of(admin.get(LIST, chosen))
        assert page(done) in found and page(skipped) not in found, chosen
    for chosen in ({"reason": "paused"}, {"status": "skipped"}, {"nominal_at_from_0": "2026-11-21"}):
        found = page_of(admin.get(LIST, chosen))
        assert page(skipped) in found and page(done) not in found, chosen
    both = page_of(admin.get(LIST, {"origin": "schedule"}))
    assert page(done) in both and page(skipped) in both


@pytest.mark.long
@pytest.mark.parametrize(
    "query", ["job=x", "nominal_at_from_0=2026-13-40", "nominal_at_from_0=x", "nosuch=1", "status=x"]
)
def test_a_filter_that_makes_no_sense_is_no_error_of_the_server(admin: StaffClient, query: str) -> None:
    make_run()
    assert admin.get(f"{LIST}?{query}").status_code in (200, 302)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("job=x", "The job filter has an invalid job id: “x”."),
        (
            "nominal_at_to_0=nonsense",
            "invalid date “To”: “nonsense”. Write it like 2026-11-20.",
        ),
        ("nominal_at_from_0=2026-13-40", "invalid date “From”: “2026-13-40”"),
        ("nominal_at_from_0=2026-11-20&nominal_at_from_1=noon", "“noon”. Write it like 14:30"),
        ("nominal_at_to_0=9999-12-31", "date that is out of range"),
    ],
)
def test_a_filter_that_cannot_be_read_says_so_and_shows_nothing(admin: StaffClient, query: str, said: str) -> None:
    run = make_run()
    text = page_of(admin.get(f"{LIST}?{query}"))
    assert said in html.unescape(text).replace("'", "’")
    assert page(run) not in text


def test_instants_are_shown_and_read_in_the_zone_of_the_viewers_browser(admin: StaffClient) -> None:
    run = end(make_run())  # at 12:00 UTC
    admin.cookies["mainspring_zone"] = "America/New_York"
    assert "20 Nov 07:00:00 EST" in page_of(admin.get(page(run)))
    for hour, is_found in (("06", True), ("08", False)):
        day = {"nominal_at_from_0": "2026-11-20", "nominal_at_from_1": f"{hour}:00"}
        text = page_of(admin.get(LIST, day))
        assert (page(run) in text) == is_found
        assert "scheduled for (America/New_York)" in text


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../../etc/passwd", "x" * 3000, "Factory"])
def test_without_a_zone_that_exists_instants_are_shown_in_utc(admin: StaffClient, zone: str) -> None:
    run = end(make_run())
    admin.cookies["mainspring_zone"] = zone
    assert "20 Nov 12:00:00 UTC" in page_of(admin.get(page(run)))


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_ends_of_the_calendar_are_no_error_in_any_zone(admin: StaffClient, zone: str) -> None:
    run = end(make_run())
    admin.cookies["mainspring_zone"] = zone
    for extra in ("", f"&job={run.job_id}"):
        query = f"nominal_at_from_0=0001-01-01&nominal_at_to_0=9999-12-31{extra}"
        assert admin.get(f"{LIST}?{query}").status_code in (200, 302)


def test_the_page_of_a_run_says_what_it_is(admin: StaffClient) -> None:
    run = end(make_run(), Failed("exception", "no", permanent=True))
    text = page_of(admin.get(page(run)))
    assert "<title> Run of greeting, failed |" in " ".join(text.split())
    heading = " ".join(text.split('<h2 class="ms-title">')[1].split("</h2>")[0].split())
    assert "greeting" in heading and "20 Nov 12:00:00 UTC" in heading and "Failed" in heading


def test_the_page_of_a_run_that_may_not_be_queued_again_counts_one_attempt(admin: StaffClient) -> None:
    run = make_run(make_job(policies={"delivery": "at_most_once"}))
    claim(run)
    reap_once(NOW + timedelta(minutes=5), 10)
    assert "1 of at most 1, 1 lost with its worker" in page_of(admin.get(page(run)))


@pytest.mark.long
def test_a_run_of_a_deleted_job_is_retried_under_the_definition_that_it_had(admin: StaffClient) -> None:
    run = end(make_run())
    definitions.delete(run.job_id, NOW, actor="tests")
    assert "The job has been deleted." in page_of(admin.get(page(run)))
    admin.post(f"{LIST}{run.pk}/retry/")
    again = Run.objects.get(retry_of=run.pk)
    assert again.spec_id == run.spec_id
    assert end(again).status == "succeeded"


def test_the_page_of_a_run_takes_few_queries_whatever_its_history(admin: StaffClient) -> None:
    run = end(make_run(), Failed("exception", "no", permanent=True))
    admin.get(page(run))
    few = n_queries(admin, page(run))
    LogLine.objects.bulk_create(LogLine(run=run, attempt=1, at=NOW, level="info", message=f"{n}") for n in range(1500))
    assert n_queries(admin, page(run)) == few <= 6


@pytest.mark.long
def test_the_log_shows_its_tail_and_more_on_request(admin: StaffClient) -> None:
    run = end(make_run())
    LogLine.objects.bulk_create(
        LogLine(run=run, attempt=1, at=NOW, level="info", message=f"line {n}.") for n in range(1, 1502)
    )
    tail = page_of(admin.get(page(run)))
    assert "line 1501." in tail and "line 502." in tail and "line 501." not in tail
    assert "line 1." in page_of(admin.get(f"{page(run)}?lines=5000"))
    assert "line 1." not in page_of(admin.get(f"{page(run)}?lines=-1"))


def test_what_came_from_outside_is_text_on_the_page(admin: StaffClient) -> None:
    evil = "<script>alert(1)</script>"
    run = end(make_run(make_job(evil)), Failed("exception", evil, permanent=True, result={"body": evil}))
    LogLine.objects.create(run=run, attempt=1, at=NOW, level="info", message=evil)
    for address in (page(run), f"{LIST}{run.pk}/live/", LIST, f"{LIST}?job={run.job_id}"):
        text = page_of(admin.get(address))
        assert evil not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_history_of_a_deleted_job_can_still_be_read(admin: StaffClient) -> None:
    run = end(make_run())
    definitions.delete(run.job_id, NOW, actor="tests")
    assert "greeting" in page_of(admin.get(page(run)))
    assert "greeting" in page_of(admin.get(LIST))
    answer = admin.get(f"/admin/schedules/job/{run.job_id}/")
    assert answer.status_code == 302 and answer["Location"].endswith(f"/run/?job={run.job_id}")


def test_a_run_that_is_not_there_leads_back_to_the_list(admin: StaffClient) -> None:
    for wanted in ("0" * 8 + "-0000-7000-8000-" + "0" * 12, "nonsense"):
        assert admin.get(f"{LIST}{wanted}/change/")["Location"] == LIST


def test_nothing_is_changed_by_following_a_link(admin: StaffClient) -> None:
    run = make_run()
    for verb in ("retry", "cancel"):
        assert admin.get(f"{LIST}{run.pk}/{verb}/").status_code == 405
    run.refresh_from_db()
    assert run.status == "queued"


def test_who_may_only_look_sees_no_buttons_and_can_press_none(admin_user: User) -> None:
    run = make_run()
    viewer = signed_in(staff_member("viewer", "view_run"))
    assert "Cancel" not in page_of(viewer.get(page(run)))
    assert viewer.post(f"{LIST}{run.pk}/cancel/").status_code == 403
    viewer.post(LIST, {"action": "cancel_selected", "_selected_action": str(run.pk)})
    run.refresh_from_db()
    assert run.status == "queued"
    stranger = signed_in(staff_member("stranger"))
    assert stranger.get(page(run)).status_code == 403
    assert stranger.get(f"{LIST}{run.pk}/live/").status_code == 403


def test_retrying_a_live_run_is_refused_with_the_reason(admin: StaffClient) -> None:
    run = make_run()
    answer = admin.post(f"{LIST}{run.pk}/retry/", follow=True)
    assert "cancel it or wait for its end" in page_of(answer)
    assert Run.objects.count() == 1


def test_several_runs_of_one_job_are_retried_at_once(admin: StaffClient) -> None:
    job = make_job()
    ended = [end(make_run(job, NOW + timedelta(minutes=n))) for n in range(3)]
    chosen = {"action": "retry_selected", "_selected_action": [str(run.pk) for run in ended]}
    assert "3 runs retried." in page_of(admin.post(LIST, chosen, follow=True))
    assert set(Run.objects.filter(origin="retry").values_list("retry_of", flat=True)) == {run.pk for run in ended}


def test_a_run_with_an_unreadable_definition_does_not_stop_the_retry_of_others(admin: StaffClient) -> None:
    live, broken, ended = make_run(make_job("live")), end(make_run(make_job("broken"))), end(make_run())
    RunSpec.objects.filter(job_name="broken").update(policies={"overlap": "of another version"})
    chosen = {"action": "retry_selected", "_selected_action": [str(run.pk) for run in (live, broken, ended)]}
    text = page_of(admin.post(LIST, chosen, follow=True))
    assert "1 run retried." in text
    assert "1 run not retried: a run can be retried only after it has ended." in text
    assert "1 run not retried: this version of Mainspring can&#x27;t read the frozen definition." in text
    assert list(Run.objects.filter(origin="retry").values_list("retry_of", flat=True)) == [ended.pk]


def test_history_cannot_be_added_to_edited_or_deleted(admin: StaffClient) -> None:
    run = end(make_run())
    assert admin.get(f"{LIST}add/").status_code == 403
    assert admin.post(f"{LIST}{run.pk}/delete/", {"post": "yes"}).status_code == 403
    admin.post(page(run), {"status": "failed"})
    admin.post(LIST, {"action": "delete_selected", "_selected_action": str(run.pk), "post": "yes"})
    run.refresh_from_db()
    assert run.status == "succeeded"


def test_a_run_that_was_cancelled_with_its_job_says_so(admin: StaffClient) -> None:
    run = make_run()
    transitions.cancel_not_running(run.job_id, NOW, actor="ada", reason=CancelReason.JOB_DELETED)
    assert "Cancelled: the job was deleted" in page_of(admin.get(page(run)))


def test_an_attempt_says_when_the_next_one_starts_and_later_when_it_was_to_start(admin: StaffClient) -> None:
    run = end(make_run(nominal_at=datetime.now(UTC)), Failed("exception", "no"))
    assert "The next attempt starts at" in page_of(admin.get(page(run)))
    run = end(make_run(make_job("earlier")), Failed("exception", "no"))
    assert "The next attempt was planned to start at" in page_of(admin.get(page(run)))


def test_a_run_that_another_one_started_leads_to_that(admin: StaffClient) -> None:
    cause = end(make_run(make_job("<load>")))
    run = make_run(make_job("report"), NOW + timedelta(minutes=1), origin=Origin.CHAIN, caused_by=cause.pk)
    text = page_of(admin.get(f"/admin/executions/run/{run.pk}/change/"))
    assert f'<a href="/admin/executions/run/{cause.pk}/change/">run of <bdi>&lt;load&gt;</bdi></a>' in text
    Run.objects.filter(pk=cause.pk).delete()
    assert "a run that was deleted or is hidden from you" in page_of(
        admin.get(f"/admin/executions/run/{run.pk}/change/")
    )
