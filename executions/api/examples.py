"""The examples of runs and commands in the OpenAPI document."""

from __future__ import annotations

from typing import Any

JOB_ID = "019a9f5c-7c00-7c3a-9a51-0c2f8f4b1d6e"
RUN_ID = "019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b"
RUN: dict[str, Any] = {
    "id": RUN_ID,
    "job": {"id": JOB_ID, "name": "nightly report"},
    "job_version": 3,
    "origin": "schedule",
    "retry_of": None,
    "caused_by": None,
    "backfill_id": None,
    "status": "failed",
    "reason": None,
    "priority": "medium",
    "nominal_at": "2026-11-20T02:30:00Z",
    "last_nominal_at": None,
    "n_occurrences": 1,
    "available_at": "2026-11-20T02:30:00Z",
    "planned_at": None,
    "expires_at": None,
    "created_at": "2026-11-20T02:30:00.004Z",
    "started_at": "2026-11-20T02:30:00.021Z",
    "finished_at": "2026-11-20T02:30:00.512Z",
    "duration_ms": 491,
    "lateness_ms": 21,
    "behind_plan_ms": None,
    "worker": "http@worker-1",
    "n_attempts": 1,
    "error_code": "http_status",
    "error": "The server answered 410 Gone.",
    "cancel_requested_at": None,
}
QUEUED: dict[str, Any] = {
    **RUN,
    "origin": "manual",
    "status": "queued",
    "started_at": None,
    "finished_at": None,
    "duration_ms": None,
    "lateness_ms": None,
    "worker": None,
    "n_attempts": 0,
    "error_code": None,
    "error": None,
}
DETAIL: dict[str, Any] = {
    "waits_for": None,
    "target": {"kind": "http", "method": "POST", "url": "https://reports.example.com/nightly"},
    "payload": {"format": "pdf"},
    "policies": {"overlap": "skip", "retry": {"max_retries": 3}, "timeout": "30s", "delivery": "at_least_once"},
    "unreadable": {},
}
RUN_DETAIL: dict[str, Any] = {
    **RUN,
    **DETAIL,
    "attempts": [
        {
            "number": 1,
            "status": "failed",
            "worker": "http@worker-1",
            "started_at": "2026-11-20T02:30:00.021Z",
            "finished_at": "2026-11-20T02:30:00.512Z",
            "duration_ms": 491,
            "error_code": "http_status",
            "error": "The server answered 410 Gone.",
            "result": {"response": {"status": 410}},
            "retry_at": None,
        }
    ],
    "events": [
        {"kind": "queued", "at": "2026-11-20T02:30:00.004Z", "attempt": 0, "reason": None, "actor": None},
        {"kind": "running", "at": "2026-11-20T02:30:00.021Z", "attempt": 1, "reason": None, "actor": None},
        {"kind": "failed", "at": "2026-11-20T02:30:00.512Z", "attempt": 1, "reason": "http_status", "actor": None},
    ],
}
QUEUED_DETAIL: dict[str, Any] = {
    **QUEUED,
    **DETAIL,
    "attempts": [],
    "events": [{"kind": "queued", "at": "2026-11-20T02:30:00.004Z", "attempt": 0, "reason": None, "actor": "admin"}],
}
CANCELLED_DETAIL: dict[str, Any] = {
    **QUEUED_DETAIL,
    "status": "cancelled",
    "finished_at": "2026-11-20T02:30:03Z",
    "cancel_requested_at": "2026-11-20T02:30:03Z",
}
RUNNING_DETAIL: dict[str, Any] = {
    **QUEUED_DETAIL,
    "status": "running",
    "started_at": "2026-11-20T02:30:00.021Z",
    "cancel_requested_at": "2026-11-20T02:30:03Z",
}
RUN_PAGE: dict[str, Any] = {"next": None, "previous": None, "results": [RUN]}
JOB_RUN_PAGE: dict[str, Any] = {**RUN_PAGE, "last_pruned": None}
LOG_PAGE: dict[str, Any] = {
    "next": None,
    "previous": None,
    "results": [{"attempt": 1, "at": "2026-11-20T02:30:00.021Z", "level": "info", "message": "3 pages written"}],
}
COMMANDS: dict[str, Any] = {
    "results": [
        {
            "name": "demo.echo",
            "description": "Return the message, after logging it.",
            "parameters": {
                "type": "object",
                "properties": {"message": {"type": "string", "default": "Hello from Mainspring"}},
                "additionalProperties": False,
            },
        }
    ]
}
