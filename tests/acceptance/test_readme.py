"""README and tutorial keep their word: their own lines, typed by a newcomer into a fresh checkout."""

from __future__ import annotations

import re
import signal
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.newcomer import ROOT, Checkout, blocks, terminal
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.newcomer import Terminal

pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]  # the first start installs the packages

RUN = 'curl -sS "http://127.0.0.1:8000/api/v1/runs/{}" -H "Authorization: Bearer $KEY"'
JOB = RUN.replace("runs", "jobs")


@pytest.fixture(scope="module")
def copy() -> Iterator[Checkout]:
    """A checkout of the files as they are now. Its environment is made by the first `make run`."""
    with tempfile.TemporaryDirectory(prefix="mainspring-newcomer-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL of root may have to run as `nobody`
        yield Checkout(Path(folder))


@pytest.fixture
def checkout(copy: Checkout) -> Iterator[Checkout]:
    """The checkout without any data."""
    yield copy
    copy.forget()


def succeeded(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs of a list that have succeeded, the newest first."""
    return [run for run in answer["results"] if run["status"] == "succeeded"]


def has_ended(person: Terminal, run_id: str) -> bool:
    return bool(person.ask(RUN.format(run_id))["finished_at"])


def wait_for_a_lull() -> None:
    """Between two occurrences, and their retries, there is time for a receiver to start."""
    wait_until(lambda: 4 <= datetime.now(UTC).second % 10 < 7, what="a moment between two occurrences")


def test_the_readme_leads_from_a_checkout_to_a_job_that_runs_on_time_and_outlives_its_processes(
    checkout: Checkout,
) -> None:
    readme = blocks("README.md")
    (run,), (allow, create), (watch,) = (readme[title] for title in ("Run it", "Create a job", "Watch it run"))
    checkout.start(run)
    with terminal(checkout) as person:
        for address in re.findall(r"<(http://127\.0\.0\.1:\S+)>", (ROOT / "README.md").read_text()):
            assert person.type(f"curl -so /dev/null -w '%{{http_code}}' {address}") in ("200", "302"), address
        assert checkout.press_ctrl_c() in (-signal.SIGINT, 128 + signal.SIGINT), "make itself ends by the signal"
        assert checkout.log.endswith("mainspring | Stopped.\n")

        checkout.start(allow)
        assert "API key" not in checkout.log, "it is shown once"
        wait_for_a_lull()
        job = person.ask(create)
        assert (job["name"], job["schedule_description"], job["state"]) == ("greeting", "Every 10 seconds", "active")
        assert datetime.fromisoformat(job["next_run_at"]).second % 10 == 0
        wait_until(lambda: len(person.received()) >= 2, 40, what="two calls")
        assert {(second % 10, body["greeting"]) for second, _, body in person.received()} == {(0, "hello")}

        wait_until(lambda: len(succeeded(person.ask(watch))) >= 2, what="two runs that have succeeded")
        for shown in succeeded(person.ask(watch)):
            assert datetime.fromisoformat(shown["nominal_at"]).second % 10 == 0
            assert shown["started_at"] and shown["finished_at"] and shown["duration_ms"] > 0
            assert shown["worker"].startswith("http@") and shown["n_attempts"] == 1
            (attempt,) = person.ask(RUN.format(shown["id"]))["attempts"]
            assert (attempt["status"], attempt["result"]["response"]["status"]) == ("succeeded", 200)

        assert checkout.interrupt() == 0
        assert checkout.log.endswith("mainspring | Stopped.\n")
        checkout.start(allow)
        n_received = len(person.received())
        assert person.ask(JOB.format(job["id"]))["created_at"] == job["created_at"]
        assert person.ask(RUN.format(shown["id"]))["status"] == "succeeded"
        wait_until(lambda: len(person.received()) > n_received, 40, what="a call after the restart")


def test_the_tutorial_leads_to_a_failure_its_repair_and_a_pause(checkout: Checkout) -> None:
    tutorial = blocks("docs/tutorial.md")
    checkout.start(tutorial["1. Start Mainspring"][0])
    with terminal(checkout) as person:
        person.type(tutorial["1. Start Mainspring"][1])

        preview, validate = tutorial["2. Look before you leap"]
        answer = person.ask(preview)
        assert [(fire["local"], fire["marks"]) for fire in answer["fires"]] == [
            ("2027-03-13T02:30:00-05:00", []),
            ("2027-03-14T03:00:00-04:00", ["gap"]),
            ("2027-03-15T02:30:00-04:00", []),
        ]
        assert [change["kind"] for change in answer["dst_changes"][:2]] == ["gap", "fold"]
        assert "25 hours" in answer["dst_changes"][1]["text"]
        answer = person.ask(validate)
        assert not answer["valid"] and answer["errors"]

        create, keep, look, inspect = tutorial["3. A job whose target is not there"]
        person.stand_ins["…"] = person.ask(create)["id"]
        person.type(keep)
        wait_until(lambda: "failed" in {run["status"] for run in person.ask(look)["results"]}, 40, what="the failure")
        failed = person.ask(look)["results"][-1]
        person.stand_ins["RUN_ID"] = failed["id"]
        attempts = person.ask(inspect)["attempts"]
        assert [attempt["error_code"] for attempt in attempts] == ["connection_failed"] * 3
        assert [bool(attempt["retry_at"]) for attempt in attempts] == [True, True, False]

        receiver, retry = tutorial["4. Repair it"]
        wait_for_a_lull()
        person.type(receiver)
        wait_until(lambda: len(person.received()) >= 2, 40, what="two calls")
        (first, key, body), (second, same_key, _) = person.received()[:2]
        assert (key, body) == (same_key, {"day": "today"})
        assert 2 <= (second - first) % 60 < 10, "the server asked for two seconds"
        wait_until(partial(has_ended, person, key), what="the end of the run")
        attempts = person.ask(RUN.format(key))["attempts"]
        assert [attempt["status"] for attempt in attempts] == ["failed", "succeeded"]
        again = person.ask(retry)
        assert again["retry_of"] == failed["id"]
        wait_until(partial(has_ended, person, again["id"]), what="the end of the retry")
        assert person.ask(RUN.format(again["id"]))["status"] == "succeeded"

        pause, clean_up = tutorial["5. Pause, resume, clean up"]
        runs = person.ask(pause)["results"]
        assert ("skipped", "paused") in {(run["status"], run["reason"]) for run in runs}
        assert person.type(clean_up) == ""
        assert person.ask(JOB.format("$JOB"))["status"] == 404
        assert failed["id"] in {run["id"] for run in person.ask('ms "$API/runs?job=$JOB"')["results"]}
