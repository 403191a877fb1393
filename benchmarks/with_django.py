"""`python -m benchmarks.with_django MODULE [argument ...]`: sets up Django, then runs a module that imports models."""

from __future__ import annotations

import runpy
import sys

import django

if __name__ == "__main__":
    del sys.argv[0]
    django.setup()
    runpy.run_module(sys.argv[0], run_name="__main__")
