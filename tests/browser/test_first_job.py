"""From the form to the run: a job is created in the browser, fires on its seconds, and its runs show the response."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from executions.models import Run
from executions.states import RunStatus
from tests.browser.screenshots import screenshot
from tests.receiver import answer
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

THANKS = '{"thanks": "for the greeting"}'
WORKER = re.compile("worker-http@tests")


def seconds_of(receiver: Receiver) -> list[int]:
    """Return the wall-clock seconds at which the calls arrived."""
    since = datetime.now(UTC).timestamp() - time.monotonic()
    return [int(since + request.at) for request in receiver.requests]


def expect_success(row: Locator) -> None:
    """Assert that a row of runs shows a success, its duration, and one attempt."""
    expect(row).to_contain_text("Succeeded")
    for cell in (re.compile(r"^[\d.]+ m?s$"), re.compile("^1$")):
        expect(row.get_by_role("cell", name=cell).first).to_be_visible()


def test_a_job_from_the_form_fires_on_even_seconds_and_shows_its_runs(
    admin: Page, processes: Processes, receiver: Receiver
) -> None:
    receiver.script("/hook", answer(200, THANKS, {"Content-Type": "application/json"}))
    processes.start("beat", "worker-http")

    admin.goto("/admin/")
    admin.get_by_role("link", name="Create a job").click()
    admin.get_by_label("Name").fill("greeting")
    cron = admin.locator("#id_cron")
    words = admin.locator("[data-preview] .ms-words")
    cron.press_sequentially("*/2 * * * *")
    expect(words).to_contain_text("Every 2 minutes")
    cron.press_sequentially(" *")
    expect(words).to_contain_text("Every 2 seconds")
    expect(admin.locator("[data-preview] tbody tr")).to_have_count(10)
    admin.get_by_label("Method").select_option("POST")
    admin.get_by_label("URL").fill(receiver.url("/hook"))
    admin.locator("#id_payload").fill('{"greeting": "hello"}')
    cron.scroll_into_view_if_needed()
    screenshot(admin, "story-1-form", whole=False)
    admin.get_by_role("button", name="Save", exact=True).click()

    title = admin.locator(".ms-title")
    expect(title).to_contain_text("greeting")
    wait_until(lambda: len(receiver.requests) >= 4, 30, what="four calls")
    succeeded = admin.get_by_role("row").filter(has_text="Succeeded")
    expect(succeeded.nth(2)).to_be_visible()  # the page was not loaded again
    expect_success(succeeded.first)
    screenshot(admin, "story-2-job")
    seconds = seconds_of(receiver)
    assert all(second % 2 == 0 for second in seconds), seconds
    assert all(later - earlier == 2 for earlier, later in pairwise(seconds)), seconds
    assert {(r.method, r.path, r.headers["content-type"]) for r in receiver.requests} == {
        ("POST", "/hook", "application/json")
    }
    assert all(json.loads(request.body) == {"greeting": "hello"} for request in receiver.requests)

    admin.get_by_role("link", name="Pause", exact=True).click()
    admin.get_by_role("button", name="Pause").click()
    expect(title).to_contain_text("Paused")
    wait_until(lambda: not Run.objects.exclude(status=RunStatus.SUCCEEDED).exists(), what="the end of all runs")
    admin.get_by_role("link", name="All runs").click()
    rows = admin.locator("#result_list tbody tr")
    expect(rows).to_have_count(len(receiver.requests))
    for row in rows.all():
        expect_success(row)
    screenshot(admin, "story-3-runs")

    rows.first.locator("a[href*='/executions/run/']").first.click()
    expect(title).to_contain_text("Succeeded")
    attempt = admin.get_by_role("article", name="Attempt 1")
    expect(attempt).to_contain_text(WORKER)
    expect(attempt).to_contain_text("200")
    attempt.get_by_text("Response body", exact=True).click()
    expect(attempt).to_contain_text("for the greeting")
    screenshot(admin, "story-4-run")
