"""In the browser an administrator creates, previews, starts, pauses, resumes and deletes jobs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from executions.models import Run
from schedules.jobs import definitions
from schedules.jobs.members import stored_members
from schedules.jobs.validation import validate
from schedules.models import Job
from tests.browser.screenshots import screenshot
from tests.factories import NOW, make_job

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User
    from playwright.sync_api import Page

ADD = "/admin/schedules/job/add/"


def test_an_administrator_signs_in_and_sees_how_to_start(page: Page, admin_user: User) -> None:
    page.goto("/")
    screenshot(page, "sign-in")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".errornote")).to_have_count(1)
    expect(page.locator(".errornote")).to_contain_text("correct username and password")
    screenshot(page, "sign-in-wrong")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    page.get_by_role("link", name="Create a job").click()
    expect(page).to_have_url(re.compile(f"{ADD}$"))


def test_a_cron_job_with_seconds_is_previewed_while_typing_and_then_created(admin: Page) -> None:
    admin.goto(ADD)
    admin.get_by_label("Name").fill("every ten seconds")
    admin.get_by_label("Cron expression", exact=True).last.fill("*/10 * * * * *")
    preview = admin.locator("[data-preview]")
    expect(preview.locator(".ms-words")).to_contain_text("Every 10 seconds")
    expect(preview.locator("tbody tr")).to_have_count(10)
    expect(preview).to_contain_text("Your time (Europe/Paris)")
    admin.get_by_label("URL").fill("https://example.org/hook")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.locator(".ms-title")).to_contain_text("every ten seconds")
    expect(admin.get_by_text("The history has no runs of this job.")).to_be_visible()
    job = Job.objects.get()
    assert job.schedule["cron"] == "*/10 * * * * *"
    assert job.spec.target["url"] == "https://example.org/hook"


def test_a_wrong_expression_has_an_error_at_its_field_while_typing(admin: Page) -> None:
    admin.goto(ADD)
    cron = admin.locator("#id_cron")
    cron.fill("75 * * * *")
    error = admin.locator("[data-errors=cron]")
    expect(error).to_contain_text("75")
    cron.fill("15 * * * *")
    expect(error).to_be_empty()
    admin.locator("#id_timezone").fill("Europe/Pari")
    expect(admin.locator("[data-errors=timezone]")).to_contain_text("Europe/Paris")
    admin.get_by_role("button", name="Use my time zone").click()
    expect(admin.locator("#id_timezone")).to_have_value("Europe/Paris")
    expect(admin.locator("[data-errors=timezone]")).to_be_empty()


def test_only_the_fields_of_the_chosen_kinds_are_visible(admin: Page) -> None:
    admin.goto(ADD)
    expect(admin.locator("#id_cron")).to_be_visible()
    expect(admin.locator("#id_every")).to_be_hidden()
    admin.get_by_text("Fixed interval").click()
    expect(admin.locator("#id_every")).to_be_visible()
    expect(admin.locator("#id_cron")).to_be_hidden()
    expect(admin.locator("#id_dst_gap")).to_be_hidden()
    admin.get_by_label("No schedule", exact=True).check()
    expect(admin.locator("#id_timezone")).to_be_hidden()
    expect(admin.locator("[data-preview]")).to_contain_text(
        "No schedule: starts by hand, through the API or after other jobs"
    )
    admin.get_by_text("Command", exact=True).first.click()
    expect(admin.locator("#id_url")).to_be_hidden()


def test_the_key_of_h_is_visible_only_for_an_expression_with_h(admin: Page) -> None:
    admin.goto(ADD)
    expect(admin.locator("#id_hash_key")).to_be_hidden()
    admin.locator("#id_cron").fill("H/15 * * * *")
    expect(admin.locator("#id_hash_key")).to_be_visible()
    admin.locator("#id_cron").fill("0 9 * * THU")
    expect(admin.locator("#id_hash_key")).to_be_hidden()


def test_a_bad_url_has_an_error_at_its_field_and_creates_nothing(admin: Page) -> None:
    admin.goto(ADD)
    admin.get_by_label("Name").fill("bad")
    admin.locator("#id_cron").fill("0 9 * * *")
    admin.get_by_label("URL").fill("ftp://example.org")
    admin.locator("#id_headers").fill("{not json")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.locator("[data-errors=url]")).to_contain_text("http")
    expect(admin.locator("[data-errors=headers]")).to_contain_text("This is not JSON")
    expect(admin.locator("#id_cron")).to_have_value("0 9 * * *")
    screenshot(admin, "job-errors")
    assert not Job.objects.exists()


def test_a_failed_save_lists_the_wrong_fields_and_focuses_the_first(admin: Page) -> None:
    admin.goto(ADD)
    admin.locator("#policies > summary").click()
    admin.locator("#id_max_retries").fill("-1")
    admin.get_by_role("button", name="Save", exact=True).click()
    note = admin.locator(".errornote")
    expect(note.get_by_role("link")).to_have_text(["Name", "Cron expression", "URL", "Retries after a failure"])
    expect(note).to_have_text("Nothing was saved. Please fix: Name, Cron expression, URL, Retries after a failure.")
    expect(admin.locator("#id_name")).to_be_focused()
    note.get_by_role("link", name="Retries after a failure").click()
    expect(admin.locator("#id_max_retries")).to_be_focused()
    expect(admin.locator("#id_max_retries")).to_be_in_viewport()


def test_a_command_shows_its_parameters_when_it_is_chosen(admin: Page) -> None:
    admin.goto(ADD)
    admin.get_by_label("Name").fill("say it")
    admin.get_by_text("Fixed interval").click()
    admin.locator("#id_every").fill("15m")
    admin.get_by_text("Command", exact=True).first.click()
    admin.locator("#id_command").select_option("demo.sleep")
    expect(admin.locator("[data-value='demo.sleep']")).to_contain_text("seconds")
    expect(admin.locator("[data-value='demo.echo']")).to_be_hidden()
    expect(admin.locator("[data-target='http']")).to_have_attribute("hidden", "")
    expect(admin.locator("[data-target='command']")).to_be_visible()
    expect(admin.locator("[data-preview] .ms-words")).to_have_text("Every 15 minutes")
    screenshot(admin, "job-command")
    admin.locator("#id_payload").fill('{"seconds": "many"}')
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.locator("[data-errors=payload]")).to_contain_text("seconds")
    admin.locator("#id_payload").fill('{"seconds": 1}')
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.locator(".ms-title")).to_contain_text("say it")
    assert Job.objects.get().spec.payload == {"seconds": 1}


def test_a_job_is_started_paused_with_a_reason_and_resumed(admin: Page, today: datetime) -> None:
    job = make_job("greeting", {"cron": "0 9 * * *"}, today)
    admin.goto(f"/admin/schedules/job/{job.pk}/")
    admin.get_by_role("button", name="Run now").click()
    expect(admin.locator(".ms-title")).to_contain_text("Queued")
    assert Run.objects.get().origin == "manual"
    admin.get_by_role("link", name="greeting").first.click()

    admin.get_by_role("link", name="Pause", exact=True).click()
    admin.get_by_label("Reason").fill("<b>billing</b> is down")
    admin.get_by_role("button", name="Pause").click()
    expect(admin.locator(".ms-notice")).to_contain_text("<b>billing</b> is down")
    expect(admin.locator(".ms-title")).to_contain_text("Paused")

    admin.get_by_role("link", name="Resume", exact=True).click()
    expect(admin.get_by_text("No run starts now")).to_be_visible()
    admin.get_by_role("button", name="Resume").click()
    expect(admin.locator(".ms-title")).to_contain_text("Active")


def test_several_jobs_are_paused_from_the_list_with_one_reason(admin: Page, today: datetime) -> None:
    for name in ("one", "two", "three"):
        make_job(name, {"cron": "0 9 * * *"}, today)
    admin.goto("/admin/schedules/job/")
    for name in ("one", "three"):
        admin.get_by_role("row", name=name).get_by_role("checkbox").check()
    admin.locator("select[name=action]").select_option("pause_selected")
    admin.get_by_role("button", name="Run", exact=True).click()
    admin.get_by_label("Reason").fill("move")
    admin.get_by_role("button", name="Pause").click()
    expect(admin.get_by_text("2 jobs paused.")).to_be_visible()
    assert set(Job.objects.filter(state="paused", pause_reason="move").values_list("name", flat=True)) == {
        "one",
        "three",
    }


def test_a_row_of_the_list_starts_its_job_and_stays_on_the_list(admin: Page, today: datetime) -> None:
    make_job("greeting", {"cron": "0 9 * * *"}, today)
    admin.goto("/admin/schedules/job/?state=active")
    admin.get_by_role("button", name="Run greeting now").click()
    expect(admin.get_by_text("A run of “greeting” was created.")).to_be_visible()
    expect(admin).to_have_url(re.compile(r"\?state=active$"))
    expect(admin.get_by_role("row", name="greeting")).to_contain_text("Queued")


def test_deleting_a_job_says_what_happens_and_keeps_its_history(admin: Page, today: datetime) -> None:
    job = make_job("greeting", {"cron": "0 9 * * *"}, today)
    admin.goto(f"/admin/schedules/job/{job.pk}/")
    admin.get_by_role("button", name="Run now").click()
    expect(admin.locator(".ms-title")).to_contain_text("Queued")
    admin.goto(f"/admin/schedules/job/{job.pk}/")
    admin.get_by_role("link", name="Delete").click()
    expect(admin.get_by_text("1 held, queued or retrying run will be cancelled.")).to_be_visible()
    admin.get_by_role("button", name="Delete the job").click()
    expect(admin.get_by_text("No jobs yet")).to_be_visible()
    assert Run.objects.get().status == "cancelled"


def test_several_schedules_one_per_line_are_previewed_together(admin: Page) -> None:
    admin.goto(ADD)
    admin.get_by_label("Name").fill("opening hours")
    admin.get_by_label("Several schedules").check()
    preview = admin.locator("[data-preview]")
    expect(preview).to_contain_text("appear here as you type")
    lines = admin.locator("#id_specs")
    lines.fill("0 9 * * mon-fri\n75 * * * *")
    expect(admin.locator("[data-errors=specs]")).to_contain_text("Entry 2: minute: 75")
    lines.fill("0 9 * * mon-fri\nevery 6h from 2027-03-01 00:00\nsunset 52.5 13.4")
    expect(preview.locator(".ms-words")).to_contain_text(
        "At 09:00, Monday to Friday (UTC); every 6 hours; and at sunset"
    )
    expect(preview.locator("tbody tr")).to_have_count(10)
    admin.locator("#policies > summary").click()
    admin.locator("#id_start_jitter").fill("5m")
    expect(preview.locator("tbody tr").first).to_contain_text("starts up to 5 min later")
    screenshot(admin, "job-form-several")
    admin.get_by_label("URL").fill("https://example.org/hook")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.get_by_text("The history has no runs of this job.")).to_be_visible()
    expect(admin.locator(".ms-fires tbody tr").first).to_contain_text("starts ")
    screenshot(admin, "job-several")
    job = Job.objects.get()
    assert [spec["kind"] for spec in job.schedule["specs"]] == ["cron", "every", "solar"]


def test_a_delay_and_a_solar_event_have_fields_of_their_own(admin: Page) -> None:
    admin.goto(ADD)
    preview = admin.locator("[data-preview]")
    admin.get_by_label("Delay after each run").check()
    expect(admin.locator("#id_cron")).to_be_hidden()
    admin.get_by_label("Delay", exact=True).fill("90s")
    expect(preview).to_contain_text("1 minute and 30 seconds after the previous run has ended")
    expect(preview.locator("tbody tr")).to_have_count(1)
    screenshot(admin, "job-form-delay")
    admin.get_by_label("Solar event").check()
    admin.locator("#id_solar").select_option("sunset")
    admin.get_by_label("Latitude").fill("69.65")
    admin.get_by_label("Longitude").fill("18.96")
    expect(preview).to_contain_text("At this latitude some days have no sunset")
    screenshot(admin, "job-form-solar")


def test_a_form_that_was_overtaken_is_shown_again_with_the_other_change(admin: Page) -> None:
    job = make_job("overtaken", {"cron": "0 9 * * *"})
    admin.goto(f"/admin/schedules/job/{job.pk}/change/")
    admin.get_by_label("Name").fill("renamed")
    data = stored_members(job, ()) | {"schedule": {"cron": "0 3 * * *"}}
    definitions.replace(job.pk, validate(data, NOW, job), NOW, actor="somebody else")
    admin.get_by_role("button", name="Save", exact=True).click()
    notice = admin.get_by_role("alert").filter(has_text="Changed while you had the form open")
    expect(notice).to_contain_text("0 3 * * *")
    expect(admin.locator("#id_cron")).to_have_value("0 3 * * *")
    expect(admin.get_by_label("Name")).to_have_value("renamed")
    screenshot(admin, "job-form-overtaken")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.locator(".ms-title")).to_contain_text("renamed")
    assert Job.objects.get().schedule["cron"] == "0 3 * * *"
