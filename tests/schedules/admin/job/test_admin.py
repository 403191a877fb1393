"""The job list, form and page, without a browser."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions.models import Run, RunSpec
from executions.states import REASON_LABELS, Reason
from executions.targets.base import Failed
from schedules import tick, triggers
from schedules.admin.job.admin import JobAdmin
from schedules.jobs import definitions, registration
from schedules.jobs.validation import validate
from schedules.models import Job
from schedules.pauses.terms import PauseTerms
from tests.factories import ECHO, HELLO, NOW, end, make_job, make_run, make_skipped
from tests.job_form import EngineJobForm, sent
from tests.staff import n_queries, page_of, signed_in, staff_member

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

LIST = "/admin/schedules/job/"


def form_of(job: Job) -> dict[str, Any]:
    return sent(EngineJobForm(instance=Job.objects.select_related("spec").get(pk=job.pk)))


def fill(n: int) -> None:
    for number in range(n):
        job = make_job(f"job {number}")
        for minute in range(3):
            end(make_run(job, NOW + timedelta(minutes=minute)), Failed("exception", "no", permanent=True))


@pytest.mark.long
def test_the_list_takes_as_few_queries_for_many_jobs_as_for_one_and_never_counts(admin: StaffClient) -> None:
    fill(2)
    admin.get(LIST)
    few = n_queries(admin, LIST)
    fill(58)
    assert n_queries(admin, LIST) == few <= 5


def test_the_list_shows_the_latest_run_of_each_job(admin: StaffClient) -> None:
    job = make_job()
    end(make_run(job, NOW + timedelta(minutes=2)))
    end(make_run(job, NOW + timedelta(minutes=1)), Failed("exception", "no", permanent=True))
    text = page_of(admin.get(LIST))
    assert ">Succeeded</span>" in text and ">Failed</span>" not in text


def test_an_empty_list_teaches_how_to_begin(admin: StaffClient) -> None:
    assert "No jobs yet" in page_of(admin.get(LIST))


@pytest.mark.parametrize("term", ["INVOICE", "voice"])
def test_a_job_is_found_by_a_part_of_its_name(admin: StaffClient, term: str) -> None:
    make_job("Invoice export")
    make_job("greeting")
    text = page_of(admin.get(LIST, {"q": term}))
    assert "Invoice export" in text and "greeting" not in text


def test_filters_narrow_by_state_target_and_schedule(admin: StaffClient) -> None:
    make_job("greeting")
    other = make_job("hook", {"every": "5m"}, target={"kind": "http", "url": "https://example.org"})
    triggers.pause(other.pk, NOW, actor="tests")
    for query in ("state=paused", "target=http", "schedule=every"):
        text = page_of(admin.get(f"{LIST}?{query}"))
        assert ">hook</a>" in text and ">greeting</a>" not in text, query


def listed(admin: StaffClient, query: str, column: str = "") -> list[str]:
    order = {"o": f"{query}{JobAdmin.list_display.index(column) + 1}"} if column else {"q": query}
    answer = admin.get(LIST, order)
    assert answer.status_code == 200
    return [job.name for job in answer.context["cl"].result_list]


@pytest.mark.long
def test_sorted_by_the_next_run_those_without_one_are_last_on_whatever_page(
    admin: StaffClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, schedule in (
        ("a", {"kind": "none"}),
        ("b", {"every": "9m"}),
        ("c", {"every": "3m"}),
        ("d", {"every": "6m"}),
    ):
        make_job(name, schedule)
    paused = make_job("e", {"every": "1m"})
    triggers.pause(paused.pk, NOW, actor="tests")
    assert listed(admin, "", "next_shown") == ["c", "d", "b", "e", "a"]
    assert listed(admin, "-", "next_shown") == ["b", "d", "c", "e", "a"]
    monkeypatch.setattr(JobAdmin, "list_per_page", 2)
    column = JobAdmin.list_display.index("next_shown") + 1
    pages = [admin.get(LIST, {"o": column, "p": number}).context["cl"].result_list for number in (1, 2, 3, 4)]
    assert [[job.name for job in page] for page in pages] == [["c", "d"], ["b", "e"], ["a"], []]


@pytest.mark.long
def test_sorted_by_name_and_found_by_the_present_name(admin: StaffClient) -> None:
    for name in ("beta", "alpha", "gamma"):
        job = make_job(name)
    admin.post(f"{LIST}{job.pk}/change/", form_of(job) | {"name": "delta"})
    assert listed(admin, "", "name_shown") == ["alpha", "beta", "delta"]
    assert listed(admin, "-", "name_shown") == ["delta", "beta", "alpha"]
    assert (listed(admin, "gamma"), listed(admin, "de"), listed(admin, "ta")) == ([], ["delta"], [])
    assert listed(admin, "elt") == ["delta"]
    assert listed(admin, str(job.pk)) == ["delta"]


def test_saving_an_unchanged_form_makes_no_version_and_leaves_the_clock_alone(admin: StaffClient) -> None:
    job = make_job(schedule={"every": "7m"})
    before = Job.objects.filter(pk=job.pk).values("spec_id", "schedule", "mark_at", "next_run_at").get()
    data = form_of(job)
    tick.tick(NOW + timedelta(minutes=8), 10)  # meanwhile, as the form is open
    moved = Job.objects.filter(pk=job.pk).values("spec_id", "schedule", "mark_at", "next_run_at").get()
    assert moved["mark_at"] != before["mark_at"]
    assert admin.post(f"{LIST}{job.pk}/change/", data).status_code == 302
    after = Job.objects.filter(pk=job.pk).values("spec_id", "schedule", "mark_at", "next_run_at").get()
    assert (after["spec_id"], after["schedule"]) == (before["spec_id"], before["schedule"])
    assert after["mark_at"] >= moved["mark_at"]


@pytest.mark.long
def test_a_change_makes_a_new_version_and_is_in_the_log(admin: StaffClient) -> None:
    job = make_job()
    admin.post(f"{LIST}{job.pk}/change/", form_of(job) | {"name": "renamed", "max_retries": "1"})
    job = Job.objects.select_related("spec").get(pk=job.pk)
    assert (job.name, job.spec.version, job.policies.retry.max_retries) == ("renamed", 2, 1)
    assert "Retries after a failure" in LogEntry.objects.get().get_change_message()


def test_a_job_that_was_deleted_while_its_form_was_open_is_an_explanation(admin: StaffClient) -> None:
    job = make_job()
    data = form_of(job)
    definitions.delete(job.pk, NOW, actor="tests")
    answer = admin.post(f"{LIST}{job.pk}/change/", data, follow=True)
    assert "deleted" in page_of(answer) or "doesn’t exist" in page_of(answer)
    assert not Job.objects.exists()


def test_the_preview_answers_with_fires_or_with_errors_by_field(admin: StaffClient) -> None:
    good = admin.post(
        f"{LIST}preview/", {"schedule_kind": "cron", "cron": "0 9 * * *", "timezone": "Europe/Paris", "max_runs": "3"}
    )
    assert good.json()["errors"] == {}
    assert good.json()["html"].count("<td") == 3 * 3  # there, here, and from now
    assert "09:00:00 CE" in good.json()["html"] and ">UTC<" in good.json()["html"]
    bad = admin.post(f"{LIST}preview/", {"schedule_kind": "cron", "cron": "99 * * * *", "timezone": "Nowhere"}).json()
    assert set(bad["errors"]) == {"cron", "timezone"}


@pytest.mark.parametrize(
    "junk", [{}, {"schedule_kind": "x"}, {"schedule_kind": "every", "every": "\0"}, {"cron": "<b>" * 999}]
)
def test_the_preview_survives_junk(admin: StaffClient, junk: dict[str, str]) -> None:
    answer = admin.post(f"{LIST}preview/", junk)
    assert answer.status_code == 200
    assert answer.json()["errors"]
    assert "<b>" not in answer.json()["html"]


def test_clock_changes_are_marked_in_the_preview(admin: StaffClient) -> None:
    values = {
        "schedule_kind": "cron",
        "cron": "30 2 * 3 *",
        "timezone": "America/New_York",
        "start_at": "2027-03-10 00:00",
    }
    html = admin.post(f"{LIST}preview/", values).json()["html"]
    assert "moved" in html and "02:30 does not exist that day" in html


def test_nothing_happens_by_following_a_link(admin: StaffClient) -> None:
    job = make_job()
    assert admin.get(f"{LIST}{job.pk}/run/").status_code == 405
    for verb in ("pause", "resume", "delete"):
        page_of(admin.get(f"{LIST}{job.pk}/{verb}/"))
    job.refresh_from_db()
    assert job.state == "active" and not Run.objects.exists()


def test_resuming_says_how_many_occurrences_were_missed(admin: StaffClient) -> None:
    job = make_job(schedule={"cron": "0 12 20 * *"}, now=NOW - timedelta(hours=1))
    triggers.pause(job.pk, NOW - timedelta(minutes=1), actor="tests")
    shown = page_of(admin.get(f"{LIST}{job.pk}/resume/"))
    assert "1 occurrence was due during the pause. Choose which occurrences run now." in shown
    assert [shown.count(text) for text in ("no run will start", "1 run will start")] == [1, 3]


def test_the_choice_of_what_starts_after_a_pause_is_carried_out(admin: StaffClient) -> None:
    job = make_job(schedule={"cron": "0 12 20 * *"}, now=NOW - timedelta(hours=1))
    triggers.pause(job.pk, NOW - timedelta(minutes=1), actor="tests")
    admin.post(f"{LIST}{job.pk}/resume/", {"catch_up": "last"})
    job.refresh_from_db()
    assert job.catch_up_from_at is not None and job.catch_up_from_at == job.catch_up_until_at


def test_a_pause_shows_who_wanted_it_why_and_until_when(admin: StaffClient) -> None:
    job = make_job()
    admin.post(f"{LIST}{job.pk}/pause/", {"reason": "a move", "until": "2999-01-01T10:00", "catch_up": "last"})
    shown = page_of(admin.get(f"{LIST}{job.pk}/"))
    for text in (
        "by <bdi>admin</bdi> since",
        "1 Jan 2999 10:00:00 UTC",
        "a move",
        "the last occurrence during the pause will run",
    ):
        assert text in shown


@pytest.mark.parametrize("until", ["2020-01-01T10:00", "tomorrow"])
def test_an_end_of_a_pause_that_cannot_be_is_refused_in_words(admin: StaffClient, until: str) -> None:
    job = make_job()
    answer = admin.post(f"{LIST}{job.pk}/pause/", {"until": until}, follow=True)
    assert "Not paused. “Until”" in page_of(answer)
    job.refresh_from_db()
    assert job.state == "active"


def test_a_refusal_is_told_with_the_name_and_the_reason(admin: StaffClient) -> None:
    job = make_job("greeting")
    answer = admin.post(f"{LIST}{job.pk}/resume/", follow=True)
    assert "1 job not resumed (“greeting”): The job is active, not paused." in page_of(answer)


def test_deleting_selected_jobs_asks_first_and_keeps_their_history(admin: StaffClient) -> None:
    jobs = [make_job(name) for name in ("one", "two")]
    run = make_run(jobs[0])
    chosen = {"action": "delete_selected", "_selected_action": [str(job.pk) for job in jobs]}
    with CaptureQueriesContext(connection) as captured:
        assert "Delete 2 jobs?" in page_of(admin.post(LIST, chosen))
    assert len(captured) < 12
    admin.post(LIST, chosen | {"post": "yes"})
    run.refresh_from_db()
    assert not Job.objects.exists() and run.status == "cancelled"


def test_who_may_only_look_can_press_nothing(admin_user: User) -> None:
    job = make_job()
    viewer = signed_in(staff_member("viewer", "view_job"))
    assert "Run now" not in page_of(viewer.get(f"{LIST}{job.pk}/"))
    assert viewer.get(f"{LIST}{job.pk}/change/")["Location"] == f"{LIST}{job.pk}/"
    for verb in ("run", "pause", "resume"):
        assert viewer.post(f"{LIST}{job.pk}/{verb}/").status_code == 403
    assert viewer.post(f"{LIST}preview/", {}).status_code == 403
    assert viewer.post(f"{LIST}{job.pk}/change/", form_of(job) | {"name": "x"}).status_code == 403
    viewer.post(LIST, {"action": "run_selected", "_selected_action": str(job.pk)})
    assert not Run.objects.exists()


def test_who_may_not_view_runs_sees_none_on_the_pages_of_jobs(admin_user: User) -> None:
    job = make_job()
    end(make_run(job), Failed("exception", "RuntimeError: out of paper"))
    viewer, reader = (
        signed_in(staff_member(name, "view_job", *more)) for name, *more in (["ann"], ["bob", "view_run"])
    )
    for address in (LIST, f"{LIST}{job.pk}/", f"{LIST}{job.pk}/live/"):
        seen = page_of(viewer.get(address))
        assert "out of paper" not in seen and "/executions/run/" not in seen
        assert "/executions/run/" in page_of(reader.get(address))


def test_an_unreadable_target_is_shown_as_its_kind_alone(admin: StaffClient) -> None:
    job = make_job()
    stored = {"kind": "http", "url": "http://u:s3cret@example.org/", "unknown": 1}
    RunSpec.objects.filter(pk=job.spec_id).update(target_kind="http", target=stored)
    viewer = signed_in(staff_member("ann", "view_job"))
    for address in (LIST, f"{LIST}{job.pk}/", f"{LIST}{job.pk}/live/"):
        assert "s3cret" not in page_of(viewer.get(address))


@pytest.mark.parametrize("key", ["x", "", "\0", "1"], ids=["text", "empty", "NUL", "number"])
@pytest.mark.parametrize("action", ["run_selected", "delete_selected"])
def test_a_selected_id_that_is_none_counts_as_not_selected(admin: StaffClient, action: str, key: str) -> None:
    job = make_job()
    page = page_of(admin.post(LIST, {"action": action, "_selected_action": key}, follow=True))
    assert "Items must be selected" in page
    admin.post(LIST, {"action": "run_selected", "_selected_action": [key, str(job.pk)]})
    assert Run.objects.filter(job_id=job.pk).count() == 1


def test_the_redirect_to_an_objects_own_page_does_not_exist(admin: StaffClient) -> None:
    for rest in ("4/2/", "4/x/", "x/y/"):
        assert admin.get(f"/admin/r/{rest}").status_code == 404


@pytest.mark.long
def test_names_from_outside_are_text_everywhere(admin: StaffClient) -> None:
    evil = "<script>alert(1)</script>"
    job = make_job(evil, description=evil)
    triggers.pause(job.pk, NOW, actor="tests", terms=PauseTerms(reason=evil))
    addresses = [
        LIST,
        *(f"{LIST}{job.pk}/{verb}" for verb in ("", "live/", "change/", "pause/", "resume/", "delete/", "history/")),
    ]
    for address in [*addresses, "/admin/"]:
        assert evil not in page_of(admin.get(address)), address


def test_a_link_to_another_site_is_not_followed_back(admin: StaffClient) -> None:
    job = make_job()
    answer = admin.post(f"{LIST}{job.pk}/run/", headers={"referer": "https://evil.example/admin/schedules/job/"})
    assert answer["Location"].startswith("/admin/executions/run/")


def test_the_page_dates_the_version_which_a_new_schedule_leaves_as_it_is(admin: StaffClient) -> None:
    job = make_job("greeting", {"cron": "0 9 * * *"})
    later = NOW + timedelta(days=1)
    data = {"name": "greeting", "schedule": {"cron": "0 10 * * *"}, "target": ECHO, "payload": HELLO}
    definitions.replace(job.pk, validate(data, later), later, actor="tests")
    text = page_of(admin.get(f"{LIST}{job.pk}/"))
    assert "20 Nov 12:00:00" in text.split("<dt>Version</dt>")[1].split("</dd>")[0]


def test_the_way_to_a_job_has_its_name_as_it_is_written(admin: StaffClient) -> None:
    job = make_job("from the admin")
    heading = page_of(admin.get(f"{LIST}{job.pk}/change/")).split("<h1")[1].split("</h1>")[0]
    assert "<bdi>from the admin</bdi>" in heading
    assert ">Jobs</a>" in heading


def test_the_page_of_a_job_that_was_registered_shows_its_key(admin: StaffClient) -> None:
    data = {"name": "nightly", "target": ECHO, "payload": HELLO}
    job = registration.register({"billing.nightly": data}, NOW, actor="tests")["billing.nightly"].job
    assert "<dt>Key</dt><dd><code>billing.nightly</code>" in admin.get(f"{LIST}{job.pk}/").content.decode()
    assert "<dt>Key</dt>" not in admin.get(f"{LIST}{make_job().pk}/").content.decode()


def test_the_page_of_a_job_says_why_a_run_did_not_start(admin: StaffClient) -> None:
    job = make_job()
    make_skipped(job)
    assert f"<bdi>{REASON_LABELS[Reason.OVERLAP]}</bdi>" in page_of(admin.get(f"{LIST}{job.pk}/"))


def test_the_page_for_a_new_job_says_so_and_has_no_button_that_leads_to_itself(admin: StaffClient) -> None:
    text = page_of(admin.get(f"{LIST}add/"))
    assert "Add job</h2>" in text
    assert f'href="{LIST}add/"' not in text
