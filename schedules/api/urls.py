"""The URLs of `schedules` below /api/v1/."""

from __future__ import annotations

from django.urls import path

from schedules.api.backfills import BackfillCancelView, BackfillView, JobBackfillListView, JobBackfillView
from schedules.api.flags import FeatureFlagListView, FeatureFlagView
from schedules.api.jobs import JobListView, JobPauseView, JobResumeView, JobRunListView, JobRunView, JobView
from schedules.api.ledger import JobExplainView
from schedules.api.pause_sets import ManyPauseView, PauseSetListView, PauseSetUndoView, PauseSetView
from schedules.api.registrations import JobByKeyView, JobRegistrationView
from schedules.api.schedules import SchedulePreviewView, ScheduleValidateView

urlpatterns = [
    path("jobs", JobListView.as_view(), name="jobs"),
    path("jobs/by-key", JobRegistrationView.as_view(), name="jobs-by-key"),
    path("jobs/by-key/<str:key>", JobByKeyView.as_view(), name="job-by-key"),
    path("jobs/<uuid:job_id>", JobView.as_view(), name="job"),
    path("jobs/<uuid:job_id>/pause", JobPauseView.as_view(), name="job-pause"),
    path("jobs/<uuid:job_id>/resume", JobResumeView.as_view(), name="job-resume"),
    path("jobs/<uuid:job_id>/run", JobRunView.as_view(), name="job-run"),
    path("jobs/<uuid:job_id>/explain", JobExplainView.as_view(), name="job-explain"),
    path("jobs/<uuid:job_id>/runs", JobRunListView.as_view(), name="job-runs"),
    path("feature-flags", FeatureFlagListView.as_view(), name="feature-flags"),
    path("feature-flags/<str:name>", FeatureFlagView.as_view(), name="feature-flag"),
    path("jobs/<uuid:job_id>/backfill", JobBackfillView.as_view(), name="job-backfill"),
    path("jobs/<uuid:job_id>/backfills", JobBackfillListView.as_view(), name="job-backfills"),
    path("backfills/<uuid:backfill_id>", BackfillView.as_view(), name="backfill"),
    path("backfills/<uuid:backfill_id>/cancel", BackfillCancelView.as_view(), name="backfill-cancel"),
    path("jobs/pause", ManyPauseView.as_view(), name="jobs-pause"),
    path("pauses", PauseSetListView.as_view(), name="pauses"),
    path("pauses/<uuid:pause_id>", PauseSetView.as_view(), name="pause-set"),
    path("pauses/<uuid:pause_id>/undo", PauseSetUndoView.as_view(), name="pause-undo"),
    path("schedules/preview", SchedulePreviewView.as_view(), name="schedule-preview"),
    path("schedules/validate", ScheduleValidateView.as_view(), name="schedule-validate"),
]
