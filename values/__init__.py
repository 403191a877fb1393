"""Modules that all other packages use, and that import none of them.

They read and write ids, durations, instants and JSON, word errors about input, and run SQL statements.
"""
