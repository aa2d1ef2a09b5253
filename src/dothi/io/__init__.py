"""Formats: one module each, `read_…` gives tables, `write_…` takes them."""
