"""A job whose kind of target this version does not know: another version of Mainspring made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from executions.models import Run, RunSpec
from executions.targets.base import Failed
from schedules.models import Job
from tests.factories import claim, end, make_job, make_run
from tests.staff import page_of, signed_in, staff_member

if TYPE_CHECKING:
    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

JOBS, RUNS = "/admin/schedules/job/", "/admin/executions/run/"
BY_ANOTHER = "unknown to this version of Mainspring"


@pytest.fixture
def job() -> Job:
    made = make_job("strange")
    end(make_run(made), Failed("exception", "no", permanent=True))
    RunSpec.objects.update(target_kind="agent", target={"kind": "agent", "token": "s3cret"})
    return made


def test_it_does_not_take_the_list_down(admin: StaffClient, job: Job) -> None:
    make_job("another")
    text = page_of(admin.get(JOBS))
    assert "another" in text and "agent" in text and BY_ANOTHER in text


def test_its_page_shows_the_kind_and_the_stored_target_to_who_may_change_it(admin: StaffClient, job: Job) -> None:
    text = page_of(admin.get(f"{JOBS}{job.pk}/"))
    assert "agent" in text and BY_ANOTHER in text and "s3cret" in text
    page_of(admin.get(f"{JOBS}{job.pk}/live/"))


def test_nobody_else_is_shown_what_may_be_a_credential(job: Job) -> None:
    reader = signed_in(staff_member("reader", "view_job", "view_run"))
    run = Run.objects.get()
    for address in (f"{JOBS}{job.pk}/", f"{RUNS}{run.pk}/change/"):
        text = page_of(reader.get(address))
        assert "agent" in text and "s3cret" not in text


def test_the_pages_of_its_runs_show_how_they_ended(admin: StaffClient, job: Job) -> None:
    (run,) = Run.objects.all()
    assert "&quot;kind&quot;: &quot;agent&quot;" in page_of(admin.get(f"{RUNS}{run.pk}/change/"))
    page_of(admin.get(RUNS))


def test_the_page_of_a_run_that_goes_on_tells_no_limit_of_its_time(admin: StaffClient) -> None:
    run = make_run()
    claim(run)
    RunSpec.objects.update(target_kind="agent", target={"kind": "agent"})
    text = page_of(admin.get(f"{RUNS}{run.pk}/live/"))
    assert "so far" in text and "(timeout: 5 min)" not in text


@pytest.mark.parametrize("method", ["get", "post"])
def test_it_is_not_edited_and_a_sentence_says_why(admin: StaffClient, job: Job, method: str) -> None:
    address = f"{JOBS}{job.pk}/change/"
    response = admin.get(address) if method == "get" else admin.post(address, {"name": "renamed"})
    assert (response.status_code, response["Location"]) == (302, f"{JOBS}{job.pk}/")
    assert "can&#x27;t be edited" in page_of(admin.get(f"{JOBS}{job.pk}/"))
    job.refresh_from_db()
    assert (job.name, job.spec.target_kind) == ("strange", "agent")
