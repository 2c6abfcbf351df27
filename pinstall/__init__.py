"""Install what is pinned, and prove it: a front for `pip install`."""

__version__ = "0.1.0"
