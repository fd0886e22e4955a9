"""Opening a file of ratings, whatever it is: a file of text that fits into memory, or a clear refusal."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from core.common.errors import UserError, first_line
from recommenders.data.kinds import LOOKED_AT, PARQUET, foreign, packing
from recommenders.data.unpacking import BROKEN, unpacked

#: No line is longer, in bytes. Reviews are a hundredth of that.
MAX_LINE = 2**20
#: What a file that is not there, not text or broken raises.
_UNREADABLE = (UnicodeError, *BROKEN)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if they are packed by gzip, bzip2, xz or zip, whatever its name says.

    Raises:
        UserError: there is no such file, it is none (a folder, a pipe or a device, which may never end), it is one of
            another program, or it cannot be read, here or inside the block.
    """
    try:
        if not _is_regular(path):
            raise UserError(f"{path}: could not read it: expected a file, got a folder, a pipe or a device")
        with path.open("rb") as file:
            how = packing(_checked(file, path))
            if how is None:
                yield cast(BinaryIO, file)
                return
            with unpacked(cast(BinaryIO, file), how, path) as content:
                _check_content(content, how, path)
            file.seek(0)
            with unpacked(cast(BinaryIO, file), how, path) as content:
                yield content
    except _UNREADABLE as error:
        raise UserError(f"{path}: could not read it: {getattr(error, 'strerror', None) or first_line(error)}") from None


def _checked(file: BinaryIO, path: Path) -> bytes:
    """The beginning of a file that may be a table."""
    start = file.read(LOOKED_AT)
    file.seek(0)
    kind = foreign(start)
    if kind is not None:
        raise UserError(f"{path}: expected a table of ratings, got {kind}")
    return start


def _check_content(content: BinaryIO, how: str, path: Path) -> None:
    """Refuse what is packed but is no text."""
    start = content.read(LOOKED_AT)
    again = packing(start)
    kind = "a Parquet file" if start.startswith(PARQUET) else again and f"a file that is packed once more, by {again}"
    kind = f"{kind}; unpack it" if kind else foreign(start)
    if kind is not None:
        raise UserError(f"{path}: expected a table of ratings packed by {how}, got {kind}")


def is_parquet(path: Path) -> bool:
    """Whether it begins as Parquet does.

    Raises:
        UserError: see `opened`.
    """
    with opened(path) as file:
        return file.read(len(PARQUET)) == PARQUET


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
        raise too_long(path, 1)
    if b"\0" in line:
        raise zero_byte(path, 1, encoding)
    try:
        return line.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise not_text(path, 1, error) from None


def too_long(path: Path, line: int) -> UserError:
    """A line of more than MAX_LINE."""
    return UserError(f"{path} line {line}: expected lines of at most {MAX_LINE} bytes, got a longer one")


def first_lines(path: Path, most: int = 1_000) -> list[str]:
    """The lines that a file begins with, or what there is of them in the first piece; no text is shown as such."""
    with opened(path) as file:
        start = file.read(2 * MAX_LINE)
    return [line.decode(errors="replace") for line in re.split(rb"\r\n|\n|\r", start, maxsplit=most)[:most]]


def zero_byte(path: Path, line: int, encoding: str) -> UserError:
    """What no text has."""
    return UserError(f"{path} line {line}: expected {encoding} text, got a zero byte: binary, or UTF-16?")


def not_text(path: Path, line: int, error: UnicodeDecodeError) -> UserError:
    """Bytes that are no text in this encoding."""
    got = f"0x{error.object[error.start]:02x}"
    return UserError(f"{path} line {line}: expected {error.encoding} text, got the byte {got}; save it as such text")
