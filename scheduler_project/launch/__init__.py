"""The two commands: embedded stores, the environment they need, and the supervisor of `make run`."""
