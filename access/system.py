"""The id of the system scope, which always exists."""

SYSTEM_SCOPE_ID = 0  # the id sequence starts at 1, so that no other scope gets this id
