"""A beat with a wrong database password, name or schema logs the reason repeatedly, without a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.acceptance.processes import database_url
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.acceptance.processes import Processes

pytestmark = pytest.mark.django_db(transaction=True)

SLEEP = {"kind": "command", "name": "demo.sleep"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"netloc": "nobody:wrong@"}, 'password authentication failed for user "nobody"'),
        ({"path": "/nowhere"}, 'database "nowhere" does not exist'),
        ({"path": "/postgres"}, "run manage.py migrate"),
    ],
    ids=["password", "name", "migrations"],
)
def test_a_beat_logs_repeatedly_what_is_wrong_with_its_database(
    processes: Processes, change: dict[str, str], reason: str
) -> None:
    url = urlsplit(database_url())
    if "netloc" in change:
        change = {"netloc": change["netloc"] + url.netloc.rpartition("@")[2]}
    misled = processes.with_environment(DATABASE_URL=url._replace(**change).geturl(), MAINSPRING_DB_POOL="0")
    misled.start("beat")
    try:
        wait_until(lambda: misled.log_of("beat").count(reason) >= 2, 30, what=reason)
        assert misled.is_running("beat")
        assert not misled.tracebacks()
        misled.stop("beat")
    finally:
        misled.kill_all()
