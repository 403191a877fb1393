"""Proves that engine settings are read from the environment, and that a wrong value is refused by its name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from scheduler_project.engine_settings import EngineSettings, reference
from scheduler_project.env import Environment

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_each_setting_is_read_in_its_unit_and_the_others_keep_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "grace").write_text("3.5\n")
    settings = EngineSettings.from_environment(
        Environment(
            {
                "MAINSPRING_TICK_LIMIT": "7",
                "MAINSPRING_LEASE": "45",
                "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS": "true",
                "MAINSPRING_MISFIRE_GRACE_FILE": str(tmp_path / "grace"),
            }
        )
    )
    assert (settings.tick_limit, settings.lease, settings.http_allow_private_networks) == (
        7,
        timedelta(seconds=45),
        True,
    )
    assert settings.misfire_grace == timedelta(seconds=3.5)
    assert settings.heartbeat == EngineSettings().heartbeat


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
def test_a_wrong_value_raises_an_error_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        EngineSettings.from_environment(Environment({name: value}))


def test_the_reference_page_lists_all_settings_with_their_defaults() -> None:
    assert reference() in PAGE.read_text()
