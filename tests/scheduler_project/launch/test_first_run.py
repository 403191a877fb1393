"""What the launcher makes of Django's commands."""

from __future__ import annotations

import pytest

from scheduler_project.launch.first_run import gist

TRACEBACK = """Operations to perform:
Traceback (most recent call last):
  File "base.py", line 332, in connect
    raise last.with_traceback(None)
django.db.utils.OperationalError: connection to server at "127.0.0.1", port 1 failed: Connection refused
\tIs the server running on that host?
"""


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            TRACEBACK,
            'connection to server at "127.0.0.1", port 1 failed: Connection refused\n\tIs the server running on that host?',
        ),
        (
            "django.core.exceptions.ImproperlyConfigured: PORT is 'x': it takes a number.",
            "PORT is 'x': it takes a number.",
        ),
        ("CommandError: Conflicting migrations detected.", "Conflicting migrations detected."),
        ("one\ntwo", "one\ntwo"),
        ("", "it ended without a word."),
    ],
)
def test_a_person_reads_the_message_and_not_the_traceback(output: str, expected: str) -> None:
    assert gist(output) == expected
