"""Whatever stands in the place of a file, no more of it is read and kept than there is room for."""

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest

from core.common.errors import MAX_MESSAGE, UserError
from recommenders.data import DATASETS, TableOptions, prescan
from recommenders.data.opening import MAX_LINE, open_binary, read_first_line
from recommenders.data.prescan import PER_BYTE
from tests.fuzz.targets import accepts_path, assert_good

FILES_OF_SETS = {"table": "r.csv", "ml-100k": "u.data", "ml-1m": "ratings.dat", "electronics": "r.json.gz"}
of_every_set = pytest.mark.parametrize("dataset", FILES_OF_SETS)
MEBI = 2**20


@of_every_set
def test_a_pipe_is_refused_at_once(dataset, tmp_path):
    path = tmp_path / FILES_OF_SETS[dataset]
    os.mkfifo(path)
    assert not accepts_path(dataset, path)


@of_every_set
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/stdin", "/dev/tty"])
def test_a_device_is_refused_at_once(dataset, path):
    assert not accepts_path(dataset, Path(path))


@of_every_set
def test_a_folder_is_refused(dataset, tmp_path):
    (tmp_path / FILES_OF_SETS[dataset]).mkdir()
    assert not accepts_path(dataset, tmp_path / FILES_OF_SETS[dataset])
    assert not accepts_path(dataset, tmp_path)


@of_every_set
@pytest.mark.parametrize("name", ["no", "a\0b", "x" * 300, "\udcff", "\x1b[2J\n", "http:/x.csv"])
def test_a_path_to_nothing_is_refused(dataset, name, tmp_path):
    assert not accepts_path(dataset, tmp_path / name)


@of_every_set
@pytest.mark.parametrize("length", [5_000, 500_000])
def test_of_a_huge_path_the_beginning_and_the_problem_are_shown(dataset, length, tmp_path):
    with pytest.raises(UserError, match=r"could not read it: File name too long$") as caught:
        DATASETS[dataset].load(tmp_path / ("x/" * length), 0, TableOptions())
    assert str(caught.value).startswith(str(tmp_path))
    assert len(str(caught.value)) <= MAX_MESSAGE


def test_a_folder_named_as_an_address_is_read_as_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("http:").mkdir()
    Path("http:/ratings.csv").write_text("user_id,item_id,rating\n1,2,5\n")
    assert accepts_path("table", Path("http:/ratings.csv"))


@pytest.fixture
def little_memory(monkeypatch):
    """As if no more than 64 MiB were free."""
    monkeypatch.setattr(prescan, "free_memory", lambda device: 64 * MEBI)


#: What a packed file of a few kilobytes unpacks to, a megabyte at a time; each has half a gigabyte.
BOMBS = {
    "zeros": b"\0" * MEBI,
    "line ends": b"\n" * MEBI,
    "rows": b"1,2,5,0\n" * (MEBI // 8),
    "long rows": (b"1,2,5,0," + b"x" * 1_015 + b"\n") * (MEBI // 1_024),
    "one line": b"1" * MEBI,
    "an open quote": b'"' + b"a\n" * (MEBI // 2 - 1) + b"a",
}


def bomb(path, content, header):
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header)
        for _ in range(64):
            file.write(content)
    return path


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory(kind, little_memory, tmp_path):
    path = bomb(tmp_path / "r.csv.gz", BOMBS[kind], b"user_id,item_id,rating,timestamp\n")
    assert path.stat().st_size < MEBI
    tracemalloc.start()
    try:
        assert not accepts_path("table", path)
        assert tracemalloc.get_traced_memory()[1] < 16 * MEBI
    finally:
        tracemalloc.stop()


@of_every_set
def test_a_file_that_memory_does_not_hold_is_refused_with_the_reason(dataset, little_memory, tmp_path):
    path = bomb(tmp_path / f"{FILES_OF_SETS[dataset]}.gz", BOMBS["long rows"], b"user_id\titem_id\trating\ttimestamp\n")
    with pytest.raises(UserError, match=r"that fits into memory, of which 0\.1 GiB are free; .* give a part") as caught:
        prescan.prescan(path, 4)
    assert_good(caught.value)
    assert not accepts_path(dataset, path)


def test_counting_ends_where_memory_would(little_memory, tmp_path, monkeypatch):
    path = bomb(tmp_path / "r.csv.gz", BOMBS["long rows"], b"")
    read = []
    true_read = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda file, size: read.append(true_read(file, size)) or read[-1])
    with pytest.raises(UserError):
        prescan.prescan(path, 4)
    assert sum(map(len, read)) <= 64 * MEBI / PER_BYTE + MAX_LINE


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("place", [0, 1, MAX_LINE - 3, MAX_LINE])
def test_the_longest_line_is_read_wherever_it_stands(end, place, tmp_path):
    path = tmp_path / "r.csv"
    before = b"x" * place + end if place else b""
    path.write_bytes(before + b"a" * (MAX_LINE - 1) + end + b"b" + end)
    assert prescan.prescan(path, 1).n_lines == (3 if place else 2)
    path.write_bytes(before + b"a" * (2 * MAX_LINE + 1) + end)
    with pytest.raises(UserError, match=f"line {2 if place else 1}: expected lines of at most"):
        prescan.prescan(path, 1)


@pytest.mark.parametrize("text", ["", "a", "a\n", "a\nb", "a\r\nb\r\n", "\n", "a\n\n"])
def test_lines_are_counted_as_a_person_does(text, tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes(text.encode())
    assert prescan.prescan(path, 1).n_lines == len(text.splitlines())
    assert read_first_line(path) == (text.splitlines() or [""])[0]


def test_what_is_no_text_is_refused_with_its_line_across_pieces(tmp_path):
    path = tmp_path / "r.csv"
    pair = "é".encode()
    filler = b"a" * 99 + b"\n"
    path.write_bytes((filler * (MAX_LINE // 100 + 1))[: MAX_LINE - 1] + pair + b"\n")
    n_lines = prescan.prescan(path, 1).n_lines
    with path.open("ab") as file:
        file.write(pair[:1])
    with pytest.raises(UserError, match=f"line {n_lines + 1}: expected utf-8 text, got the byte 0xc3"):
        prescan.prescan(path, 1)


def test_what_goes_wrong_while_a_file_is_read_is_a_user_error(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes(b"1")
    with pytest.raises(UserError, match=r"r\.csv: could not read it: Input/output error"), open_binary(path):
        raise OSError(5, "Input/output error")
