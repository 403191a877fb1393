"""The admin pages of API keys, users and groups, and the lists, filters and badges that all admin pages share."""

from access.admin import keys, people

__all__ = ["keys", "people"]
