"""The one scope that always is: the system's."""

SYSTEM_SCOPE_ID = 0  # below what the sequence gives, so that no scope made later meets it
