"""Parsing lines of whole numbers: a user, and the items of that user."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from core.common.errors import UserError, format_value
from recommenders.common.memory import free_memory
from recommenders.data.opening import open_binary

#: Bytes that are read and parsed at a time, and the longest number in digits, which always fits into int64.
_BLOCK, _MAX_DIGITS = 2**22, 18
#: Bytes of memory that are taken for each byte of a file.
_MEMORY = 6
_BLANK, _DIGIT, _NEWLINE, _OTHER = range(4)
_KIND = np.full(256, _OTHER, dtype=np.uint8)
_KIND[list(b" \t")], _KIND[list(b"0123456789")], _KIND[ord("\n")] = _BLANK, _DIGIT, _NEWLINE


@dataclass(frozen=True, eq=False)
class UserLines:
    """The lines of a file, but for blank ones."""

    path: Path
    """The file, for messages."""
    number: np.ndarray
    """[n_lines] int64, the number of each line in the file, from 1."""
    user: np.ndarray
    """[n_lines] int64, the first number of each line."""
    count: np.ndarray
    """[n_lines] int64, how many numbers come after it."""
    item: np.ndarray
    """[n] int64, those numbers, line by line."""

    def error(self, line: int, problem: str) -> UserError:
        """Build the error about a line.

        Args:
            line: its index.
            problem: what was expected, and what was got.
        """
        return UserError(f"{self.path} line {self.number[line]}: {problem}")


def read_user_lines(path: Path) -> UserLines:
    """Read a file with a line for each user: `user item item ...`, separated by blanks; packed or not.

    Raises:
        UserError: the file cannot be read, is empty, has anything but whole numbers below 10^18, or is too large.
    """
    content = _content(path)
    parts = [_parse(path, block, first_line) for block, first_line in _blocks(path, content)]
    if not any(len(part[0]) for part in parts):
        raise UserError(f"{path}: expected a line for each user (user item item ...), got an empty file")
    number, user, count, item = (np.concatenate(column) for column in zip(*parts, strict=True))
    return UserLines(path, number, user, count, item)


def _content(path: Path) -> bytes:
    """Return the whole file, unpacked, with line feeds alone as the ends of lines."""
    pieces, size = [], 0
    with open_binary(path) as file:
        most = free_memory(torch.device("cpu")) // _MEMORY
        while piece := file.read(_BLOCK):
            size += len(piece)
            if size > most:
                raise UserError(
                    f"{path}: expected a file that fits into memory, got more than {most / 1e9:.1f} GB; free some "
                    "memory, or give fewer users"
                )
            pieces.append(piece)
    content = b"".join(pieces).removeprefix(b"\xef\xbb\xbf")  # the mark of UTF-8
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in content else content


def _blocks(path: Path, content: bytes) -> Iterator[tuple[np.ndarray, int]]:
    """Yield whole lines of about _BLOCK bytes [b], and the number of the first."""
    start, line = 0, 1
    while start < len(content):
        stop = len(content)
        if stop - start > _BLOCK:
            stop = content.rfind(b"\n", start, start + _BLOCK) + 1
            if not stop:
                raise UserError(f"{path} line {line}: expected lines of at most {_BLOCK} bytes, got a longer one")
        yield np.frombuffer(content, np.uint8, stop - start, start), line
        line += content.count(b"\n", start, stop)
        start = stop


def _parse(path: Path, block: np.ndarray, first_line: int) -> tuple[np.ndarray, ...]:
    """Return the columns of UserLines for the lines of a block [b] uint8."""
    kind = _KIND[block]
    if (kind == _OTHER).any():
        raise _not_a_number(path, block, int((kind == _OTHER).argmax()), first_line)
    is_digit = np.zeros(len(block) + 2, dtype=bool)
    is_digit[1:-1] = kind == _DIGIT
    edges = np.flatnonzero(is_digit[1:] != is_digit[:-1])
    start, stop = edges[::2], edges[1::2]
    n_digits = stop - start
    if n_digits.max(initial=0) > _MAX_DIGITS:
        raise _not_a_number(path, block, int(start[n_digits.argmax()]), first_line)
    value = np.zeros(len(start), dtype=np.int64)
    for place in range(n_digits.max(initial=0)):
        digit = block[np.maximum(stop - 1 - place, 0)].astype(np.int64) - ord("0")
        value += np.where(place < n_digits, digit * 10**place, 0)
    ends = np.append(np.flatnonzero(kind == _NEWLINE), len(block))
    tokens = np.diff(np.searchsorted(start, ends), prepend=0)
    lines = np.flatnonzero(tokens)
    first = np.cumsum(tokens[lines]) - tokens[lines]
    is_item = np.ones(len(value), dtype=bool)
    is_item[first] = False
    return first_line + lines, value[first], tokens[lines] - 1, value[is_item]


def _not_a_number(path: Path, block: np.ndarray, at: int, first_line: int) -> UserError:
    """Build the error about the word [at] of a block [b]."""
    content = block.tobytes()
    line = first_line + content.count(b"\n", 0, at)
    begin = max(content.rfind(separator, 0, at) for separator in (b" ", b"\t", b"\n")) + 1
    word = content[begin : at + 100].split(maxsplit=1)[0].decode(errors="replace")
    if word.isdigit():
        got, do = f"{word[:20]}...", f"numbers may have {_MAX_DIGITS} digits"
    elif word.removeprefix("-").isdigit():
        got, do = f"the negative number {format_value(word)}", "ids count from 0"
    else:
        got, do = format_value(word), "give a folder in the format of LightGCN's data sets"
    return UserError(f"{path} line {line}: expected a user and items as whole numbers, got {got}; {do}")
