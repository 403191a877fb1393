"""`make run` and the test stores: the virtual environment, embedded PostgreSQL and Valkey, and the supervisor."""
