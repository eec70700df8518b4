"""The pytest door (filled in with the command)."""
