"""Proves that the admin counts and pauses the jobs of a filter, and resumes exactly those jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedules.models import Job, PauseSet
from tests.factories import make_job
from tests.staff import page_of, signed_in, staff_member

if TYPE_CHECKING:
    from tests.staff import StaffClient

LIST = "/admin/schedules/job/"
AT = f"{LIST}pauses/"
YEARLY = {"cron": "0 0 1 1 *"}


def test_jobs_are_counted_paused_and_resumed_in_the_admin(admin: StaffClient) -> None:
    for name in ("bill a", "bill b", "other"):
        make_job(name, YEARLY)
    data = {"search": "bill", "reason": "<b>move</b>", "catch_up": "none"}
    assert "2 active jobs will be paused." in page_of(admin.post(AT, data))
    assert not PauseSet.objects.exists()
    shown = page_of(admin.post(AT, {**data, "confirmed": "1"}, follow=True))
    assert "2 jobs paused." in shown and "&lt;b&gt;move" in shown and "<b>move" not in shown
    undo = f"{AT}{PauseSet.objects.get().pk}/undo/"
    assert undo in shown
    assert "Resume 2 jobs?" in page_of(admin.get(undo))
    assert "2 jobs resumed." in page_of(admin.post(undo, {"catch_up": "last"}, follow=True))
    assert "already been undone" in page_of(admin.post(undo, follow=True))
    assert not Job.objects.filter(state="paused").exists()


def test_invalid_input_is_refused_with_a_message(admin: StaffClient) -> None:
    make_job(schedule=YEARLY)
    for data, sentence in (
        ({"target_kind": "commnd"}, "target_kind must be http or command. Did you mean &quot;command&quot;?"),
        ({"until": "soon"}, "is not a date and time"),
        ({"search": "x" * 300}, "search must have 255 characters or fewer."),
        ({"reason": "x" * 300}, "shorten it to"),
        ({"catch_up": "last"}, "only if the pause has an end"),
        ({"catch_up": "some"}, "must be one of the choices in the list"),
    ):
        page = page_of(admin.post(AT, {**data, "confirmed": "1"}))
        assert sentence in page[page.index('role="alert"') :][:600], data
    assert not PauseSet.objects.exists()


def test_an_unknown_choice_resumes_no_job(admin: StaffClient) -> None:
    job = make_job(schedule=YEARLY)
    page_of(admin.post(AT, {"confirmed": "1"}, follow=True))
    for address in (f"{AT}{PauseSet.objects.get().pk}/undo/", f"{LIST}{job.pk}/resume/"):
        assert "must be one of the choices in the list" in page_of(
            admin.post(address, {"catch_up": "some"}, follow=True)
        )
        assert Job.objects.get().state == "paused"
    assert PauseSet.objects.get().state == "paused"


def test_a_user_who_may_only_view_sees_the_pause_sets_but_cannot_pause_jobs(admin: StaffClient) -> None:
    make_job("bill a", YEARLY)
    admin.post(AT, {"search": "bill", "reason": "a move", "confirmed": "1"})
    undo = f"{AT}{PauseSet.objects.get().pk}/undo/"
    viewer = signed_in(staff_member("viewer", "view_job"))
    page = page_of(viewer.get(AT))
    assert "a move" in page and undo not in page and 'name="reason"' not in page
    assert undo in page_of(admin.get(AT)) and 'name="reason"' in page_of(admin.get(AT))
    for response in (viewer.post(AT), viewer.post(AT, {"confirmed": "1"}), viewer.get(undo), viewer.post(undo)):
        assert response.status_code == 403
    assert signed_in(staff_member("other", "view_run")).get(AT).status_code == 403
