"""What stops the two commands. Its text is one sentence for a person: what is wrong and what to do."""

from __future__ import annotations


class CannotLaunch(Exception):
    """Something on this machine stands in the way; the launcher prints the text and exits with 1."""
