"""laws room (being built)."""
