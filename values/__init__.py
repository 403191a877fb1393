"""Modules that all other packages use. They import none of these packages.

They read and write ids, durations, instants and JSON, write errors about input, and run SQL statements.
"""
