"""Celery's prefork pool with processes that ignore SIGTERM (see `ignore_sigterm` in `celery.py`)."""

from __future__ import annotations

from signal import SIGKILL

from celery.concurrency import prefork


class PreforkPool(prefork.TaskPool):
    """Ends a process of the pool by SIGKILL, because SIGTERM does not end it. The reaper recovers its run."""

    def on_start(self) -> None:
        """Start the processes. From then on, `terminate_job` sends SIGKILL, whatever signal it is given."""
        super().on_start()
        send_signal = self.terminate_job

        def kill(pid: int, signal: int | None = None) -> None:
            send_signal(pid, SIGKILL)

        self.terminate_job = kill  # type: ignore[method-assign]  # as Celery's `on_start` does
