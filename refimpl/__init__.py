"""A reference data loader that keeps the commit contract; usable on its own."""
