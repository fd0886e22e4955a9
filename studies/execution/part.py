"""The parts of a comparison: what can be computed alone, in any order and in any process, and is kept in a file.

A part's name ends in a digest of all that decides over its content, so that what lies in the folder is either
exactly what is needed or not looked at: a comparison that was interrupted, or asked for again with more seeds or
searchers, does only what is missing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from studies.storage.identity import code_digest
from studies.storage.output import OutputFolder

#: Raised when the content of a part changes its meaning, so that older files are not taken for new ones.
_VERSION = 1
#: What files of parts are called, and folders with the checkpoints of parts.
_NAMES, CHECKPOINTS = f"*-{12 * '[0-9a-f]'}.json", ".checkpoints"


@dataclass(frozen=True)
class Part:
    """Something to compute."""

    kind: str
    """Which function does it, see `studies.execution.work`."""
    label: str
    """What a person calls it."""
    content: Mapping[str, Any]
    """Everything that it depends on: strings, numbers, lists and dicts."""

    @cached_property
    def file(self) -> str:
        """The name of its file."""
        text = json.dumps([_VERSION, self.kind, self.content], sort_keys=True, allow_nan=False)
        readable = re.sub(r"[^a-z0-9.]+", "-", self.label.lower()).strip("-")[:60]
        return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"


def code() -> str:
    """A digest of the sources that decide over the content of parts."""
    return code_digest("core", "recommenders", "searchers")


class PartsFolder:
    """Where parts are kept.

    Args:
        path: made if it is not there; nobody else's files may be in it, and no other process at work.

    Raises:
        UserError: it cannot be made or written, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._folder = OutputFolder(path, patterns=(_NAMES, f"{_NAMES}{CHECKPOINTS}"))
        self._folder.sweep()

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._folder.path

    def read(self, part: Part) -> dict[str, Any] | None:
        """What an earlier run found; None if there is nothing, or nothing whole."""
        try:
            stored = json.loads((self._folder.path / part.file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return stored if isinstance(stored, dict) and stored.get("kind") == part.kind else None

    def write(self, part: Part, found: Mapping[str, Any]) -> dict[str, Any]:
        """Keep what was found; returns it as it will be read.

        Raises:
            UserError: the disk is full.
        """
        self._folder.write_json(part.file, {"kind": part.kind, "label": part.label, "code": code(), **found})
        stored = self.read(part)
        if stored is None:
            raise UserError(f"{self._folder.path / part.file}: cannot be read back; is the disk failing?")
        return stored

    def withdraw(self) -> None:
        """Remove the folder if nothing was written."""
        self._folder.withdraw()
