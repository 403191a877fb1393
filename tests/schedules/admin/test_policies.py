"""Proves what the admin shows of policies, chains and held runs, and that it finds other jobs by name."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions import runs
from executions.models import Run
from schedules.admin.form import policy_words
from schedules.models import Job
from schedules.passes.follow_ups import follow_once
from tests.factories import NOW, make_flag, make_job
from tests.job_form import EngineJobForm, sent
from tests.staff import page_of, signed_in, staff_member

if TYPE_CHECKING:
    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

LIST = "/admin/schedules/job/"


@pytest.mark.parametrize(
    ("policies", "shown"),
    [
        ({}, []),
        (
            {"overlap": "buffer_one"},
            [("Overlap policy", "Hold one new run, skip further new runs")],
        ),
        (
            {"priority": "high", "start_deadline": "10m"},
            [("Priority", "high"), ("Start deadline", "10 min after the planned start")],
        ),
        ({"pause_after_failures": 1}, [("Pause", "after 1 consecutive failure")]),
        ({"concurrency": {"limit": 2}}, [("Concurrency limit", "at most 2 active runs; other runs are held")]),
        (
            {"concurrency": {"limit": 1, "key": "printer", "beyond": "skip"}},
            [
                (
                    "Concurrency limit",
                    "at most 1 active run across all jobs with the key “printer”; other runs are skipped",
                )
            ],
        ),
        (
            {"rate_limit": {"limit": 10, "per": "1m", "burst": 3, "key": "mail"}},
            [
                (
                    "Rate limit",
                    (
                        "at most 10 starts per 1 min across all jobs with the key “mail”, with bursts of up to 3; "
                        "other runs are held"
                    ),
                )
            ],
        ),
        (
            {"feature_flag": "new-billing"},
            [("Feature flag", "new-billing (off): starts only by hand or by backfill")],
        ),
        ({"retry": {"max_retries": 0}, "timeout": "1m"}, [("Retries", "none"), ("Timeout of one attempt", "1 min")]),
        ({"timeout": "5m"}, []),  # the default of commands
    ],
)
def test_a_jobs_page_shows_only_policies_that_differ_from_the_defaults(
    policies: dict[str, Any], shown: list[tuple[str, str]]
) -> None:
    make_flag()
    assert policy_words.in_words(make_job(policies=policies)) == shown


def test_a_jobs_page_links_to_its_chains_in_both_directions(admin: StaffClient) -> None:
    first, last = make_job("<load>", {"kind": "none"}), make_job("report", {"kind": "none"})
    middle = make_job("check", {"kind": "none"}, start_after=[{"job": str(first.pk), "on": "completion"}])
    admin.post(f"{LIST}{last.pk}/change/", form(last) | {"after_failure": [str(middle.pk)]})
    text = " ".join(page_of(admin.get(f"{LIST}{middle.pk}/")).split())
    assert f'completion of <a href="{LIST}{first.pk}/"><bdi>&lt;load&gt;</bdi></a>' in text
    assert f'<a href="{LIST}{last.pk}/"><bdi>report</bdi></a> on failure' in text
    assert "it starts after other jobs" in text
    assert "<bdi>“report”</bdi> will no longer be started by this job" in " ".join(
        page_of(admin.get(f"{LIST}{middle.pk}/delete/")).split()
    )


def form(job: Job) -> dict[str, Any]:
    return sent(EngineJobForm(instance=Job.objects.select_related("spec").get(pk=job.pk)))


def test_the_form_finds_other_jobs_by_a_part_of_their_name(admin: StaffClient) -> None:
    jobs = [make_job(name) for name in ("Invoice export", "report", "invoice import")]
    for term, names in (
        ("invoi", ["invoice import", "Invoice export"]),
        ("", ["invoice import", "report", "Invoice export"]),
    ):
        found = admin.get(f"{LIST}names/", {"term": term, "_type": "query"}).json()["results"]
        assert [one["text"] for one in found] == names
    assert admin.get(f"{LIST}names/", {"term": "report"}).json()["results"] == [
        {"id": str(jobs[1].pk), "text": "report"}
    ]
    assert signed_in(staff_member("nobody")).get(f"{LIST}names/").status_code == 403


@pytest.mark.long
def test_every_page_with_a_held_run_shows_what_it_waits_for(admin: StaffClient) -> None:
    def open_runs(name: str, n: int = 2, **policies: Any) -> Job:
        job = make_job(name, policies=policies)
        for second in range(n):
            at = NOW + timedelta(seconds=second)
            new = runs.NewRun(
                job.scope_id, job.pk, job.spec_id, nominal_at=at, is_buffered=name == "buffered" and second > 0
            )
            runs.open_all([runs.apply_policies(new, job.policies)], at)
        return job

    words_by_job = {
        open_runs("buffered", overlap="buffer_all"): "The job&#x27;s other run has not ended",
        open_runs(
            "alone", 3, concurrency={"limit": 2}
        ): "Concurrency limit reached: 2 active runs of the job, at most 2 allowed",
        open_runs(
            "printer", concurrency={"limit": 1, "key": "p"}
        ): "Concurrency limit reached: 1 active run with the key “p”, at most 1 allowed",
        open_runs("rate", rate_limit={"limit": 1, "per": "31d"}): "Rate limit reached: no start before 21 Dec 12:00:02",
    }
    while follow_once(NOW + timedelta(seconds=2), 100).n_followups:
        pass
    everywhere = page_of(admin.get("/admin/executions/run/?status=held"))
    for job, words in words_by_job.items():
        run = Run.objects.get(job=job, status="held")
        for text in (
            everywhere,
            page_of(admin.get(f"{LIST}{job.pk}/")),
            page_of(admin.get(f"/admin/executions/run/{run.pk}/change/")),
        ):
            assert words in text, words
