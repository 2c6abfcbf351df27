"""Have pip resolve what is asked, and write down what it chose."""

from pinstall.commands.lock.command import lock

__all__ = ["lock"]
