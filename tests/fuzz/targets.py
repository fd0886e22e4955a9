"""Fuzz targets: whatever reads input from outside, as functions of bytes.

A target takes any bytes. It returns where they were valid and the content is in order, or where they were
refused with a good UserError; anything else that it raises is a fault. A further target is one function and one row
of TARGETS; the hypothesis tests and the atheris harness take it from there.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import logging
import lzma
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.numpy import save

from core.common.errors import UserError
from core.programs.line import KNOWN_INPUTS
from core.programs.operators import OPERATORS
from core.programs.parsing import FormulaError
from core.programs.program import LossProgram
from recommenders.data import DATASETS, Dataset, TableOptions, summarise
from recommenders.data.options import DEFAULT_OPTIONS
from studies.storage.checkpoints import Checkpoints, pack

#: A refusal is shorter than this.
MAX_REFUSAL = 500


def assert_good(refusal: UserError) -> None:
    """One line that can be printed, and not a long one."""
    message = str(refusal)
    assert 0 < len(message) < MAX_REFUSAL
    assert len(message.splitlines()) == 1
    assert message.isprintable()


def assert_read_or_refused(read: Callable[[], object]) -> bool:
    """Whether it was read; if not, the refusal is in order."""
    try:
        read()
    except UserError as refusal:
        assert_good(refusal)
        return False
    return True


def fuzz_formula(data: bytes) -> None:
    """Bytes that are no UTF-8 come in as lone surrogates, as they do from a command line."""
    accepts_text(data.decode("utf-8", "surrogateescape"))


def accepts_text(text: str) -> bool:
    """Whether it is a formula; written out again, it is read as the same one."""
    program = _parsed(text)
    if program is None:
        return False
    assert_valid(program)
    again = _parsed(str(program))  # with all its brackets it may be too deep to be read
    assert again is None or again.key == program.key
    return True


def _parsed(text: str) -> LossProgram | None:
    try:
        return LossProgram.parse(text)
    except FormulaError as error:
        refusal = error
    assert_good(refusal)
    assert 0 <= refusal.position <= len(text)
    return None


def assert_valid(program: LossProgram) -> None:
    assert LossProgram(program.lines, program.inputs) == program
    assert LossProgram.from_dict(json.loads(json.dumps(program.to_dict()))) == program
    assert program.complexity == len(program.canonical.lines)


#: What bytes stand for in a nearly good program; None ends a line.
_WORDS = (None, *OPERATORS, *KNOWN_INPUTS, *(f"v{i}" for i in range(9)), "", "v-1", 0, 1.5, True, 10**5_000, [], {})


def fuzz_program(data: bytes) -> None:
    """JSON, or after a first byte of zero a nearly good program, in which every byte is a word."""
    if data[:1] == b"\0":
        lines: list[list[object]] = [[]]
        for byte in data[1:]:
            word = _WORDS[byte % len(_WORDS)]
            lines.append([]) if word is None else lines[-1].append(word)
        stored = {"inputs": lines[0], "lines": lines[1:]}
    else:
        try:
            stored = json.loads(data)
        except (ValueError, RecursionError):
            return  # no JSON never comes to the loader
    accepts_stored(stored)


def accepts_stored(stored: object) -> bool:
    """Whether it is a program."""
    program = None

    def read() -> None:
        nonlocal program
        program = LossProgram.from_dict(stored)

    assert_read_or_refused(read)
    if program is not None:
        assert_valid(program)
        assert program.to_dict() == {"inputs": list(stored["inputs"]), "lines": [list(x) for x in stored["lines"]]}
    return program is not None


#: (data set, name of its file, what the bytes become first): the first byte of an input chooses the row.
FILES: tuple[tuple[str, str, Callable[[bytes], bytes]], ...] = (
    ("table", "ratings.csv", bytes),
    ("table", "ratings.csv.gz", partial(gzip.compress, compresslevel=1)),
    ("table", "ratings.csv.gz", bytes),
    ("ml-100k", "u.data", bytes),
    ("ml-1m", "ratings.dat", bytes),
    ("electronics", "reviews.json", bytes),
    ("table", "ratings.parquet", bytes),
    ("table", "ratings.csv", bz2.compress),
    ("table", "ratings.csv.xz", partial(lzma.compress, preset=0)),
    ("table", "ratings.csv", lambda content: _zipped(content)),
    ("table", "ratings.zip", bytes),
    ("table", "ratings.tsv", bytes),
)


def _zipped(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ratings.csv", content)
    return made.getvalue()


def fuzz_table(data: bytes) -> None:
    """A file of this content, given as the file of one of the data sets."""
    dataset, name, made = FILES[data[0] % len(FILES) if data else 0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(made(data[1:]))
        accepts_path(dataset, path)


#: What options can be, by their place in the first line of an input.
_OPTIONS = (
    *("user_col", "item_col", "rating_col", "time_col", "split", "split_col", "pairs", "positive_at", "negatives"),
    "header",
)


def fuzz_options(data: bytes) -> None:
    """The first line has the options of a table, parted by tabs; the rest is the table."""
    first, _, content = data.partition(b"\n")
    words = first.decode("utf-8", "surrogateescape").split("\t")
    given = {name: word for name, word in zip(_OPTIONS, words, strict=False) if word}
    try:
        given |= {
            name: kind(given[name]) for name, kind in (("positive_at", float), ("negatives", int)) if name in given
        }
    except ValueError:
        return  # no number never comes to the options
    if given.get("negatives", 0) > 1_000:
        return
    made = []
    if assert_read_or_refused(lambda: made.append(TableOptions(**given))):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "ratings.csv")
            path.write_bytes(content)
            accepts_path("table", path, made[0])


def accepts_path(dataset: str, path: Path, options: TableOptions = DEFAULT_OPTIONS) -> bool:
    """Whether a data set was read from it, which need not have both classes everywhere."""
    loaded = []
    read = assert_read_or_refused(lambda: loaded.append(DATASETS[dataset].load(path, 0, options)))
    if read:
        assert_consistent(loaded[0])
        assert all(line.isprintable() for line in summarise(loaded[0]).lines())
        assert_read_or_refused(loaded[0].check_classes)
    return read


def assert_consistent(dataset: Dataset) -> None:
    for ids in (dataset.user_ids, dataset.item_ids):
        assert len(set(ids.tolist())) == len(ids) > 0
    for part in (dataset.train, dataset.validation, dataset.test):
        assert part.user.dtype == part.item.dtype == np.int64
        assert part.user.shape == part.item.shape == part.label.shape
        assert ((part.user >= 0) & (part.user < dataset.n_users)).all()
        assert ((part.item >= 0) & (part.item < dataset.n_items)).all()
        assert np.isin(part.label, (0, 1)).all()


#: What the bytes of a checkpoint are: all of it, what comes after a good head, or the tree among good tensors.
_PACKED = (
    bytes,
    lambda content: _headed(content),
    lambda content: _headed(save({"tree": np.frombuffer(content, np.uint8), "0": np.zeros(3, np.float32)})),
)


def _headed(content: bytes) -> bytes:
    return f"loss-search checkpoint 1 {hashlib.sha256(content).hexdigest()}\n".encode() + content


def fuzz_checkpoint(data: bytes) -> None:
    """The newest checkpoint has this content: it is whole, not whole, or another study's."""
    made = _PACKED[data[0] % len(_PACKED) if data else 0]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "checkpoint-000001").write_bytes(made(data[1:]))
        loaded = []
        logging.disable()
        try:
            assert_read_or_refused(lambda: loaded.append(Checkpoints(Path(folder), {"seed": 1}).load()))
        finally:
            logging.disable(logging.NOTSET)
        assert all(state is None or isinstance(state, dict) for state in loaded)


@dataclass(frozen=True)
class FuzzTarget:
    """A row of the table."""

    run: Callable[[bytes], None]
    """Returns for valid and for refused input, raises for a fault."""
    seeds: tuple[bytes, ...]
    """Good input and nearly good one, to begin with."""
    words: tuple[str, ...] = ()
    """What such input is made of."""


_KEPT = pack({"identity": {"seed": 1}, "code": "x", "state": {"a": [1, (2.5, None)], "b": torch.zeros(3)}})
_CSV = b"user_id,item_id,rating,timestamp\n1,2,5,10\n1,3,1,11\n2,2,4,12\n"


def _parquet() -> bytes:
    made = io.BytesIO()
    columns = {"user_id": [1, 1, 2], "item_id": ["a", "b", "a"], "rating": [5.0, None, 4.0], "timestamp": [10, 11, 12]}
    pq.write_table(pa.table(columns), made)
    return made.getvalue()


_TABLES = (
    b"\0" + _CSV,
    b'\0rating,user_id,title,item_id\r\n3,"a\nb",x,=cmd()\r\n4.5,\xc3\xa9,,-1\r\n',
    b"\0\xef\xbb\xbfuser_id,item_id,rating\r1,2,nan\r1,2\r",
    b"\1" + _CSV,
    b"\2" + gzip.compress(_CSV, mtime=0),
    b"\0031\t2\t5\t10\n1\t3\t1\t11\n2\t2\t4\t12\n",
    b"\3user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t5\t9\n",
    b"\0041::2::5::10\n1::3::1::11\n2::2::4::12\n",
    b'\4a:::b::4::1\n"x::y::1::2\n',
    b'\5{"reviewerID": "u", "asin": "i", "overall": 5.0, "unixReviewTime": 3}\n',
    b"\6" + _parquet(),
    b"\7" + _CSV,
    b"\10" + _CSV,
    b"\11" + _CSV,
    b"\12" + _zipped(_CSV),
    b'\13user\titem\trating\ttitle\n1\ta\t5\t"Heroes\n2\tb\t4\tLow\n1\tc\t3\tThe "Best"\n',
    b'\5{"reviewerID": 1, "asin": "\\ud800", "overall": NaN, "unixReviewTime": 1e400, "asin": [[[]]]}\n{}\n',
)
_OPTED = (
    b"\t\t\t\t\t\t\t\t\n" + _CSV,
    b"2\t1\t3\tnone\trandom\t\tfirst\t3.5\t\n" + _CSV,
    b"a\tb\tnone\tt\tleave-one-out\t\tall\t\t2\na;b;t\n1;1;2015-03-04\n1;2;2015-03-05T01:02:03Z\n2;9;2015-03-04\n",
    b"1\t2\tnone\tnone\t\t\t\t\t0\tno\nalice,dune\nbob,emma\n",
    b"\t\t\t\tgiven\tset\tlast\t\t0\nuser,item,label,set\n1,2,1,train\n1,3,0,val\n2,2,1,test\n",
)
_COLUMNS = ("user_id", "item_id", "rating", "timestamp", "user_id:token", "item_id:token", "rating:float")
_OPTION_WORDS = (
    *("none", "given", "random", "leave-one-out", "first", "last", "all", "auto", "4.5", "-1", "99999"),
    *("2015-03-04", "03/04/2015", "Mar 04, 2015", "train", "val", "test", "label"),
)
_FIELDS = ('"reviewerID":', '"asin":', '"overall":', '"unixReviewTime":', "[[", "\\ud800", "\\u0000", "NaN")
_CELLS = (*'",\t', "::", ":::", "\r\n", "1e400", "inf", "9223372036854775808", "-1", "\ufeff", "=cmd()", "0x10")
_NAMES = ("inputs", "lines", "v0", *OPERATORS, *KNOWN_INPUTS)

TARGETS: dict[str, FuzzTarget] = {
    "formula": FuzzTarget(
        fuzz_formula,
        (b"-(y*log(y_hat) + (1 - y)*log(1 - y_hat + eps))", b"max(y_hat, 1/(y))^2 - min(pred, label)**2", b"--y/y/y"),
        (*OPERATORS, *KNOWN_INPUTS, "pred", "label", "epsilon", "**2", "^2", "\u0661", "\x00", "__import__"),
    ),
    "program": FuzzTarget(
        fuzz_program,
        (
            b'{"inputs": ["y_hat", "y", "1"], "lines": [["neg", "y"], ["add", "v0", "y_hat"]]}',
            bytes([0, 10, 11, 0, 5, 11, 0, 1, 14, 10]),
        ),
        (*map(json.dumps, _NAMES), "1e400", "NaN", "9" * 60),
    ),
    "checkpoint": FuzzTarget(
        fuzz_checkpoint,
        (
            b"\0" + _headed(_KEPT),
            b"\1" + _KEPT,
            b'\2{"identity":{"seed":1},"code":"x","state":{"a":{"$":"tensor","is":"0"}}}',
            b'\2{"$":"dict","is":[["identity",{}],["state",{"$":"tuple","is":[{"$":"float","is":"nan"}]}]]}',
            b"\0cos\nsystem\n(S'true'\ntR.",
        ),
        ("loss-search checkpoint 1 ", "identity", "state", '{"$":', '"is":', "tensor", "tuple", "dict", "float", "nan"),
    ),
    "options": FuzzTarget(
        fuzz_options,
        _OPTED,
        _OPTION_WORDS,
    ),
    "table": FuzzTarget(fuzz_table, _TABLES, (*_COLUMNS, *_FIELDS, *_CELLS)),
}
