"""A verdict or a trace for people and programs: text, tables, JSON."""
