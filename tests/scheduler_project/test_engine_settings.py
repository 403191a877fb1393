"""Engine settings: read once, and a bad value refuses to start."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from scheduler_project.engine_settings import EngineSettings, reference
from scheduler_project.env import Environment

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_each_is_read_in_its_unit_and_the_rest_keep_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "grace").write_text("3.5\n")
    knobs = EngineSettings.from_environment(
        Environment(
            {
                "MAINSPRING_TICK_LIMIT": "7",
                "MAINSPRING_LEASE": "45",
                "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS": "true",
                "MAINSPRING_MISFIRE_GRACE_FILE": str(tmp_path / "grace"),
            }
        )
    )
    assert (knobs.tick_limit, knobs.lease, knobs.http_allow_private_networks) == (7, timedelta(seconds=45), True)
    assert knobs.misfire_grace == timedelta(seconds=3.5)
    assert knobs.heartbeat == EngineSettings().heartbeat


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAINSPRING_TICK_LIMIT", "many"),
        ("MAINSPRING_TICK_LIMIT", "0"),
        ("MAINSPRING_LEASE", "-1"),
        ("MAINSPRING_LEASE", "nan"),
        ("MAINSPRING_LEASE", "1e400"),
        ("MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS", "perhaps"),
        ("MAINSPRING_RETENTION_FILE", "no-such-file"),
        ("MAINSPRING_HEARTBEAT", "29"),
        ("MAINSPRING_MISFIRE_GRACE", "0.5"),
    ],
)
def test_a_bad_value_refuses_to_start_and_says_which(name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        EngineSettings.from_environment(Environment({name: value}))


def test_the_reference_page_lists_them_all_as_they_are() -> None:
    assert reference() in PAGE.read_text()
