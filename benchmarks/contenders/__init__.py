"""Mainspring and its peers behind one face, so that all are measured by the same code."""
