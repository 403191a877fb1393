"""Examples for the OpenAPI document: named request bodies, and response bodies."""

from __future__ import annotations

from typing import Any

from executions.api import JOB_ID, RUN_ID

SCHEDULE: dict[str, Any] = {
    "kind": "cron",
    "cron": "30 2 * * *",
    "timezone": "America/New_York",
    "dst_gap": "shift",
    "dst_fold": "first",
}
DEFINITIONS: dict[str, Any] = {
    "HTTP request": {
        "name": "nightly report",
        "schedule": {"cron": "30 2 * * *", "timezone": "America/New_York"},
        "target": {"kind": "http", "method": "POST", "url": "https://reports.example.com/nightly"},
        "payload": {"format": "pdf"},
        "policies": {
            "timeout": "2m",
            "retry": {"max_retries": 5},
            "overlap": "buffer_all",
            "catch_up": {"mode": "all", "max_age": "1d", "max_runs": 10, "pace": "1m"},
            "jitter": "10m",
        },
    },
    "Command": {
        "name": "greeting",
        "schedule": {"every": "15m"},
        "target": {"kind": "command", "name": "demo.echo"},
        "payload": {"message": "Hello"},
    },
    "Solar schedule": {
        "name": "lights",
        "schedule": {"solar": "dusk_civil", "latitude": 52.5, "longitude": 13.4, "timezone": "Europe/Berlin"},
        "target": {"kind": "command", "name": "demo.echo"},
        "payload": {"message": "Light"},
    },
    "Delay after each run": {
        "name": "poller",
        "schedule": {"delay": "30s"},
        "target": {"kind": "http", "url": "https://queue.example.com/next"},
    },
    "Several schedules": {
        "name": "opening hours",
        "schedule": {
            "timezone": "Europe/Paris",
            "specs": [{"cron": "0 9 * * mon-fri"}, {"cron": "0 11 * * sat"}],
            "end_at": "2027-12-31T23:59:59",
        },
        "target": {"kind": "command", "name": "demo.echo"},
        "payload": {"message": "Good morning"},
    },
    "Concurrency and rate limits": {
        "name": "print labels",
        "schedule": {"every": "5s"},
        "target": {"kind": "command", "name": "demo.echo"},
        "policies": {
            "overlap": "buffer_one",
            "priority": "high",
            "concurrency": {"limit": 2, "key": "printer"},
            "rate_limit": {"limit": 10, "per": "1m", "burst": 3},
            "start_deadline": "10m",
            "pause_after_failures": 5,
        },
    },
    "Start after another job": {
        "name": "mail the report",
        "start_after": [{"job": JOB_ID, "on": "success"}],
        "target": {"kind": "command", "name": "demo.echo"},
    },
    "No schedule": {"name": "rebuild", "target": {"kind": "command", "name": "demo.echo"}},
}
CHANGES: dict[str, Any] = {
    "Change the time, keep the time zone": {"schedule": {"cron": "0 3 * * *"}},
    "Change one policy, and remove a limit": {"policies": {"timeout": "2m", "concurrency": None}},
    "Remove the chains": {"start_after": []},
    "Rename": {"name": "nightly report (PDF)"},
}
PAUSES: dict[str, Any] = {
    "Pause until resumed": {"reason": "The report server is being moved."},
    "Pause until an instant": {"reason": "Maintenance", "until": "2027-03-01T06:00:00Z", "catch_up": "last"},
    "Without a reason": {},
}
RESUMES: dict[str, Any] = {
    "Start none of the occurrences": {},
    "Preview": {"catch_up": "all", "dry_run": True},
    "Start the last occurrence": {"catch_up": "last"},
}
JOB: dict[str, Any] = {
    "id": JOB_ID,
    "key": "billing.nightly-report",
    "name": "nightly report",
    "description": "",
    "state": "active",
    "pause_reason": None,
    "paused_at": None,
    "paused_by": None,
    "paused_until_at": None,
    "pause_catch_up": None,
    "schedule": SCHEDULE,
    "schedule_description": "At 02:30 every day (America/New_York)",
    "start_after": [],
    "starts": [{"job": "019a9f5c-9d10-7b21-8f04-6e1d2c3b4a59", "on": "success"}],
    "target": {"kind": "http", "method": "POST", "url": "https://reports.example.com/nightly"},
    "payload": {"format": "pdf"},
    "policies": {
        "overlap": "skip",
        "retry": {"max_retries": 5, "backoff": "exponential", "delay": "5s", "max_delay": "1h", "jitter": True},
        "timeout": "2m",
        "delivery": "at_least_once",
        "catch_up": {"mode": "last", "max_age": "1h", "max_runs": 1000, "pace": None},
        "jitter": "0s",
        "priority": "medium",
        "concurrency": None,
        "rate_limit": None,
        "start_deadline": None,
        "pause_after_failures": None,
        "feature_flag": None,
    },
    "unreadable": {},
    "version": 1,
    "next_run_at": "2026-11-21T07:30:00Z",
    "next_start_at": "2026-11-21T07:30:00Z",
    "created_at": "2026-11-20T12:00:00Z",
    "updated_at": "2026-11-20T12:00:00Z",
    "links": {"runs": f"/api/v1/jobs/{JOB_ID}/runs"},
}
PAUSED: dict[str, Any] = {
    **JOB,
    "state": "paused",
    "pause_reason": "The report server is being moved.",
    "paused_at": "2026-11-20T14:00:00Z",
    "paused_by": "ann",
    "paused_until_at": "2027-03-01T06:00:00Z",
    "pause_catch_up": "none",
    "next_run_at": None,
    "next_start_at": None,
}
REGISTRATIONS: dict[str, Any] = {
    "The jobs of a service": {
        "jobs": [
            {
                "key": "billing.nightly-report",
                "name": "nightly report",
                "schedule": {"cron": "30 2 * * *", "timezone": "America/New_York"},
                "target": {"kind": "http", "method": "POST", "url": "https://reports.example.com/nightly"},
            },
            {"key": "billing.rebuild", "name": "rebuild", "target": {"kind": "command", "name": "demo.echo"}},
        ]
    },
}
REGISTERED: dict[str, Any] = {
    "jobs": [
        {"key": "billing.nightly-report", "id": JOB_ID, "outcome": "unchanged", "state": "active"},
        {
            "key": "billing.rebuild",
            "id": "019a9f5c-9d10-7b21-8f04-6e1d2c3b4a59",
            "outcome": "created",
            "state": "paused",
        },
    ]
}
JOB_PAGE: dict[str, Any] = {"next": None, "previous": None, "results": [JOB]}
PREVIEW_REQUESTS: dict[str, Any] = {
    "Across a clock change": {
        "schedule": {"cron": "30 2 * * *", "timezone": "America/New_York"},
        "after": "2027-03-13T00:00:00Z",
        "count": 2,
        "timezone": "Europe/Paris",
    },
    "With jitter": {"schedule": {"every": "1h"}, "jitter": "10m", "job_id": JOB_ID},
}
PREVIEW: dict[str, Any] = {
    "description": "At 02:30 every day (America/New_York)",
    "fires": [
        {
            "at": "2027-03-13T07:30:00Z",
            "local": "2027-03-13T02:30:00-05:00",
            "in_viewer_zone": "2027-03-13T08:30:00+01:00",
            "marks": [],
            "starts_at": None,
            "starts_before": None,
        },
        {
            "at": "2027-03-14T07:00:00Z",
            "local": "2027-03-14T03:00:00-04:00",
            "in_viewer_zone": "2027-03-14T08:00:00+01:00",
            "marks": ["gap"],
            "starts_at": None,
            "starts_before": None,
        },
    ],
    "dst_changes": [],
    "warnings": [],
    "timezone_data": "2026f",
}
VALIDATION_REQUESTS: dict[str, Any] = {
    "Valid": {"schedule": {"cron": "30 2 * * *", "timezone": "America/New_York"}},
    "Invalid": {"schedule": {"cron": "75 2 * * *"}},
}
VERDICT: dict[str, Any] = {
    "valid": True,
    "description": "At 02:30 every day (America/New_York)",
    "schedule": SCHEDULE,
    "next_run_at": "2026-11-21T07:30:00Z",
    "warnings": [
        (
            "On 14 March 2027 clocks in America/New_York go forward from 02:00 to 03:00. 02:30 does not exist that "
            "day: this schedule runs at 03:00 EDT instead."
        )
    ],
    "timezone_data": "2026f",
}
LEDGER: dict[str, Any] = {
    "after": "2026-11-20T00:00:00Z",
    "until": "2026-11-20T12:00:00Z",
    "kept_since": "2026-11-13T12:00:00Z",
    "timezone_data": "2026f",
    "counts": {"started": 1, "gap": 1},
    "left_out": None,
    "unreadable": None,
    "incidents": [
        {
            "why": "gaps",
            "text": "At least one due occurrence has no record.",
            "found_at": "2026-11-20T08:31:00Z",
            "raised_at": "2026-11-20T08:31:00Z",
            "over_at": None,
        }
    ],
    "not_covered": None,
    "runs": f"/api/v1/jobs/{JOB_ID}/runs",
    "entries": [
        {
            "nominal_at": "2026-11-20T02:30:00Z",
            "last_nominal_at": None,
            "n_occurrences": 1,
            "decision": "started",
            "reason": None,
            "text": "Ran, 21 ms late, took 491 ms, succeeded.",
            "run": {
                "id": RUN_ID,
                "status": "succeeded",
                "started_at": "2026-11-20T02:30:00.021Z",
                "finished_at": "2026-11-20T02:30:00.512Z",
                "planned_at": None,
                "lateness_ms": 21,
                "behind_plan_ms": None,
                "duration_ms": 491,
                "link": f"/api/v1/runs/{RUN_ID}",
            },
            "made_good_by": None,
        },
        {
            "nominal_at": "2026-11-20T08:30:00Z",
            "last_nominal_at": None,
            "n_occurrences": 1,
            "decision": "gap",
            "reason": None,
            "text": "It was due, and there is no record of it.",
            "run": None,
            "made_good_by": None,
        },
    ],
    "next": None,
}
