"""A Python in which packages are not installed."""

import sys
from importlib.abc import MetaPathFinder


class Missing(MetaPathFinder):
    """Finds none of these packages, and leaves all others to those who come after it."""

    def __init__(self, *packages):
        self._packages = packages

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self._packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def uninstall(monkeypatch, *packages):
    """Let no import find these packages until the test ends; modules that hold parts of them keep those."""
    for name in list(sys.modules):
        if name.partition(".")[0] in packages:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(*packages), *sys.meta_path])
