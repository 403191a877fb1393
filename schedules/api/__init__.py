"""The REST API of jobs, schedules, pauses, backfills, the ledger and feature flags."""
