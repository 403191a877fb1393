"""Run policies: overlap, concurrency and rate limits, retries."""
