"""Adds RedBeat entries.

`mass N` adds N entries that are not due. `due FIRST` adds an entry for each time of a JSON list on standard input,
numbered from FIRST.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.peers.redbeat.entries import save_all

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["mass", n_jobs]:
            tomorrow = time.time() + 80_000
            save_all((f"job {number}", tomorrow) for number in range(1, int(n_jobs) + 1))
        case ["due", first]:
            save_all((f"due {number}", at) for number, at in enumerate(json.load(sys.stdin), int(first)))
        case _:
            sys.exit(__doc__)
