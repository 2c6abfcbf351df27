"""Install what is pinned, and prove it: a front for `pip install`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

__version__ = "0.1.0"


def at_first_use(room: str, names: Sequence[str], **elsewhere: str) -> Callable[[str], ModuleType]:
    """Return a `__getattr__` for a package that imports the named modules of it at their first use (PEP 562).

    A satisfied run does not need these. `elsewhere` are the whole names of those that are not its own.
    """

    def load(name: str) -> ModuleType:
        import importlib

        if name not in names:
            raise AttributeError(name)
        return importlib.import_module(elsewhere.get(name, f"{room}.{name}"))

    return load
