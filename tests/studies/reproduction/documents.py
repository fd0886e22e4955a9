"""The blocks of tables that a document holds, and what of its text does not depend on the machine."""

import re

_BLOCK = re.compile(r"^<!-- (begin|end) ([\w-]+) -->$", re.MULTILINE)


def blocks(document):
    """The blocks of a document by name, marks included, as `block` writes them.

    Raises:
        ValueError: a block without an end, within another one, or twice.
    """
    found, marks = dict[str, str](), list(_BLOCK.finditer(document))
    for begin, end in zip(marks[::2], [*marks[1::2], None], strict=False):
        name = begin[2]
        if begin[1] != "begin" or end is None or (end[1], end[2]) != ("end", name):
            raise ValueError(f"block {name}: expected a begin and then its end")
        if name in found:
            raise ValueError(f"block {name}: expected once, got twice")
        found[name] = document[begin.start() : end.end()] + "\n"
    return found


def timeless(text):
    """A text without how long a command took, and without the command."""
    return re.sub(r" in [\d,]+ seconds| by `[^`]*`", "", text)
