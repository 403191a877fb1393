"""Code for `make run` and for tests: the virtual environment, embedded PostgreSQL and Valkey, and the supervisor."""
