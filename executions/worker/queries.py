"""The SQL statement that stores the lines of logs."""

from __future__ import annotations

# logs.store: append lines, in the given order. The messages are one JSON text: for an array, the driver would escape
# each backslash and quotation mark in Python, which takes 2 s for a megabyte.
STORE_LINES = """
INSERT INTO executions_logline (run_id, attempt, at, level, message)
SELECT run_id, attempt, at, level, message
  FROM ROWS FROM (unnest(%(run_id)s::uuid[], %(attempt)s::int[], %(at)s::timestamptz[], %(level)s::text[]),
                  jsonb_array_elements_text(%(messages)s::jsonb))
    AS line (run_id, attempt, at, level, message)
"""
