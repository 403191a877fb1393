"""What web, worker and beat check before they start: Django runs its system checks for management commands alone."""

from __future__ import annotations

from django.core.checks import ERROR, run_checks

TAG = "targets"  # the one set of checks that looks neither at a database nor at modules that this process may not need


def start_problems() -> str:
    """Return why this process must not start, one sentence and its remedy a line; an empty text lets it start."""
    problems = [problem for problem in run_checks(tags=[TAG]) if problem.level >= ERROR and not problem.is_silenced()]
    return "\n".join(f"{problem.id}: {problem.msg} {problem.hint or ''}".rstrip() for problem in problems)
