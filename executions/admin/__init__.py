"""The admin pages of what happened: runs, and the pieces of HTML that other admin pages show too."""

from executions.admin import runs

__all__ = ["runs"]
