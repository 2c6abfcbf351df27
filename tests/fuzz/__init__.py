"""Feed bytes that somebody else may have written to everything that reads such bytes."""
