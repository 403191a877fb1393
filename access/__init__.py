"""Who: scopes and API keys. Imports none of the other apps."""
