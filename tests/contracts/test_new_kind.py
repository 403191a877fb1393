"""Proves that a kind of target is one module and one line: API, worker and admin then work with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.processes import database_url
from tests.extending import KIND

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


@pytest.mark.django_db(transaction=True)
def test_a_kind_from_one_module_is_served_by_api_worker_and_admin(tmp_path: Path) -> None:
    (tmp_path / "waits_for_files.py").write_text(KIND)
    variables = {
        "DATABASE_URL": database_url(),
        "MAINSPRING_DB_POOL": "0",
        "MAINSPRING_TARGET_MODULES": "waits_for_files",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
    }
    driven = subprocess.run(
        [sys.executable, "-m", "tests.contracts.new_kind", str(tmp_path / "in.csv")],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert driven.stdout.endswith("The kind works.\n"), driven.stdout[-3000:] + driven.stderr[-5000:]
