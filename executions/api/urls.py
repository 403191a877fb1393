"""The URLs of runs and commands, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from executions.api.commands import CommandListView
from executions.api.runs import RunCancelView, RunListView, RunLogView, RunRetryView, RunView

urlpatterns = [
    path("runs", RunListView.as_view(), name="runs"),
    path("runs/<uuid:run_id>", RunView.as_view(), name="run"),
    path("runs/<uuid:run_id>/log", RunLogView.as_view(), name="run-log"),
    path("runs/<uuid:run_id>/retry", RunRetryView.as_view(), name="run-retry"),
    path("runs/<uuid:run_id>/cancel", RunCancelView.as_view(), name="run-cancel"),
    path("commands", CommandListView.as_view(), name="commands"),
]
