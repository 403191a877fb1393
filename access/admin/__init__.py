"""The admin pages of API keys, users and groups, and the parts of pages that the other apps share: lists, filters, badges."""

from access.admin import keys, people

__all__ = ["keys", "people"]
