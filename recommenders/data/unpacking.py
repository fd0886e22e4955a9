"""Packed files as the bytes in them, piece by piece: whatever they claim to hold, no more of it is in memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from core.common.errors import UserError, in_a_line
from recommenders.data.kinds import LOOKED_AT, packing, zipped

#: What a packed file that is broken raises.
BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)
#: No more bytes of memory for unpacking xz, and for the list of what is in a zip archive.
_XZ_MEMORY, _ZIP_LIST = 2**28, 2**22
_AT_ONCE = 2**16
_BEHIND = "something that is not packed by {} stands behind what is; take it off"
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
#: What programs add to an archive on their own.
_ADDED = ("__MACOSX/", ".DS_Store", "Thumbs.db")


@contextmanager
def unpacked(file: BinaryIO, how: str, path: Path) -> Iterator[BinaryIO]:
    """What is packed in a file.

    Args:
        file: at its beginning.
        how: see `kinds.packing`.
        path: of the file, for messages.

    Raises:
        UserError: an archive of no file or of several, one of another program, or one with a password.
        OSError: a broken file (or another of BROKEN), here or inside the block.
    """
    if how == "zip":
        with _zip_member(file, path) as member:
            yield member
    elif how == "gzip":
        with gzip.open(file) as member:
            try:
                yield cast(BinaryIO, member)
            except gzip.BadGzipFile as error:
                if str(error).startswith("Not a gzipped file"):  # but it began as one
                    raise OSError(_BEHIND.format(how)) from None
                raise
    else:
        yield cast(BinaryIO, io.BufferedReader(_Streams(file, how), buffer_size=2**18))


class _Decoder(Protocol):
    """What bz2 and lzma have in common."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def _decoder(how: str) -> Callable[[], _Decoder]:
    if how == "bzip2":
        return cast(Callable[[], _Decoder], bz2.BZ2Decompressor)
    return cast(Callable[[], _Decoder], lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY))


class _Streams(io.RawIOBase):
    """One stream of packed bytes behind the other, to the end of a file."""

    def __init__(self, file: BinaryIO, how: str) -> None:
        self._file, self._how, self._made = file, how, _decoder(how)
        self._decoder = self._made()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while True:
            if self._decoder.eof:
                more = self._decoder.unused_data.lstrip(b"\0") or self._file.read(_AT_ONCE).lstrip(b"\0")
                if not more:
                    return 0
                if len(more) < LOOKED_AT:
                    more += self._file.read(_AT_ONCE)
                if packing(more) != self._how:
                    raise OSError(_BEHIND.format(self._how))
                self._decoder = self._made()
            elif self._decoder.needs_input:
                more = self._file.read(_AT_ONCE)
                if not more:
                    raise EOFError("the packed file ends before its end is marked; it was cut short")
            else:
                more = b""
            text = self._decoder.decompress(more, len(buffer))
            if text:
                buffer[: len(text)] = text
                return len(text)


class _Careful:
    """A file of which little is read at once: a list of members has no more entries than that."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.seek, self.tell, self.seekable = file, file.seek, file.tell, file.seekable

    def read(self, size: int = -1, /) -> bytes:
        if size > _ZIP_LIST:
            raise zipfile.BadZipFile("it lists too many files")
        return self._file.read(size)


@contextmanager
def _zip_member(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """The one file in an archive."""
    with _archive(file) as archive:
        member = _only(archive.infolist(), path)
        if member.flag_bits & 1:
            raise UserError(f"{path}: expected a zip archive without a password, got one with; unpack it")
        if member.compress_type not in _ZIP_METHODS:  # one of them takes as much memory as an archive claims
            raise UserError(f"{path}: expected a zip archive packed by deflate, got another method; pack it anew")
        with archive.open(member) as content:
            yield cast(BinaryIO, content)


def _archive(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(cast(BinaryIO, _Careful(file)))
    except (struct.error, ValueError, IndexError, UnicodeError) as error:  # a list of members that is none
        raise zipfile.BadZipFile(f"the archive is broken: {error}") from None


def _only(members: list[zipfile.ZipInfo], path: Path) -> zipfile.ZipInfo:
    """The file that is meant: the only one but for what programs add."""
    kind = zipped([one.filename for one in members])
    if kind is not None:
        raise UserError(f"{path}: expected a table of ratings, got {kind}")
    kept = [one for one in members if not (one.is_dir() or one.filename.startswith(_ADDED[:1]))]
    kept = [one for one in kept if not one.filename.endswith(_ADDED[1:])]
    if len(kept) != 1:
        names = in_a_line(", ".join(one.filename for one in kept[:5]) + ", ..." * (len(kept) > 5), 200)
        got = f"{len(kept)} ({names}); unpack it and give one of them" if kept else "an empty one"
        raise UserError(f"{path}: expected a zip archive of one file, got {got}")
    return kept[0]
