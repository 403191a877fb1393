"""In the browser an administrator reads, retries and cancels runs, and creates and revokes API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from access.models import ApiKey
from executions.lifecycle import transitions
from executions.lifecycle.types import Ending
from executions.models import LogLine, Run
from executions.states import AttemptStatus, RunStatus
from executions.targets.base import Failed
from tests.browser.screenshots import screenshot
from tests.factories import claim, end, make_job, make_run, make_skipped

if TYPE_CHECKING:
    from datetime import datetime

    from playwright.sync_api import Dialog, Page


def address(run: Run) -> str:
    return f"/admin/executions/run/{run.pk}/change/"


def test_a_failed_run_shows_its_attempt_and_is_retried(admin: Page, today: datetime) -> None:
    run = end(make_run(make_job(now=today), today), Failed("exception", "ValueError: <i>no</i>", permanent=True))
    admin.goto("/admin/executions/run/?status=failed")
    admin.get_by_role("link", name="1 h ago").click()
    expect(admin.get_by_role("article", name="Attempt 1")).to_contain_text("ValueError: <i>no</i>")
    expect(admin.get_by_text("Failed after 1 attempt, no retry follows")).to_be_visible()
    admin.get_by_role("button", name="Retry").click()
    expect(admin.get_by_text("The run is retried: this page shows the new run.")).to_be_visible()
    expect(admin.get_by_text("This run repeats an earlier run.")).to_be_visible()
    assert Run.objects.exclude(pk=run.pk).get().retry_of == run.pk


def test_a_queued_run_is_cancelled_after_a_confirmation(admin: Page, today: datetime) -> None:
    run = make_run(make_job(now=today), today)
    admin.goto(address(run))
    questions: list[str] = []

    def agree(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.accept()

    admin.on("dialog", agree)
    admin.get_by_role("button", name="Cancel").click()
    expect(admin.locator(".ms-title")).to_contain_text("Cancelled")
    assert questions == ["Cancel this run? No further attempt will start."]


def test_the_page_of_a_running_run_refreshes_until_the_run_has_ended(admin: Page, today: datetime) -> None:
    run = make_run(make_job(now=today), today)
    claimed = claim(run)
    admin.goto(address(run))
    expect(admin.locator(".ms-live")).to_be_visible()
    expect(admin.get_by_text("so far (timeout:")).to_be_visible()
    admin.locator("#definition-Payload summary").click()
    LogLine.objects.create(run=run, attempt=1, at=today, level="info", message="a line that came later")
    expect(admin.get_by_text("a line that came later")).to_be_visible()
    expect(admin.locator("#definition-Payload")).to_have_attribute("open", "")  # what was opened stays open
    ending = Ending(run.pk, claimed.claim_no, RunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED, result={"a": 1})
    transitions.finish([ending], today + timedelta(minutes=1))
    expect(admin.locator(".ms-title")).to_contain_text("Succeeded")
    expect(admin.locator(".ms-live")).to_have_count(0)
    expect(admin.get_by_role("button", name="Retry")).to_be_visible()


def test_a_skipped_run_says_why_it_did_not_start(admin: Page, today: datetime) -> None:
    admin.goto(address(make_skipped(make_job(now=today), today)))
    expect(admin.get_by_text("because an earlier run of the job had not ended")).to_be_visible()


def test_cancelling_selected_runs_reports_the_result_for_each_status(admin: Page, today: datetime) -> None:
    job = make_job(now=today)
    end(make_run(job, today))
    make_run(job, today + timedelta(minutes=1))
    claim(make_run(job, today + timedelta(minutes=2)))
    admin.goto("/admin/executions/run/")
    admin.get_by_role("checkbox").first.check()
    admin.locator("select[name=action]").select_option("cancel_selected")
    admin.get_by_role("button", name="Run", exact=True).click()
    for text in ("1 run cancelled.", "Asked 1 running run to stop.", "1 run not cancelled: already ended"):
        expect(admin.get_by_text(text)).to_be_visible()


def test_a_key_is_shown_once_and_revoked(admin: Page) -> None:
    admin.goto("/admin/access/apikey/add/")
    admin.get_by_label("Name").fill("billing service")
    admin.get_by_role("button", name="Save", exact=True).click()
    key = admin.locator("#secret").inner_text()
    assert key.startswith("ms_")
    screenshot(admin, "key-issued")
    admin.get_by_role("link", name="I have copied the key").click()
    admin.get_by_role("link", name="billing service").click()
    assert key not in admin.content()
    admin.on("dialog", lambda dialog: dialog.accept())
    admin.get_by_role("button", name="Revoke this key").click()
    expect(admin.get_by_text("1 key revoked.")).to_be_visible()
    assert ApiKey.objects.get().revoked_at is not None


def test_a_refresh_keeps_keyboard_focus_and_selected_text(admin: Page, today: datetime) -> None:
    run = make_run(make_job(now=today), today)
    claim(run)
    LogLine.objects.create(run=run, attempt=1, at=today, level="info", message="the first line")
    admin.goto(address(run))
    admin.get_by_text("the first line").select_text()
    admin.get_by_role("button", name="Cancel").focus()
    LogLine.objects.create(run=run, attempt=1, at=today, level="info", message="a line that came later")
    expect(admin.get_by_text("a line that came later")).to_be_visible()
    expect(admin.get_by_role("button", name="Cancel")).to_be_focused()
    assert admin.evaluate("document.getSelection().toString()") == "the first line"


def test_a_refresh_keeps_the_focus_on_a_row_that_moves_down(admin: Page, today: datetime) -> None:
    job = make_job(now=today)
    run = make_run(job, today)
    admin.goto(f"/admin/schedules/job/{job.pk}/")
    link = admin.locator(f"#run-{run.pk} a").last
    link.focus()
    later = make_run(job, today + timedelta(minutes=1))
    expect(admin.locator(f"#run-{later.pk}")).to_be_visible()
    expect(admin.locator("tr[id] >> nth=0")).to_have_attribute("id", f"run-{later.pk}")
    expect(link).to_be_focused()


def test_when_a_focused_button_disappears_the_page_keeps_the_focus(admin: Page, today: datetime) -> None:
    run = make_run(make_job(now=today), today)
    admin.goto(address(run))
    admin.get_by_role("button", name="Cancel").focus()
    end(run)
    expect(admin.get_by_role("button", name="Retry")).to_be_visible()
    expect(admin.locator("[data-live-part]")).to_be_focused()
