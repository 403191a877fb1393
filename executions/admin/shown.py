"""The badge of a run and the URL of its page, for every admin page that shows runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from access.admin.badges import badge
from executions.states import STATUS_LABELS, RunStatus

if TYPE_CHECKING:
    from uuid import UUID

    from django.utils.safestring import SafeString

    from executions.models import PrunedRun, Run


def run_badge(run: Run | PrunedRun) -> SafeString:
    """Return the badge with a run's status. A running run that has a stop request is shown as `Stopping`."""
    label, tone = STATUS_LABELS[RunStatus(run.status)]
    if run.status == RunStatus.RUNNING and run.cancel_requested_at:
        return badge("Stopping", "warning", "The run was asked to stop.")
    return badge(label, tone)


def run_url(run_id: UUID) -> str:
    """Return the URL of a run's page."""
    return reverse("admin:executions_run_change", args=[run_id])
