"""Decompression of packed files as a stream: memory stays bounded, whatever they claim to hold."""

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
from recommenders.data.file_formats import HEAD_BYTES, compression, describe_archive

#: What reading a broken packed file raises.
BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)
#: Most bytes of memory for unpacking xz, and for the list of members of a zip archive.
_XZ_MEMORY, _ZIP_LIST = 2**28, 2**22
_READ_BYTES = 2**16
_BEHIND = "the file has data behind its {} stream; remove them"
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
#: Files that operating systems add to an archive.
_ADDED = ("__MACOSX/", ".DS_Store", "Thumbs.db")


@contextmanager
def decompressed(file: BinaryIO, method: str, path: Path) -> Iterator[BinaryIO]:
    """Open the content of a packed file.

    Args:
        file: at its beginning.
        method: see `file_formats.compression`.
        path: of the file, for messages.

    Raises:
        UserError: an archive that has not exactly one file, belongs to another program, or has a password.
        OSError: the file is broken (or another error of BROKEN), here or inside the block.
    """
    if method == "zip":
        with _zip_member(file, path) as member:
            yield member
    elif method == "gzip":
        with gzip.open(file) as member:
            try:
                yield cast(BinaryIO, member)
            except gzip.BadGzipFile as error:
                if str(error).startswith("Not a gzipped file"):  # but it began as one
                    raise OSError(_BEHIND.format(method)) from None
                raise
    else:
        yield cast(BinaryIO, io.BufferedReader(_Streams(file, method), buffer_size=2**18))


class _Decoder(Protocol):
    """The interface that bz2 and lzma share."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def _decoder(method: str) -> Callable[[], _Decoder]:
    if method == "bzip2":
        return cast(Callable[[], _Decoder], bz2.BZ2Decompressor)
    return cast(Callable[[], _Decoder], lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY))


class _Streams(io.RawIOBase):
    """The content of a file that may have several packed streams, one behind the other."""

    def __init__(self, file: BinaryIO, method: str) -> None:
        self._file, self._method, self._new_decoder = file, method, _decoder(method)
        self._decoder = self._new_decoder()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while True:
            if self._decoder.eof:
                more = self._decoder.unused_data.lstrip(b"\0") or self._file.read(_READ_BYTES).lstrip(b"\0")
                if not more:
                    return 0
                if len(more) < HEAD_BYTES:
                    more += self._file.read(_READ_BYTES)
                if compression(more) != self._method:
                    raise OSError(_BEHIND.format(self._method))
                self._decoder = self._new_decoder()
            elif self._decoder.needs_input:
                more = self._file.read(_READ_BYTES)
                if not more:
                    raise EOFError("the packed file ends before its end is marked; it was cut short")
            else:
                more = b""
            text = self._decoder.decompress(more, len(buffer))
            if text:
                buffer[: len(text)] = text
                return len(text)


class _BoundedFile:
    """A file that refuses large reads, which bounds the list of members of a zip archive."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.seek, self.tell, self.seekable = file, file.seek, file.tell, file.seekable

    def read(self, size: int = -1, /) -> bytes:
        if size > _ZIP_LIST:
            raise zipfile.BadZipFile("it lists too many files")
        return self._file.read(size)


@contextmanager
def _zip_member(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """Open the one file in an archive."""
    with _archive(file) as archive:
        member = _only(archive.infolist(), path)
        if member.flag_bits & 1:
            raise UserError(f"{path}: expected a zip archive without a password, got one with; unpack it")
        if member.compress_type not in _ZIP_METHODS:  # LZMA takes as much memory as an archive claims
            raise UserError(f"{path}: expected a zip archive packed by deflate, got another method; pack it anew")
        with archive.open(member) as content:
            yield cast(BinaryIO, content)


def _archive(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(cast(BinaryIO, _BoundedFile(file)))
    except (struct.error, ValueError, IndexError, UnicodeError) as error:  # a broken list of members
        raise zipfile.BadZipFile(f"the archive is broken: {error}") from None


def _only(members: list[zipfile.ZipInfo], path: Path) -> zipfile.ZipInfo:
    """Return the only member but for those that operating systems add."""
    kind = describe_archive([one.filename for one in members])
    if kind is not None:
        raise UserError(f"{path}: expected a table, got {kind}")
    kept = [one for one in members if not (one.is_dir() or one.filename.startswith(_ADDED[:1]))]
    kept = [one for one in kept if not one.filename.endswith(_ADDED[1:])]
    if len(kept) != 1:
        names = in_a_line(", ".join(one.filename for one in kept[:5]) + ", ..." * (len(kept) > 5), 200)
        got = f"{len(kept)} ({names}); unpack it and give one of them" if kept else "an empty one"
        raise UserError(f"{path}: expected a zip archive of one file, got {got}")
    return kept[0]
