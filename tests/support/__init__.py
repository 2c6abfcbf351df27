"""Builders of everything the tests need from outside: artifacts, an index, environments, caches, processes."""
