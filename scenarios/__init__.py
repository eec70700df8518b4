"""Scenario files: one a file, found by path."""
