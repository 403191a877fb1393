"""System checks at the start of web, worker and beat: Django itself runs them for management commands only."""

from __future__ import annotations

from django.core.checks import ERROR, run_checks

TAG = "targets"  # other checks need a database, or import modules that this process may not need


def start_problems() -> str:
    """Return the errors that prevent the start, one line each with its hint; an empty string if there are none."""
    problems = [problem for problem in run_checks(tags=[TAG]) if problem.level >= ERROR and not problem.is_silenced()]
    return "\n".join(f"{problem.id}: {problem.msg} {problem.hint or ''}".rstrip() for problem in problems)
