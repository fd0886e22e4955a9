"""Opening a file of ratings: its bytes, unpacked if it is packed, or a clear refusal."""

from __future__ import annotations

import codecs
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from core.common.errors import UserError, first_line
from recommenders.data.decompression import BROKEN, decompressed
from recommenders.data.file_formats import HEAD_BYTES, PARQUET, compression, describe_unsupported

#: Longest line in bytes. Reviews are a hundredth of that.
MAX_LINE = 2**20


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked if its content (whatever its name) is packed by gzip, bzip2, xz or zip.

    Raises:
        UserError: the file is missing, or not a regular one (folders, and pipes and devices, which may never end),
            belongs to another program, or cannot be read, here or inside the block.
    """
    try:
        if not _is_regular(path):
            raise UserError(f"{path}: could not read it: expected a file, got a folder, a pipe or a device")
        with path.open("rb") as file:
            method = compression(_checked_head(file, path))
            if method is None:
                yield cast(BinaryIO, file)
                return
            with decompressed(cast(BinaryIO, file), method, path) as content:
                _check_content(content, method, path)
            file.seek(0)
            with decompressed(cast(BinaryIO, file), method, path) as content:
                yield content
    except (UnicodeError, *BROKEN) as error:
        raise UserError(f"{path}: could not read it: {getattr(error, 'strerror', None) or first_line(error)}") from None


def _checked_head(file: BinaryIO, path: Path) -> bytes:
    """Return the first bytes of a file, unless they are those of another program."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    kind = describe_unsupported(head)
    if kind is not None:
        raise UserError(f"{path}: expected a table, got {kind}")
    return head


def _check_content(content: BinaryIO, method: str, path: Path) -> None:
    """Refuse a packed file that does not hold text."""
    head = content.read(HEAD_BYTES)
    again = compression(head)
    kind = "a Parquet file" if head.startswith(PARQUET) else again and f"a file that is packed once more, by {again}"
    kind = f"{kind}; unpack it" if kind else describe_unsupported(head)
    if kind is not None:
        raise UserError(f"{path}: expected a table packed by {method}, got {kind}")


def is_parquet(path: Path) -> bool:
    """Tell whether a file begins as Parquet does.

    Raises:
        UserError: see `open_binary`.
    """
    with open_binary(path) as file:
        return file.read(len(PARQUET)) == PARQUET


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except ValueError as error:  # a zero in its name
        raise UserError(f"{path}: could not read it: {error}") from None


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder; False for a path that no file can have."""
    try:
        return path.is_dir()
    except OSError:
        return False


def read_first_line(path: Path) -> str:
    """Return the first line without its end.

    Raises:
        UserError: the file cannot be read, is not UTF-8, or its first line is longer than MAX_LINE.
    """
    with open_binary(path) as file:
        start = file.read(MAX_LINE + 1)
    line = (start.splitlines() or [b""])[0]
    TextScanner(path).feed(line, final=True)
    return line.decode().removeprefix("\ufeff")


def read_first_lines(path: Path) -> list[str]:
    """Return up to 1,000 lines from the first 2 MAX_LINE bytes; bytes that are not UTF-8 are replaced."""
    with open_binary(path) as file:
        start = file.read(2 * MAX_LINE)
    return [line.decode(errors="replace") for line in re.split(rb"\r\n|\n|\r", start, maxsplit=1_000)[:1_000]]


class LineCounter:
    """Counts the lines of a file that is read in blocks, whichever way they end."""

    def __init__(self) -> None:
        self.newlines = self.returns = 0

    def add(self, block: bytes, stop: int | None = None) -> None:
        """Count the line ends in a block.

        Args:
            block: the next bytes.
            stop: the end of what is counted of them; None for all.
        """
        self.newlines += block.count(b"\n", 0, stop)
        self.returns += block.count(b"\r", 0, stop)

    def line(self, block: bytes = b"", stop: int | None = None) -> int:
        """Return the number, from 1, of the line that is reached after further bytes.

        Args:
            block: bytes that are not counted yet.
            stop: the end of what is reached of them; None for all.
        """
        return 1 + max(self.newlines + block.count(b"\n", 0, stop), self.returns + block.count(b"\r", 0, stop))


class TextScanner:
    """Checks that a file that is read in blocks is text with lines of bearable length, and counts bytes and lines.

    Args:
        path: the file, for messages.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._decoder = path, codecs.getincrementaldecoder("utf-8")()
        self.counter, self.size, self.open_line = LineCounter(), 0, 0
        """The line ends, all bytes, and the bytes since the last line end."""

    def feed(self, block: bytes, final: bool) -> None:
        """Check the next block.

        Args:
            block: the bytes after the last block.
            final: whether it is the last one; feed b"" then if the end was not known before.

        Raises:
            UserError: a zero byte, bytes that are not UTF-8, or a line longer than MAX_LINE.
        """
        if b"\0" in block:
            raise self._error(
                self.counter.line(block, block.index(b"\0")),
                "expected utf-8 text, got a zero byte: binary, or UTF-16?",
            )
        try:
            self._decoder.decode(block, final)
        except UnicodeDecodeError as error:
            got = f"got the byte 0x{error.object[error.start]:02x}; save it as such text"
            raise self._error(self.counter.line(error.object, error.start), f"expected utf-8 text, {got}") from None
        ends = [place for place in (block.find(b"\n"), block.find(b"\r")) if place >= 0]
        if self.open_line + min(ends, default=len(block)) > MAX_LINE:
            raise self._error(self.counter.line(), f"expected lines of at most {MAX_LINE} bytes, got a longer one")
        last = max(block.rfind(b"\n"), block.rfind(b"\r"))
        self.open_line = len(block) - last - 1 if ends else self.open_line + len(block)
        self.size += len(block)
        self.counter.add(block)

    def _error(self, line: int, problem: str) -> UserError:
        return UserError(f"{self._path} line {line}: {problem}")
