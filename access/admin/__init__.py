"""The admin pages of API keys, users and groups."""

from access.admin import keys, people

__all__ = ["keys", "people"]
