"""The running API keeps what its OpenAPI document says: schemathesis sends it thousands of requests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User

from access.models import ApiKey
from tests.acceptance.processes import database_url
from tests.web_process import running

if TYPE_CHECKING:
    from tests.web_process import WebProcess

HERE = Path(__file__).parent
SEED = "1"
MAX_EXAMPLES = "5"  # of each operation, in addition to some thousand requests at the bounds of each parameter


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.django_db(transaction=True)
def test_the_api_keeps_what_its_openapi_document_says(tmp_path: Path) -> None:
    user = User.objects.create_superuser("fuzzer")
    _, key = ApiKey.issue(user=user, name="fuzzer")
    with running(tmp_path, DATABASE_URL=database_url()) as web:
        result = subprocess.run(
            [*schemathesis_command(web), "--header", f"Authorization: Bearer {key}"],
            cwd=tmp_path,
            env=os.environ
            | {"SCHEMATHESIS_HOOKS": "tests.acceptance.schemathesis_checks", "PYTHONPATH": str(HERE.parents[1])},
            capture_output=True,
            text=True,
            timeout=390,
            check=False,
        )
    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr


def schemathesis_command(web: WebProcess) -> list[str]:
    host, port = web.address
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", f"http://{host}:{port}/api/v1/openapi.json", "--checks", "all", "--continue-on-failure"]
    return [*command, "--seed", SEED, "--max-examples", MAX_EXAMPLES, "--no-color", "--no-shrink"]
