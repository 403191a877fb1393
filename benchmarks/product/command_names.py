"""The names of the commands of measured jobs. Processes without Django can import this module, not `commands.py`."""

NOOP = "bench.noop"
