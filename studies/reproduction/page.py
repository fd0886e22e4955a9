"""A reproduction as Markdown: a page of its own, and the blocks of tables that a document may hold."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence

from core.common.errors import UserError
from studies.common.processes import usable_cores
from studies.reproduction.table import Table
from studies.study.recording import versions

_BLOCK = re.compile(r"^<!-- (begin|end) ([\w-]+) -->$", re.MULTILINE)


def block(name: str, tables: Sequence[Table]) -> str:
    """The tables between marks that say whose they are."""
    return f"<!-- begin {name} -->\n" + "\n".join(table.markdown() for table in tables) + f"<!-- end {name} -->\n"


def blocks(document: str) -> dict[str, str]:
    """The blocks of a document by name, marks included, as `block` writes them.

    Raises:
        UserError: a block without an end, within another one, or twice.
    """
    found, marks = dict[str, str](), list(_BLOCK.finditer(document))
    for begin, end in zip(marks[::2], [*marks[1::2], None], strict=False):
        name = begin[2]
        if begin[1] != "begin" or end is None or (end[1], end[2]) != ("end", name):
            raise UserError(f"block {name}: expected a begin and then its end")
        if name in found:
            raise UserError(f"block {name}: expected once, got twice")
        found[name] = document[begin.start() : end.end()] + "\n"
    return found


def machine() -> str:
    """What kind of machine this is."""
    known = ", ".join(f"{name} {version}" for name, version in versions().items())
    return f"{platform.machine()}, {platform.system()}, {usable_cores()} cores; {known}"


def page(
    name: str, about: str, made: str, tables: Sequence[Table], notes: Sequence[str], pictures: Sequence[str]
) -> str:
    """A page of its own.

    Args:
        name: of the reproduction.
        about: it, in a sentence.
        made: how and where, in a sentence.
        tables: of it.
        notes: sentences about it.
        pictures: names of files beside the page.
    """
    parts = [f"# {name}\n\n{about}\n\n{made}\n", block(name, tables)]
    if notes:
        parts.append("".join(f"- {note}\n" for note in notes))
    parts += [f"![{file.removesuffix('.png')}]({file})\n" for file in pictures]
    return "\n".join(parts)
