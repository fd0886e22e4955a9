"""Every reproduction keeps the contract; each says what its numbers say."""

import pytest
from matplotlib.figure import Figure

from core.common.errors import UserError
from studies.common.drawing import png
from studies.reproduction.paper import TABLE_4
from studies.reproduction.raw import frame, from_csv, to_csv
from studies.reproduction.registry import REPRODUCTIONS, find_reproduction
from studies.reproduction.settings import ReproduceSettings, check_used
from studies.reproduction.table4 import baselines
from tests.studies.reproduction.frames import ROWS, made_up

EVERY = pytest.mark.parametrize("name", REPRODUCTIONS)


def test_every_reproduction_has_made_up_results():
    assert set(ROWS) == set(REPRODUCTIONS)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'table4'"):
        find_reproduction("tabel4")


@EVERY
def test_a_file_tells_the_same_as_what_was_measured(name):
    reproduction, raw = REPRODUCTIONS[name], made_up(name)
    back = from_csv(to_csv(raw, reproduction.columns), reproduction.columns, "x.csv")
    assert reproduction.tables(back) == reproduction.tables(raw)
    assert reproduction.notes(back) == reproduction.notes(raw)


@EVERY
def test_tables_are_functions_that_leave_results_as_they_are(name):
    reproduction, raw = REPRODUCTIONS[name], made_up(name)
    before = to_csv(raw, reproduction.columns)
    first = [table.markdown() for table in reproduction.tables(raw)]
    reproduction.pictures(raw)
    assert [table.markdown() for table in reproduction.tables(raw)] == first
    assert to_csv(raw, reproduction.columns) == before


@EVERY
def test_pictures_are_the_same_each_time(name):
    drawn = [REPRODUCTIONS[name].pictures(made_up(name)) for _ in range(2)]
    assert all(isinstance(figure, Figure) for figure in drawn[0].values())
    assert {stem: png(figure) for stem, figure in drawn[0].items()} == {s: png(f) for s, f in drawn[1].items()}


@EVERY
def test_any_rows_that_the_columns_let_through_are_taken(name):
    """Each row alone, and with nothing in the cells that may be empty."""
    reproduction = REPRODUCTIONS[name]
    optional = {column.name for column in reproduction.columns if column.optional}
    for row in ROWS[name]():
        for cells in (row, {key: value for key, value in row.items() if key not in optional}):
            raw = frame(reproduction.columns, [cells])
            back = from_csv(to_csv(raw, reproduction.columns), reproduction.columns, "x.csv")
            assert reproduction.tables(back)
            reproduction.notes(back)
    reproduction.pictures(back)  # of one row, with nothing in those cells


def rows_of(name, i=0):
    table = REPRODUCTIONS[name].tables(made_up(name))[i]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_table_4_tells_what_became_of_the_papers_loss():
    ours = [row for row in rows_of("table4") if row["seed"] != "-"]
    assert [row["in the search"] for row in ours] == [
        "found",
        "accepted, no finalist",
        "never trained",
        "never trained",
    ]
    assert (ours[0]["which is"], ours[1]["which is"]) == ("MSE", "another loss")
    assert (ours[0]["test"], ours[0]["paper's loss"], ours[0]["difference"]) == ("0.4400", "0.4500", "-0.0100")
    assert ours[0]["published"] == "0.4480"
    assert len([row for row in rows_of("table4") if row["seed"] == "-"]) == 7  # the paper alone
    assert [row["what became of it"] for row in rows_of("table4", 1)] == [
        "finalist 1",
        "accepted in Phase I",
        "accepted in Phase I",
    ]


def test_table_4_trains_the_papers_loss_beside_what_is_found():
    for place, loss in TABLE_4.items():
        assert baselines(*place) == (loss, "BCE")
    assert baselines("mlp", "ml-1m", "classification") == ("MaxR", "BCE")
    assert baselines("mf", "synthetic", "regression") == ("MSE", "BCE")


def test_table_4_counts_in_sentences():
    signed, paper, electronics, others = REPRODUCTIONS["table4"].notes(made_up("table4"))
    assert "signed clamp: MSE, which the paper finds, is found by 1 of 2 searches" in signed
    assert "2 searches, accepted, no finalist in 1. Test RMSE of what is found 0.4550 ±0.0212" in signed
    assert "paper clamp: MSE, which the paper finds, is found by 0 of 2 searches" in paper
    assert "never trained in 2. Test RMSE" in paper
    assert "--data" in electronics
    assert others == "Not measured here: MLP on ML-100K."


def test_table_5_stands_beside_the_paper():
    bce = next(row for row in rows_of("table5") if row["loss"] == "BCE" and row["data"] == "ML-100K")
    assert (bce["AUC, paper"], bce["AUC, ours"], bce["AUC, difference"]) == ("0.7882", "0.7887 ±0.0004", "+0.0005")
    assert bce["best epoch"] == "1,004"
    electronics = [row for row in rows_of("table5") if row["data"] == "Electronics"]
    assert len(electronics) == 14
    assert {row["AUC, ours"] for row in electronics} == {"-"}


def test_table_5_tells_who_is_close_and_who_is_ahead():
    close, ahead, missing, other = REPRODUCTIONS["table5"].notes(made_up("table5"))
    assert close.startswith("MF on ML-100K, AUC: 2 of 3 losses are within 0.002 of the paper; further away: hinge")
    assert ahead.startswith("MaxR (MF, ML-100K) is better than all handcrafted losses at p < 0.01 (10 paired seeds")
    assert "--data" in missing
    assert other == "Not measured here: MLP on ML-100K."


def test_table_6_reads_errors_the_other_way():
    _, ahead, *_ = REPRODUCTIONS["table6"].notes(made_up("table6"))
    assert ahead.startswith("MSE (MF, ML-100K) is better than all handcrafted losses")
    worse = [row | ({"test_rmse": 0.6} if row["loss"] == "MSE" else {}) for row in ROWS["table6"]()]
    _, behind, *_ = REPRODUCTIONS["table6"].notes(frame(REPRODUCTIONS["table6"].columns, worse))
    assert behind.startswith("MSE (MF, ML-100K) is better than 0 of 2 handcrafted losses")


def test_table_8_sorts_what_works_from_what_does_not():
    rows = rows_of("table8")
    assert [row["which"] for row in rows[:2]] == ["between", "chance"]
    assert (rows[1]["test AUC, paper"], rows[1]["test AUC, ours"]) == ("0.4918", "0.4918 ±0.0000")
    _, mixed, trainings = REPRODUCTIONS["table8"].notes(made_up("table8"))
    assert mixed.count("between") == 4
    assert trainings.endswith("8 end between.")
    either = [row | {"test_auc": 0.75} for row in ROWS["table8"]()]
    counts, trainings = REPRODUCTIONS["table8"].notes(frame(REPRODUCTIONS["table8"].columns, either))
    assert counts.startswith("12 of 12 formulas work")
    either[0]["test_auc"] = 0.5
    _, mixed, _ = REPRODUCTIONS["table8"].notes(frame(REPRODUCTIONS["table8"].columns, either))
    assert mixed.endswith("works with 1 of 2 seeds.")


def test_symmetric_stands_beside_a_tuned_bce():
    rows = {row["loss"]: row for row in rows_of("symmetric")}
    assert (rows["focal"]["gain over BCE"], rows["focal"]["p"]) == ("+0.0020", "0.002")
    assert (rows["BCE"]["gain over BCE"], rows["BCE"]["p"], rows["BCE"]["smoothing term"]) == ("-", "-", "-")
    assert rows["MaxR"]["published gain over BCE"] == "+0.0205"
    verdict, noise = REPRODUCTIONS["symmetric"].notes(made_up("symmetric"))
    assert "better focal (+0.0020); worse none; not shown to differ MaxR." in verdict
    assert "0.0009 to 0.0013" in noise


def test_symmetric_shows_neighbours_on_both_sides():
    rows = {row["loss"]: row for row in rows_of("symmetric", 1)}
    assert {name: row["bracketed"] for name, row in rows.items()} == {"BCE": "yes", "focal": "yes", "MaxR": "no"}
    assert (rows["BCE"]["chosen"], rows["BCE"]["twice"], rows["MaxR"]["weight decay: half"]) == (
        "0.8000",
        "0.7900",
        "-",
    )


def test_figure_5_compares_ends_and_bests():
    kept, free = rows_of("figure5")
    assert (kept["reward filter"], kept["validation, at the end"]) == ("with", "0.5505 ±0.0007")
    assert (free["paper, at the end"], free["difference"]) == ("around 0.5", "+0.0005")
    around, better = REPRODUCTIONS["figure5"].notes(made_up("figure5"))
    assert "without the filter 2 of 2 searches end around an AUC of .5" in around
    assert "ends higher in 2 of 2 seeds, by +0.0500" in better


def test_figure_5_says_so_where_the_paper_is_wrong():
    rows = [row | {"validation": 0.7} if row["filter"] == "without" else row for row in ROWS["figure5"]()]
    around, better = REPRODUCTIONS["figure5"].notes(frame(REPRODUCTIONS["figure5"].columns, rows))
    assert "0 of 2 searches end around" in around
    assert "ends higher in 0 of 2 seeds" in better


def test_table_7_divides_paces():
    without, kept = rows_of("table7")
    assert (without["ours, sampled"], kept["ours, sampled"]) == ("40 in 120 s", "400 in 120 s")
    assert (kept["paper, speed-up"], kept["ours, speed-up"], kept["difference"]) == ("29.3", "10.0", "-19.3")
    (note,) = REPRODUCTIONS["table7"].notes(made_up("table7"))
    assert "10.0 times as many losses are sampled" in note


def test_figure_6_reads_the_curves_at_quarters():
    rows = [row for row in rows_of("figure6") if row["proxy test"] == "with"]
    assert [(row["seconds"], row["ours"]) for row in rows] == [
        ("30", "100"),
        ("60", "200"),
        ("90", "300"),
        ("120", "400"),
    ]
    assert rows[-1]["paper"] == "130"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 0}, "--seeds: expected 1 to 50,000"),
        ({"recommenders": "mf,mf"}, "--recommenders: expected distinct names"),
        ({"recommenders": "mf,"}, "--recommenders: expected distinct names"),
        ({"preset": "slow"}, "--preset: expected tuned or fast or paper"),
        ({"minutes": float("nan")}, "minutes"),
    ],
    ids=str,
)
def test_settings_that_cannot_work(changes, message):
    with pytest.raises(UserError, match=message):
        ReproduceSettings(**changes)


def test_options_without_a_use_are_refused():
    with pytest.raises(UserError, match=r"--minutes: figure5 has no use for it; it takes --dataset, --recommenders"):
        check_used(ReproduceSettings(minutes=3.0), "figure5", REPRODUCTIONS["figure5"].options)
