"""The names of the commands of measured jobs, for processes without Django: their module needs its settings."""

NOOP = "bench.noop"
