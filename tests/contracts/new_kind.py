"""Drives a kind of target that was added from outside: a job over the API, its run by a worker, both in the admin.

`test_new_kind.py` starts this in a process of its own, for a kind is registered where a process starts. It prints one
line when all is as it should be, and fails with an AssertionError otherwise.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django


def main(file: Path) -> None:
    """Drive the kind `file` with a job that waits for `file`, which does not exist yet."""
    job = create_over_api(file)
    run = run_over_api(job, file)
    read_over_api(job, run, file)
    look_at_admin(job, run, file)
    edit_in_admin(file)


def create_over_api(file: Path) -> str:
    refused = API.post("/api/v1/jobs", {"name": "wait", "target": {"kind": "file", "pth": str(file)}}, format="json")
    assert fields_of(refused) == ["target.path", "target.pth"], refused.content
    target = {"kind": "file", "path": str(file)}
    made = API.post("/api/v1/jobs", {"name": "wait", "target": target}, format="json")
    assert (made.status_code, made.json()["target"]) == (201, target), made.content
    return str(made.json()["id"])


def run_over_api(job: str, file: Path) -> str:
    """Start a run and execute it as a worker does that has taken its message."""
    accepted = API.post(f"/api/v1/jobs/{job}/run", {}, format="json")
    assert accepted.status_code == 202, accepted.content
    file.write_text("hello")
    (message,) = dispatch_once(datetime.now(UTC), 10).messages
    assert message.options["queue"] == "http"
    (ending,) = runner.execute_runs([(run.run_id, run.claim_no) for run in message.runs], "worker@tests:1")
    return str(ending.run_id)


def read_over_api(job: str, run: str, file: Path) -> None:
    shown = API.get(f"/api/v1/runs/{run}").json()
    assert (shown["status"], shown["worker"]) == ("succeeded", "worker@tests:1")
    assert (shown["target"]["path"], shown["attempts"][0]["result"]) == (str(file), {"n_bytes": 5})
    assert [each["id"] for each in API.get("/api/v1/jobs?target_kind=file").json()["results"]] == [job]
    assert API.get("/api/v1/jobs?target_kind=http").json()["results"] == []


def look_at_admin(job: str, run: str, file: Path) -> None:
    configuration = f"{{&quot;path&quot;: &quot;{file}&quot;}}"
    assert f"file {configuration}" in page_of(ADMIN.get("/admin/schedules/job/"))
    assert configuration in page_of(ADMIN.get(f"/admin/schedules/job/{job}/"))
    assert "n_bytes&quot;: 5" in page_of(ADMIN.get(f"/admin/executions/run/{run}/change/"))


def edit_in_admin(file: Path) -> None:
    """Make a job in the form, which has one field for the configuration of a kind without a section."""
    add = "/admin/schedules/job/add/"
    page = page_of(ADMIN.get(add))
    assert 'name="file_config"' in page and "path (required)" in page
    given = sent(EngineJobForm()) | {"name": "from the form", "schedule_kind": "none", "target_kind": "file"}
    for text, complaint in (
        ("", "“path” is required."),
        ("{", "This is not JSON"),
        ("[]", "must be a JSON object"),
        ('{"path": "relative"}', "“path”"),
        (f'{{"path": "{file}", "retries": 1}}', "“retries” is not a known field."),
    ):
        refused = page_of(ADMIN.post(add, given | {"file_config": text}))
        assert complaint in refused, (text, EngineJobForm(given | {"file_config": text}).errors)
        assert set(EngineJobForm(given | {"file_config": text}).errors) == {"file_config"}
    saved = ADMIN.post(add, given | {"file_config": f'{{"path": "{file}"}}'})
    assert saved.status_code == 302, EngineJobForm(given).errors
    job = Job.objects.select_related("spec").get(name="from the form")
    assert (job.spec.target_kind, job.spec.target) == ("file", {"kind": "file", "path": str(file)})
    again: dict[str, Any] = sent(EngineJobForm(instance=job))
    assert EngineJobForm(again, instance=job).changed_data == []
    assert str(file) in again["file_config"]


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "scheduler_project.settings"
    django.setup()
    from django.contrib.auth import get_user_model
    from django.test.utils import setup_test_environment

    from executions.dispatch import dispatch_once
    from executions.worker import runner
    from schedules.models import Job
    from tests.documented import documented_client, fields_of
    from tests.job_form import EngineJobForm, sent
    from tests.staff import page_of, signed_in

    setup_test_environment()
    somebody = get_user_model().objects.create_superuser("somebody")
    API, ADMIN = documented_client(somebody), signed_in(somebody)
    main(Path(sys.argv[1]))
    print("The kind works.")
