"""Warnings about behaviour of a schedule that people often do not expect."""
