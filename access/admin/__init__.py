"""The admin pages of API keys, users and groups, and what the other apps' pages share: lists, filters, badges."""

from access.admin import keys, people

__all__ = ["keys", "people"]
