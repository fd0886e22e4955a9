"""Parts of tables of fields, published tables, and the planted one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data.fields import FieldOptions, load_fields, planted_fields, split_fields
from recommenders.data.fields.column import FieldColumn
from recommenders.data.fields.dataset import PARTS
from tests.published_data import find_published
from tests.strategies import law

ADULT_ROW = (
    "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, 0, 0, 40, {}, {}"
)


def numbered(n, n_positive):
    """A table whose column numbers its rows."""
    table = planted_fields(n)
    label = (np.arange(n) < n_positive).astype(np.uint8)
    return replace(table, columns=(FieldColumn("row", np.arange(float(n))),), label=label)


@law
@given(st.integers(60, 300), st.sampled_from([0.1, 0.5]), st.sampled_from([0.2, 0.5]), st.integers(0, 99))
def test_every_row_is_in_one_part_and_classes_have_the_same_shares(n, test_share, validation_share, seed):
    options = FieldOptions(test_share=test_share, validation_share=validation_share)
    try:
        data = split_fields("x", numbered(n, n // 3), options, seed)
    except UserError as error:
        assert "expected both classes" in str(error)  # noqa: PT017
        return
    rows = data.columns[0].values.astype(int)
    assert sorted(rows) == list(range(n))
    assert [data.parts[name].start for name in PARTS[1:]] == [data.parts[name].stop for name in PARTS[:-1]]
    assert data.label.tolist() == (rows < n // 3).astype(int).tolist()
    rest = (1 - test_share) * validation_share / 2
    for name, share in {"test": test_share, "choose": rest, "stop": rest}.items():
        own = data.label[data.parts[name]]
        assert own.sum() == pytest.approx(share * (n // 3), abs=1)
        assert len(own) == pytest.approx(share * n, abs=2)
    again = split_fields("x", numbered(n, n // 3), options, seed)
    assert again.digest() == data.digest()
    assert split_fields("x", numbered(n, n // 3), options, seed + 1).digest() != data.digest()


def adult_folder(folder, n=60):
    rows = [ADULT_ROW.format("?" if k % 7 == 0 else "Peru", ">50K" if k % 3 == 0 else "<=50K") for k in range(n)]
    (folder / "adult.data").write_text("\n".join(rows) + "\n\n")
    tests = [row.replace("State-gov", "Never seen") + "." for row in rows[:20]]
    (folder / "adult.test").write_text("|1x3 Cross validator\n" + "\n".join(tests) + "\n\n")
    return folder


def test_adult_is_read_with_its_test_part_and_another_file_is_said_aloud(tmp_path):
    data = load_fields("adult", adult_folder(tmp_path))
    counts = {name: rows.stop - rows.start for name, rows in data.parts.items()}
    assert counts == {"train": 48, "choose": 6, "stop": 6, "test": 20}
    assert data.classes == ("<=50K", ">50K")
    assert [one.name for one in data.columns] == ["workclass", "native-country"]
    assert any("adult.data is not the published file: do not compare" in note for note in data.notes)
    assert "the test part is published" in data.split
    (work,) = (one for one in data.columns if one.name == "workclass")
    assert set(work.values[data.parts["test"]]) & set(work.values[data.parts["train"]]) == set()


def test_published_files_are_told_by_their_content():
    folders = [
        (name, find_published(folder)) for name, folder in (("adult", "adult"), ("bank", "bank"), ("bank-full", "bank"))
    ]
    expected = {"adult": (48_842, 11_687), "bank": (41_188, 4_640), "bank-full": (45_211, 5_289)}
    for name, folder in folders:
        if folder is not None:
            data = load_fields(name, folder)
            assert (len(data.label), int(data.label.sum())) == expected[name]
            assert not any("warning" in line for line in data.lines())


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: load_fields("adult"), "expected the folder with its adult.data and adult.test, got none"),
        (lambda folder: load_fields("bank", folder), "expected bank-additional-full.csv or .*gz in .*, got neither"),
        (lambda folder: load_fields("bnak", folder), "unknown table of fields 'bnak'.* Did you mean 'bank'"),
        (lambda folder: load_fields("table"), "expected the path of a file, got none"),
        (lambda folder: load_fields("planted", folder), "is made, not read"),
        (
            lambda folder: load_fields("adult", folder, options=FieldOptions(target="age")),
            "target is for tables of your",
        ),
        (lambda folder: FieldOptions(header="maybe"), "header: expected auto or yes or no, got 'maybe'"),
        (lambda folder: FieldOptions(test_share=1.0), "test_share: expected a share above 0 and below 1, got 1.0"),
        (lambda folder: FieldOptions(validation_share=0.0), "validation_share: expected a share"),
        (lambda folder: split_fields("x", numbered(9, 2), FieldOptions(), 0), "expected both classes in the .* part"),
    ],
)
def test_what_cannot_be_read_or_split_gets_a_line(make, told, tmp_path):
    with pytest.raises(UserError, match=told):
        make(tmp_path)
