"""Read pip's cache, one file per layout.

May not: write, assume a pip version.
"""
