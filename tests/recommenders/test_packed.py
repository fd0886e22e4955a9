"""Packed files are read, and those of other programs are told by their name."""

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
import zlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from core.common.errors import UserError
from recommenders.data import TableOptions, summarise, table_dataset

GOOD = b"user_id,item_id,rating,timestamp\n" + b"".join(b"%d,%d,%d,%d\n" % (i % 9, i, i % 2 * 5, i) for i in range(60))


def zipped(**members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def halves(pack):
    return pack(GOOD[:100]) + pack(GOOD[100:])


READ = {
    "gzip": gzip.compress(GOOD),
    "bzip2": bz2.compress(GOOD),
    "xz": lzma.compress(GOOD),
    "zip": zipped(**{"ratings.csv": GOOD}),
    "a folder in a zip archive of a Mac": zipped(**{"a/": b"", "a/x.csv": GOOD, "__MACOSX/a/._x.csv": b"?"}),
    "two gzip streams": halves(gzip.compress),
    "two bzip2 streams": halves(bz2.compress),
    "two xz streams": halves(lzma.compress),
    "xz with padding": lzma.compress(GOOD[:50]) + bytes(8) + lzma.compress(GOOD[50:]),
    "nothing": GOOD,
}


@pytest.mark.parametrize("name", ["x", "x.csv", "x.csv.gz", "x.zip"])
@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_what_is_packed_is_read_whatever_its_name_says(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    dataset = table_dataset(path)
    assert (summarise(dataset).rows, dataset.n_users, dataset.name) == (60, 9, "x")


BROKEN = {
    **{f"{kind} cut short": pack(GOOD)[:-15] for kind, pack in (("gzip", gzip.compress), ("bzip2", bz2.compress))},
    "xz cut short": lzma.compress(GOOD)[:-15],
    "bzip2 with something behind it": bz2.compress(GOOD) + b"more",
    "xz with something behind it": lzma.compress(GOOD) + b"more" * 9,
    "a zip archive cut short": READ["zip"][:-10],
    "a zip archive broken inside": READ["zip"][:60] + b"\xff" * 9 + READ["zip"][69:],
    "a list of members that is too long": READ["zip"][:-10] + b"\xff\xff\xff\x7f" + READ["zip"][-6:],
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_refused(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.csv: could not read it: "):
        table_dataset(tmp_path / "x.csv")


@pytest.mark.parametrize("how", ["gzip", "bzip2", "xz"])
@pytest.mark.parametrize("behind", [b"more", b"more" * 9, b"\n", GOOD * 3], ids=len)
def test_something_behind_what_is_packed_is_told(tmp_path, how, behind):
    (tmp_path / "x.csv").write_bytes(READ[how] + behind)
    with pytest.raises(UserError, match=f"the file has data behind its {how} stream; remove them"):
        table_dataset(tmp_path / "x.csv")


def test_many_small_streams_are_read(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"".join(lzma.compress(GOOD[i : i + 9]) for i in range(0, len(GOOD), 9)))
    assert summarise(table_dataset(tmp_path / "x.csv")).rows == 60


@pytest.mark.parametrize("first", ["x\u06da", "x\x01", "]a", "ÿÿÿÿ", "x^2"])
def test_what_only_looks_like_another_file_is_read(tmp_path, first):
    (tmp_path / "x.csv").write_text(f"{first},item\n1,2\n3,4\n", encoding="utf-8")
    assert table_dataset(tmp_path / "x.csv", TableOptions(user_col="1")).n_users == 2


def saved(save):
    made = io.BytesIO()
    save(made)
    return made.getvalue()


def database(folder):
    with sqlite3.connect(folder / "x.db") as made:
        made.execute("create table ratings (user, item)")
    made.close()
    return (folder / "x.db").read_bytes()


def archive(made):
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("x.csv"))


def streamed(made):
    with pa.ipc.new_stream(made, pa.schema([("user", pa.int64())])) as stream:
        stream.write_table(pa.table({"user": [1]}))


FRAME = pd.DataFrame({"user": [1], "item": [2]})
FOREIGN = {
    "an Excel workbook; save the sheet": zipped(**{"[Content_Types].xml": b"", "xl/workbook.xml": b""}),
    "an OpenDocument file": zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"),
    "an archive of NumPy arrays": saved(lambda made: np.savez(made, a=np.arange(3))),
    "a NumPy array": saved(lambda made: np.save(made, np.arange(3))),
    "a pickle, which is never opened": pickle.dumps(FRAME),
    "an Arrow .Feather. file": saved(FRAME.to_feather),
    "a web page or XML": b"\n<!DOCTYPE html>\n<html></html>",
    "a file packed by Zstandard": b"\x28\xb5\x2f\xfd" + bytes(20),
    "a file packed by LZMA alone": lzma.compress(GOOD, lzma.FORMAT_ALONE),
    "a stream of zlib's; unpack it": zlib.compress(GOOD),
    "a stream of zlib's": zlib.compress(GOOD, 9),
    "a stream of zlib": zlib.compress(GOOD, 1),
    "a stream of Arrow's; save it as Parquet": saved(streamed),
    "packed by gzip, got a stream of Arrow's": gzip.compress(saved(streamed)),
    "a 7-Zip archive": b"7z\xbc\xaf\x27\x1c" + bytes(20),
    "a RAR archive": b"Rar!\x1a\x07\x01\x00" + bytes(20),
    "a PDF document": b"%PDF-1.7\n",
    "a file of an old Office program": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(20),
    "a tar archive": saved(archive),
    "JSON; save it as CSV": b'[{"user": 1, "item": 2}]',
    "JSON; save": b'{"user": 1, "item": 2}\n',
    "a zip archive of one file, got 2 .a.csv, b.csv.; unpack it": zipped(**{"a.csv": GOOD, "b.csv": GOOD}),
    "a zip archive of one file, got an empty one": zipped(),
    "packed by zip, got a file that is packed once more, by gzip": zipped(x=gzip.compress(GOOD)),
    "packed by gzip, got a file that is packed once more, by bzip2": gzip.compress(bz2.compress(GOOD)),
    "packed by gzip, got a tar archive": gzip.compress(saved(archive)),
    "packed by xz, got a Parquet file; unpack it": lzma.compress(saved(FRAME.to_parquet)),
    "packed by gzip, got a pickle": gzip.compress(pickle.dumps(FRAME)),
}


@pytest.mark.parametrize(("message", "content"), FOREIGN.items(), ids=FOREIGN)
def test_files_of_other_programs_are_refused_by_their_name(tmp_path, message, content):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UserError, match=f"x.csv: expected .*{message}"):
        table_dataset(tmp_path / "x.csv")


def test_a_database_is_refused_by_its_name(tmp_path):
    database(tmp_path)
    with pytest.raises(UserError, match="an SQLite database; export the table as CSV"):
        table_dataset(tmp_path / "x.db")


def test_a_table_may_begin_with_a_word_that_others_begin_with(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"ORC,FEA1,5\nPK,BZh9,1\n")
    assert table_dataset(tmp_path / "x.csv").user_ids.tolist() == ["ORC", "PK"]


def test_a_password_is_named(tmp_path):
    content = bytearray(READ["zip"])
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + flags] |= 1
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UserError, match="a zip archive without a password, got one with"):
        table_dataset(tmp_path / "x.zip")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, lambda content: zipped(x=content)])
def test_what_would_not_fit_into_memory_is_refused_before_it_is_read(tmp_path, pack, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(pack(b"user,item\n" + b"\n" * 3_000_000))
    assert path.stat().st_size < 50_000
    monkeypatch.setattr("recommenders.data.prescan.free_memory", lambda device: 100 * 2**20)
    with pytest.raises(UserError, match="expected a table that fits into memory"):
        table_dataset(path)


def test_xz_takes_no_more_memory_than_it_may(tmp_path, monkeypatch):
    monkeypatch.setattr("recommenders.data.decompression._XZ_MEMORY", 2**20)
    (tmp_path / "x.xz").write_bytes(lzma.compress(GOOD, preset=9))
    with pytest.raises(UserError, match="could not read it: Memory usage limit"):
        table_dataset(tmp_path / "x.xz")
