"""Removes what may be secret from the texts of a server before they are stored."""
