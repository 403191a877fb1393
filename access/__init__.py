"""Users, API keys and scopes, and the base of the REST API. Imports none of the other apps."""
