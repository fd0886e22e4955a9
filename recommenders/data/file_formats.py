"""File formats by their first bytes: how a file is packed, and which other programs' files to refuse."""

from __future__ import annotations

import re
import zlib

#: How many first bytes are looked at.
HEAD_BYTES = 512
PARQUET = b"PAR1"
#: (first bytes, what the file is, what to do).
_UNSUPPORTED: tuple[tuple[bytes, str, str], ...] = (
    (b"\x28\xb5\x2f\xfd", "a file packed by Zstandard", "unpack it with unzstd"),
    (b"\x04\x22\x4d\x18", "a file packed by LZ4", "unpack it with unlz4"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it"),
    (b"\x1f\x9d", "a file packed by compress", "unpack it with uncompress"),
    (
        b"ARROW1",
        "an Arrow (Feather) file",
        "save it as Parquet, or give pyarrow.feather.read_table of it to search_loss",
    ),
    (
        b"\xff\xff\xff\xff",
        "a stream of Arrow's",
        "save it as Parquet, or give what pyarrow.ipc.open_stream reads of it",
    ),
    (b"\x5d\0\0", "a file packed by LZMA alone", "unpack it with unlzma, or pack it with xz"),
    (b"FEA1", "a Feather file", "save it as Parquet"),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "save the table as CSV or Parquet"),
    (b"\x93NUMPY", "a NumPy array", "save it as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a file of an old Office program, such as Excel", "save the sheet as CSV"),
    (b"%PDF-", "a PDF document", "give the table as CSV"),
    (b"ORC", "an ORC file", "save it as Parquet"),
    (b"Obj\x01", "an Avro file", "save it as Parquet"),
    (b"RDX3\n", "data of R", "save the table as CSV"),
)
_ZLIB = re.compile(rb"\x78[\x01\x9c\xda]")
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_MARKUP = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|\?xml)", re.IGNORECASE)
#: (first bytes, name of a compression that is unpacked).
_COMPRESSIONS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\x1f\x8b"), "gzip"),
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), "bzip2"),
    (re.compile(rb"\xfd7zXZ\0"), "xz"),
    (re.compile(rb"PK(?:\x03\x04|\x05\x06)"), "zip"),
)


def compression(head: bytes) -> str | None:
    """Return how a file with these first bytes is packed: gzip, bzip2, xz, zip, or None."""
    return next((name for known, name in _COMPRESSIONS if known.match(head)), None)


def describe_unsupported(head: bytes) -> str | None:
    """Say what a file with these first bytes is and what to do with it; None if it may be a table."""
    for known, what, advice in _UNSUPPORTED:
        if head.startswith(known) and (b"\0" in head or not known.isalnum()):  # a table may begin with such a word
            return f"{what}; {advice}"
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it and give one of its files"
    if _ZLIB.match(head) and _is_zlib(head):
        return "a stream of zlib's; unpack it, or pack it with gzip"
    if _PICKLE.match(head):
        return "a pickle, which is never opened, for it can run anything; save the table as CSV or Parquet"
    if _MARKUP.match(head):
        return "a web page or XML, perhaps one that was saved in place of the data; give the table as CSV"
    return None


def _is_zlib(head: bytes) -> bool:
    try:
        zlib.decompressobj().decompress(head, HEAD_BYTES)
    except zlib.error:
        return False
    return True


#: (name of a member, what a zip archive with such a member is).
_ARCHIVES = (
    (re.compile(r"xl/.*"), "an Excel workbook; save the sheet as CSV"),
    (re.compile(r"word/.*|ppt/.*"), "an Office document; give the table as CSV"),
    (re.compile(r"mimetype"), "an OpenDocument file, such as LibreOffice's; save the sheet as CSV"),
    (re.compile(r".*\.npy"), "an archive of NumPy arrays; save the table as CSV"),
    (re.compile(r".*/data\.pkl"), "a file of torch's; save the table as CSV"),
)


def describe_archive(names: list[str]) -> str | None:
    """Say what a zip archive of members with these names is and what to do with it; None if it may hold a table."""
    return next((what for known, what in _ARCHIVES if any(known.fullmatch(name) for name in names)), None)
