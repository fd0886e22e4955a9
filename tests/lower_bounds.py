"""The lowest version that pyproject.toml declares for every dependency of the product, as constraints for pip.

`python -m tests.lower_bounds [--but NAME]... > FILE`, then `pip install --constraint FILE ".[dev]"`, as in
`make minimum`.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Collection
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: name, its lowest version, what else is asked of it.
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?:\[[a-z,]+\])?>=(?P<lowest>[0-9.]+)(?:,[^;]*)?(?P<marker>;.*)?")
#: Extras that are no part of the product, and those that only name others.
_NOT_OURS = ("dev", "all")


def lower_bounds(text: str, but: Collection[str] = ()) -> list[str]:
    """A line `name==lowest` for every dependency of the product, in order.

    Args:
        text: of pyproject.toml.
        but: names to leave out.

    Raises:
        ValueError: a dependency has no lower bound, or one of `but` is none.
    """
    project = tomllib.loads(text)["project"]
    extras = project.get("optional-dependencies", {})
    lines = [*project["dependencies"], *(line for name in extras if name not in _NOT_OURS for line in extras[name])]
    bounds = {}
    for line in lines:
        read = _REQUIREMENT.fullmatch(line)
        if read is None:
            raise ValueError(f"expected NAME>=VERSION, got {line!r}")
        bounds[read["name"]] = f"{read['name']}=={read['lowest']}{read['marker'] or ''}"
    unknown = sorted(set(but) - set(bounds))
    if unknown:
        raise ValueError(f"--but: expected names of dependencies, got {', '.join(unknown)}")
    return sorted(bound for name, bound in bounds.items() if name not in but)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.lower_bounds", description=__doc__)
    parser.add_argument("--but", action="append", default=[], metavar="NAME", help="leave this one as pip resolves it")
    print("\n".join(lower_bounds((ROOT / "pyproject.toml").read_text(encoding="utf-8"), parser.parse_args().but)))


if __name__ == "__main__":
    main()
