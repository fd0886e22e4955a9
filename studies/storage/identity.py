"""What decides over a result: a digest of the sources, and whether settings are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from core.common.errors import UserError

_ROOT = Path(__file__).parents[2]


@cache
def code_digest(*rooms: str) -> str:
    """Of the sources in these rooms, or files."""
    digest = hashlib.sha256()
    places = [_ROOT / room for room in rooms]
    for path in sorted(path for room in places for path in (room.rglob("*.py") if room.is_dir() else (room,))):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def check_same(whose: str, there: Mapping[str, Any], here: Mapping[str, Any], otherwise: str) -> None:
    """Refuse to go on with what is another one's.

    Args:
        whose: what is there, and its verb, for the message.
        there: what decided over it, by name.
        here: the same of what should go on.
        otherwise: what else can be done.

    Raises:
        UserError: they differ; says in what.
    """
    for name in {**there, **here}:
        if there.get(name) != here.get(name):
            raise UserError(
                f"{whose} with {name} {str(there.get(name))[:80]}, this one has {str(here.get(name))[:80]}; give "
                f"the same settings to go on, or {otherwise}"
            )
