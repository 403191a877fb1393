"""In the browser an administrator sets limits, chains and feature flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from schedules.jobs import chains
from schedules.models import FeatureFlag, Job
from tests.browser.screenshots import screenshot
from tests.factories import make_flag, make_job

if TYPE_CHECKING:
    from playwright.sync_api import Page

ADD = "/admin/schedules/job/add/"


def test_a_job_that_starts_after_another_is_found_by_part_of_its_name(admin: Page) -> None:
    source = make_job("load the warehouse")
    make_job("other")
    admin.goto(ADD)
    admin.locator("#id_name").fill("report")
    admin.get_by_label("No schedule", exact=True).check()
    admin.get_by_text("Command", exact=True).first.click()
    admin.locator("#id_command").select_option("demo.echo")
    admin.get_by_text("Also start after other jobs").click()
    admin.locator("#start-after .select2-search__field").nth(1).press_sequentially("ware")
    option = admin.locator(".select2-results__option", has_text="load the warehouse")
    expect(option).to_be_visible()
    screenshot(admin, "job-start-after")
    option.click()
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.get_by_text("failure of load the warehouse")).to_be_visible()
    job = Job.objects.get(name="report")
    assert chains.of(job.pk) == (chains.StartAfter(job=source.pk, on="failure"),)


def test_limits_are_set_in_the_form_and_shown_in_words(admin: Page) -> None:
    make_flag("exports", is_on=True)
    admin.goto(ADD)
    admin.locator("#id_name").fill("limited")
    admin.locator("#id_every").evaluate("box => box.value = ''")
    admin.get_by_label("No schedule", exact=True).check()
    admin.get_by_text("Command", exact=True).first.click()
    admin.locator("#id_command").select_option("demo.echo")
    admin.locator("#policies > summary").click()
    admin.get_by_label("Overlap policy").select_option(label="Hold the new run until all earlier runs have ended")
    admin.get_by_text("Limits, priority and feature flag").click()
    admin.get_by_label("Concurrency key").fill("printer")
    admin.get_by_label("Feature flag").select_option("exports")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.locator("[data-errors=concurrency_limit]")).to_have_text(
        "Enter a number here. For no limit, set the other fields of this group to their defaults."
    )
    screenshot(admin, "job-limits-error")
    admin.get_by_label("Concurrency limit", exact=True).fill("2")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(
        admin.get_by_text("at most 2 active runs across all jobs with the key “printer”; other runs are held")
    ).to_be_visible()
    expect(admin.get_by_text("exports (on)")).to_be_visible()


def test_a_flag_is_switched_in_its_row_of_the_list(admin: Page) -> None:
    make_flag("exports")
    admin.goto("/admin/schedules/featureflag/")
    admin.get_by_role("button", name="Switch exports on").click()
    expect(admin.get_by_text("“exports” is on.")).to_be_visible()
    expect(admin.get_by_role("button", name="Switch exports off")).to_be_visible()
    assert FeatureFlag.objects.get().is_on
