"""Opening a file of ratings, whatever it is: a file of text that fits into memory, or a clear refusal."""

from __future__ import annotations

import codecs
import gzip
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import torch

from core.errors import UserError, first_line
from recommenders.memory import free_memory

#: No line is longer, in bytes. Reviews are a hundredth of that.
MAX_LINE = 2**20
#: Bytes of memory that reading takes, at its peak, for a byte of text and for a cell of a table (measured with 10
#: to 60 million cells: never more than a tenth above the sum of both; far below it where cells are blank).
PER_BYTE, PER_CELL = 5, 36
#: What a file that is not there, not text or not gzip raises.
_UNREADABLE = (OSError, UnicodeError, EOFError, zlib.error)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if its name ends with .gz.

    Raises:
        UserError: there is no such file, it is none (a folder, a pipe or a device, which may never end), or it
            cannot be read, here or inside the block.
    """
    try:
        if not _is_regular(path):
            raise UserError(f"{path}: could not read it: expected a file, got a folder, a pipe or a device")
        with cast(BinaryIO, gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            yield file
    except _UNREADABLE as error:
        raise UserError(f"{path}: could not read it: {getattr(error, 'strerror', None) or first_line(error)}") from None


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except ValueError as error:  # a zero in its name
        raise UserError(f"{path}: could not read it: {error}") from None


def is_folder(path: Path) -> bool:
    """Whether it is a folder; a path that no file can have is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def beginning(path: Path, encoding: str = "utf-8") -> str:
    """The first line, without its end.

    Raises:
        UserError: it cannot be read, is not text or is longer than MAX_LINE.
    """
    with opened(path) as file:
        start = file.read(MAX_LINE + 1)
    line = (start.splitlines() or [b""])[0]
    if len(line) > MAX_LINE:
        raise _too_long(path, 1)
    if b"\0" in line:
        raise _zero(path, 1, encoding)
    try:
        return line.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise _not_text(path, 1, error) from None


def check_text(path: Path, n_columns: int, encoding: str = "utf-8") -> int:
    """Go through a file without keeping it, and refuse what would be no text or too much of it.

    A packed file may hold a thousand times what it weighs, and a table of nothing but line ends takes a hundred
    times its size: so both bytes and cells are counted, and counting ends where memory would.

    Args:
        path: the file.
        n_columns: cells that a line of it becomes.
        encoding: of the text.

    Returns:
        How many lines it has.

    Raises:
        UserError: it cannot be read, is not text in this encoding, has a line longer than MAX_LINE, or would take
            more memory than is free.
    """
    free = free_memory(torch.device("cpu"))
    decoder = codecs.getincrementaldecoder(encoding)()
    read = _Read(path)
    with opened(path) as file:
        more = True
        while more:
            chunk = file.read(MAX_LINE)
            more = bool(chunk)
            if b"\0" in chunk:
                raise _zero(path, read.line(chunk[: chunk.index(b"\0")]), encoding)
            try:
                decoder.decode(chunk, final=not more)
            except UnicodeDecodeError as error:
                raise _not_text(path, read.line(error.object[: error.start]), error) from None
            read.take(chunk)
            if read.size * PER_BYTE + read.line() * n_columns * PER_CELL > free:
                raise UserError(
                    f"{path}: expected ratings that fit into memory, of which {free / 2**30:.1f} GiB are free; "
                    f"{read.line()} lines of it already take more, give a part of it"
                )
    return read.line() if read.open_line else read.line() - 1


@dataclass
class _Read:
    """What has been read of a file."""

    path: Path
    size: int = 0
    newlines: int = 0
    returns: int = 0
    open_line: int = 0
    """Bytes since the last end of a line."""

    def line(self, more: bytes = b"") -> int:
        """The number of the line that is reached after so many more bytes, whichever way lines end."""
        return 1 + max(self.newlines + more.count(b"\n"), self.returns + more.count(b"\r"))

    def take(self, more: bytes) -> None:
        ends = [place for place in (more.find(b"\n"), more.find(b"\r")) if place >= 0]
        if self.open_line + min(ends, default=len(more)) > MAX_LINE:
            raise _too_long(self.path, self.line())
        last = max(more.rfind(b"\n"), more.rfind(b"\r"))
        self.open_line = len(more) - last - 1 if ends else self.open_line + len(more)
        self.size += len(more)
        self.newlines += more.count(b"\n")
        self.returns += more.count(b"\r")


def _too_long(path: Path, line: int) -> UserError:
    return UserError(f"{path} line {line}: expected lines of at most {MAX_LINE} bytes, got a longer one")


def _zero(path: Path, line: int, encoding: str) -> UserError:
    return UserError(f"{path} line {line}: expected {encoding} text, got a zero byte: binary, or UTF-16?")


def _not_text(path: Path, line: int, error: UnicodeDecodeError) -> UserError:
    got = f"0x{error.object[error.start]:02x}"
    return UserError(f"{path} line {line}: expected {error.encoding} text, got the byte {got}; save it as such text")
