"""The tables in docs/results.md are those of the files beside it, to the letter."""

from pathlib import Path

import pytest

from studies.reproduction.raw import read_csv, to_csv
from studies.reproduction.registry import REPRODUCTIONS
from studies.reproduction.reproduction import block
from tests.studies.reproduction.documents import blocks
from tests.studies.reproduction.frames import made_up

DOCUMENT = Path(__file__).parents[3] / "docs" / "results.md"


def reproduction_of(stem):
    """The reproduction of a file or block: table5 of table5-mlp, mml-table2 of mml-table2-gowalla."""
    return next((one for name, one in REPRODUCTIONS.items() if f"{stem}-".startswith(f"{name}-")), None)


def differing(document, folder):
    """Names of blocks that are missing, without a file, or not what the file of raw results makes."""
    files = {path.stem: path for path in sorted(folder.glob("*.csv")) if reproduction_of(path.stem)}
    expected = {}
    for stem, path in files.items():
        reproduction = reproduction_of(stem)
        expected[stem] = block(stem, reproduction.tables(read_csv(path, reproduction.columns)))
    there = {name: text for name, text in blocks(document).items() if reproduction_of(name)}
    return sorted(name for name in {*expected, *there} if expected.get(name) != there.get(name))


@pytest.mark.nightly
def test_tables_in_the_document_are_those_of_its_files():
    assert differing(DOCUMENT.read_text(encoding="utf-8"), DOCUMENT.parent / "results") == []


def test_pictures_in_the_document_are_there_to_be_drawn_again():
    for path in (DOCUMENT.parent / "results").glob("*.csv"):
        if reproduction_of(path.stem):
            assert len(path.read_bytes().splitlines()) <= 1_000, f"{path}: raw results should be small"


def test_files_and_blocks_are_known_by_how_their_names_begin():
    stems = ("table5", "table5-mlp", "mml-table2", "mml-table2-gowalla", "evaluate-seed-1", "mml", "table55")
    found = [one and one.name for one in map(reproduction_of, stems)]
    assert found == ["table5", "table5", "mml-table2", "mml-table2", None, None, None]


@pytest.fixture
def folder(tmp_path):
    for stem in ("table7", "figure5-mlp"):
        reproduction = reproduction_of(stem)
        (tmp_path / f"{stem}.csv").write_bytes(to_csv(made_up(reproduction.name), reproduction.columns))
    (tmp_path / "something-else.csv").write_text("a,b\n")
    return tmp_path


def documented(folder, *stems):
    parts = []
    for stem in stems:
        reproduction = reproduction_of(stem)
        parts.append(block(stem, reproduction.tables(read_csv(folder / f"{stem}.csv", reproduction.columns))))
    return "# Results\n\n" + "\nText.\n\n".join(parts) + "\n<!-- begin other -->\n<!-- end other -->\n"


def test_the_check_passes_where_all_is_as_it_should_be(folder):
    assert differing(documented(folder, "table7", "figure5-mlp"), folder) == []


def test_the_check_finds_a_number_that_was_changed(folder):
    document = documented(folder, "table7", "figure5-mlp")
    assert differing(document.replace("29.3", "29.4"), folder) == ["table7"]


def test_the_check_finds_what_is_missing_on_either_side(folder):
    assert differing(documented(folder, "table7"), folder) == ["figure5-mlp"]
    document = documented(folder, "table7", "figure5-mlp")
    (folder / "table7.csv").unlink()
    assert differing(document, folder) == ["table7"]


def test_the_check_finds_a_file_that_was_measured_again(folder):
    document = documented(folder, "table7", "figure5-mlp")
    path = folder / "table7.csv"
    path.write_text(path.read_text().replace("120,400,", "120,500,"))
    assert differing(document, folder) == ["table7"]
