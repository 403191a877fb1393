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

from tests.acceptance.fresh_checkout import ROOT, Checkout, blocks, objects, terminal
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.fresh_checkout import Terminal

pytestmark = [pytest.mark.alone, pytest.mark.long, pytest.mark.timeout(900)]  # the first start installs the packages

RUN = 'curl -sS "http://127.0.0.1:8000/api/v1/runs/{}" -H "Authorization: Bearer $KEY"'
JOB = RUN.replace("runs", "jobs")


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    """A checkout of the files as they are now. The first `make run` makes its environment."""
    with tempfile.TemporaryDirectory(prefix="mainspring-newcomer-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL of root may have to run as `nobody`
        copy = Checkout(Path(folder))
        yield copy
        copy.forget()


def succeeded(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs of a list that have succeeded, the newest first."""
    return [run for run in answer["results"] if run["status"] == "succeeded"]


def has_ended(person: Terminal, run_id: str) -> bool:
    return bool(person.ask(RUN.format(run_id))["finished_at"])


def has_begun_since(at: datetime, run: dict[str, Any]) -> bool:
    return datetime.fromisoformat(run["started_at"]) > at


def wait_for_a_lull() -> None:
    """Between two occurrences, and their retries, there is time for a receiver to start."""
    wait_until(lambda: 4 <= datetime.now(UTC).second % 10 < 7, what="a moment between two occurrences")


def test_readme_and_tutorial_can_be_followed_one_after_the_other_in_two_terminals(checkout: Checkout) -> None:
    checkout.start(blocks("README.md")["Run it"][0])
    with terminal(checkout) as person:
        follow_readme(checkout, person)
        follow_tutorial(checkout, person)


def follow_readme(checkout: Checkout, person: Terminal) -> None:
    """A command runs on time, and is there again after a restart. At the end Mainspring is stopped."""
    readme = blocks("README.md")
    (run,), (create,), (watch, inspect, delete) = (
        readme[title] for title in ("Run it", "Create a job", "Watch it run")
    )
    for address in re.findall(r"<(http://127\.0\.0\.1:\S+)>", (ROOT / "README.md").read_text()):
        assert person.type(f"curl -so /dev/null -w '%{{http_code}}' {address}") in ("200", "302"), address

    job = person.ask(create)
    assert (job["name"], job["schedule_description"], job["state"]) == ("greeting", "Every 10 seconds", "active")
    assert datetime.fromisoformat(job["next_run_at"]).second % 10 == 0
    wait_until(lambda: len(succeeded(person.ask(watch))) >= 2, 40, what="two runs that have succeeded")
    for shown in succeeded(person.ask(watch)):
        assert datetime.fromisoformat(shown["nominal_at"]).second % 10 == 0
        assert shown["started_at"] and shown["finished_at"] and shown["duration_ms"] >= 0
        assert shown["worker"].startswith("command@") and shown["n_attempts"] == 1
    person.stand_ins["…"] = shown["id"]
    log, detail = objects(person.type(inspect))
    assert [line["message"] for line in log["results"]] == ["Hello from Mainspring"]
    (attempt,) = detail["attempts"]
    assert (attempt["status"], attempt["result"]["message"]) == ("succeeded", "Hello from Mainspring")

    assert checkout.press_ctrl_c() in (-signal.SIGINT, 128 + signal.SIGINT), "make itself ends by the signal"
    assert checkout.log.endswith("mainspring | Stopped.\n")
    checkout.start(run)
    assert "API key" not in checkout.log, "it is shown once"
    assert person.ask(JOB.format(job["id"]))["created_at"] == job["created_at"]
    assert person.ask(RUN.format(shown["id"]))["status"] == "succeeded"
    restarted_at = datetime.now(UTC)
    wait_until(
        lambda: any(has_begun_since(restarted_at, run) for run in succeeded(person.ask(watch))), 40, what="a run"
    )
    person.stand_ins["…"] = job["id"]
    assert person.type(delete) == ""
    assert person.ask(JOB.format(job["id"]))["status"] == 404
    assert checkout.interrupt() == 0
    assert checkout.log.endswith("mainspring | Stopped.\n")


def follow_tutorial(checkout: Checkout, person: Terminal) -> None:
    """A job fails, is repaired, paused and deleted; the receiver is stopped."""
    tutorial = blocks("docs/tutorial.md")
    checkout.start(tutorial["1. Start Mainspring"][0])
    person.type(tutorial["1. Start Mainspring"][1])

    preview, validate = tutorial["2. Preview a schedule"]
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

    create, keep, look, inspect = tutorial["3. Create a job whose target is missing"]
    person.stand_ins["…"] = person.ask(create)["id"]
    person.type(keep)
    wait_until(lambda: "failed" in {run["status"] for run in person.ask(look)["results"]}, 40, what="the failure")
    failed = person.ask(look)["results"][-1]
    person.stand_ins["…"] = failed["id"]
    attempts = person.ask(inspect)["attempts"]
    assert [attempt["error_code"] for attempt in attempts] == ["connection_failed"] * 3
    assert [bool(attempt["retry_at"]) for attempt in attempts] == [True, True, False]

    receiver, retry = tutorial["4. Repair the target"]
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
    assert person.type("curl -s http://127.0.0.1:9000/ || echo nobody there") == "nobody there\n"
    assert person.ask(JOB.format("$JOB"))["status"] == 404
    assert failed["id"] in {run["id"] for run in person.ask('ms "$API/runs?job=$JOB"')["results"]}
