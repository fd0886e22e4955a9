"""What is to be told to MLflow, kept in a file until it was: no server has to be there for nothing to be lost.

A line holds one entry, a JSON object with a `kind`. The file only grows; how much of it a server has is written
beside it. Entries may reach a server twice, and whoever sends them makes sure that it does not matter.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from studies.storage.output import OutputFolder

_ENTRIES, _SENT = "tracking.jsonl", "tracking.sent"

#: An entry, with its `kind`.
Entry = Mapping[str, Any]


class Journal:
    """The entries of one study.

    Args:
        folder: of the study.
        server: where entries are sent: another one has had none of them.
        warn: told in a sentence that the file cannot be written; entries wait in memory then.

    Raises:
        UserError: the folder holds somebody else's files of these names.
    """

    def __init__(self, folder: OutputFolder, server: str, warn: Callable[[str], None]) -> None:
        self._folder, self._server, self._warn = folder, server, warn
        folder.claim(_ENTRIES, _SENT)
        self.entries: list[Entry] = self._read()
        """All of them, in order."""
        self._written, self._failed = len(self.entries), False
        self._n_sent = self._read_sent()

    @property
    def path(self) -> Path:
        """The file."""
        return self._folder.path / _ENTRIES

    @property
    def id(self) -> str:
        """What runs of this study are tagged with, so that they are found again."""
        return str(self.entries[0]["id"])

    def _read(self) -> list[Entry]:
        """The entries that are whole; what a kill left of another one is cut off."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return []
        entries, end = list[Entry](), 0
        for line in content.splitlines(keepends=True):
            try:
                entry = json.loads(line)
            except ValueError:
                break
            if not line.endswith(b"\n") or not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
                break
            entries.append(entry)
            end += len(line)
        if entries and (entries[0]["kind"] != "begin" or not isinstance(entries[0].get("id"), str)):
            entries, end = [], 0
        if end < len(content):
            with suppress(OSError), self.path.open("r+b") as file:
                file.truncate(end)
        return entries

    def _read_sent(self) -> int:
        try:
            stored = json.loads((self._folder.path / _SENT).read_text(encoding="utf-8"))
            server, n = stored["server"], stored["sent"]
        except (OSError, ValueError, TypeError, KeyError):
            return 0
        return n if server == self._server and type(n) is int and 0 <= n <= len(self.entries) else 0

    def is_of(self, params: Mapping[str, Any]) -> bool:
        """Whether these entries are of a study with these params."""
        return bool(self.entries) and self.entries[0].get("params") == json.loads(json.dumps(dict(params)))

    def begin(self, **content: Any) -> None:
        """The first entry, unless it is there."""
        if not self.entries:
            self.add("begin", id=uuid.uuid4().hex, **content)

    def add(self, kind: str, **content: Any) -> None:
        """One more entry: plain data, finite numbers."""
        self.entries.append({"kind": kind, **content})
        self._write()

    def _write(self) -> None:
        """Append what is not in the file yet: all of it or, where the disk is full, nothing."""
        lines = "".join(json.dumps(entry, allow_nan=False) + "\n" for entry in self.entries[self._written :]).encode()
        try:
            with self._folder.growing(_ENTRIES).open("ab") as file:
                before = file.tell()
                try:
                    file.write(lines)
                    file.flush()
                except OSError:
                    file.truncate(before)
                    raise
        except (OSError, UserError) as error:
            if not self._failed:
                problem = error.strerror if isinstance(error, OSError) else error
                self._warn(f"{self.path}: cannot write it: {problem}; what MLflow has not got is lost on a kill")
            self._failed = True
            return
        self._written, self._failed = len(self.entries), False

    @property
    def waiting(self) -> list[Entry]:
        """The entries that the server has not got, as far as we know."""
        return self.entries[self._n_sent :]

    def sent(self, n: int) -> None:
        """The server has n entries more."""
        self._n_sent += n
        with suppress(UserError):  # they would be sent again, which changes nothing
            self._folder.growing(_SENT)
            self._folder.write_json(_SENT, {"server": self._server, "sent": self._n_sent})

    def remove(self) -> None:
        """The server has everything."""
        for name in (_ENTRIES, _SENT):
            self._folder.remove(name)

    def set_aside(self) -> None:
        """Make room for another study; what this one's server has not got is kept beside."""
        if self.waiting:
            with suppress(UserError):
                self._folder.set_aside(_ENTRIES)
        self.remove()
        self.entries, self._written, self._n_sent = [], 0, 0
