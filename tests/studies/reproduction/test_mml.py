"""The Multi-Margin Loss paper: its numbers, what is trained for them, what is read off a curve, what is said."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.losses.setwise.registry import parse_set_loss
from recommenders.backends.ranking.optimisers import Adam, parse_optimiser
from recommenders.data.implicit.samplers import Uniform, parse_sampler
from recommenders.modules.vector_specification import parse_vector_model
from studies.evaluation.ranking.tasks import RankingTasks
from studies.reproduce import app_of
from studies.reproduction.mml.paper import (
    DATASETS,
    FIGURE_3_GAINS,
    FIGURE_3_LOSSES,
    FIGURE_3_NEGATIVES,
    TABLE_2,
    TABLE_3,
    TABLE_4,
)
from studies.reproduction.mml.performance import RISE, chosen_epoch, published_gain
from studies.reproduction.mml.recipe import Setup, shown_name
from studies.reproduction.mml.settings import RankingReproducePlaces, RankingReproduceSettings, folders
from studies.reproduction.raw import frame
from studies.reproduction.registry import REPRODUCTIONS
from studies.reproduction.settings import command
from tests.studies.reproduction.frames import ROWS, made_up

#: The cells of the paper's tables as they are printed.
PRINTED_2 = """
simplex CCL Y 0.0634 0.0517 0.1622 0.1283
simplex CCL N 0.0679 0.0555 0.1663 0.1319
simplex MML Y 0.0662 0.0539 0.1723 0.1358
simplex MML N 0.0706 0.0578 0.1787 0.1412
mf CCL Y 0.0601 0.0490 0.1632 0.1279
mf CCL N 0.0673 0.0551 0.1783 0.1426
mf MML Y 0.0674 0.0550 0.1756 0.1370
mf MML N 0.0702 0.0580 0.1816 0.1435
"""
PRINTED_3 = """
800 CCL 77.5 - 129 66 - 110
800 MML 78.5 +1.3 130 64 -3.0 107
100 CCL 35 - 58 37 - 62
100 MML 35 0.0 58 37.5 +1.4 63
10 CCL 31 - 51 32 - 53
10 MML 33 +6.5 55 33.5 +4.7 56
"""
PRINTED_4 = """
BPR 0.0272 0.0216 0.0708 0.0509
hinge 0.0340 0.0269 0.0758 0.0541
SCE 0.0309 0.0246 0.0734 0.0543
MSE 0.0609 0.0502 0.1391 0.1171
CCL 0.0673 0.0551 0.1783 0.1426
BSL 0.0703 0.0580 0.1804 0.1521
MML 0.0702 0.0580 0.1816 0.1435
"""


def lines(text):
    return [line.split() for line in text.strip().splitlines()]


def both(performance):
    return [f"{value:.4f}" for dataset in DATASETS for value in performance[dataset]]


def test_performances_are_those_that_are_printed():
    table_2 = [[model, loss, "Y" if early else "N", *both(row)] for (model, loss, early), row in TABLE_2.items()]
    assert table_2 == lines(PRINTED_2)
    assert [[loss, *both(row)] for loss, row in TABLE_4.items()] == lines(PRINTED_4)


def test_runtimes_are_those_that_are_printed_and_ratios_follow_from_them():
    for (negatives, loss), (wanted_negatives, wanted, *cells) in zip(TABLE_3, lines(PRINTED_3), strict=True):
        assert (str(negatives), loss) == (wanted_negatives, wanted)
        for i, dataset in enumerate(DATASETS):
            one, (seconds, ratio, minutes) = TABLE_3[negatives, loss][dataset], cells[3 * i : 3 * i + 3]
            assert (one.seconds, one.minutes) == (float(seconds), float(minutes))
            assert one.minutes == pytest.approx(100 * one.seconds / 60, abs=1)
            if ratio != "-":
                base = TABLE_3[negatives, "CCL"][dataset].seconds
                assert 100 * (one.seconds / base - 1) == pytest.approx(float(ratio), abs=0.051)


def test_gains_that_the_text_tells_follow_from_the_tables():
    told = {"simplex": (3.98, 4.14, 7.46, 7.05), "mf": (4.31, 5.26, 1.85, 0.63)}
    for model, gains in told.items():
        mml, ccl = (TABLE_2[model, loss, False] for loss in ("MML", "CCL"))
        found = [published_gain(mml[one], ccl[one], column) for one in DATASETS for column in ("recall", "ndcg")]
        assert found == pytest.approx(list(gains), abs=0.01)
    for loss in ("CCL", "MML"):
        assert TABLE_2["mf", loss, False] == TABLE_4[loss]
    assert [value for one in DATASETS for value in FIGURE_3_GAINS[one]] == [19.5, 20.13, 12.99, 15.07]
    assert set(FIGURE_3_LOSSES) < set(TABLE_4)
    assert {negatives for negatives, _ in TABLE_3} == set(FIGURE_3_NEGATIVES)


SCORES = st.lists(st.none() | st.sampled_from([0.1, 0.1 + RISE / 2, 0.2, 0.3]) | st.floats(0, 1), max_size=30)


@given(SCORES, st.integers(1, 5))
@example([0.1, 0.2, 0.2, 0.2, 0.2, 0.9], 3)
@example([None, None, None, 0.5], 3)
def test_stopping_early_is_what_a_loop_that_stops_would_keep(scores, patience):
    best, kept, waiting, epochs = 0.0, 0, 0, 0
    for score in scores:
        epochs += 1
        if score is not None and (kept == 0 or score > best + RISE):
            best, kept, waiting = score, epochs, 0
        else:
            waiting += 1
        if waiting == patience:
            break
    assert chosen_epoch(scores, patience) == (kept, epochs)


@given(SCORES)
def test_without_stopping_the_best_epoch_is_kept_and_more_patience_changes_nothing(scores):
    kept, epochs = chosen_epoch(scores, None)
    assert (kept, epochs) == chosen_epoch(scores, len(scores) + 1)
    assert epochs == len(scores)
    finite = [score for score in scores if score is not None]
    if finite:
        assert scores[kept - 1] == pytest.approx(max(finite), abs=RISE)
    else:
        assert kept == 0


@given(SCORES, st.integers(1, 4), st.integers(1, 4))
def test_more_patience_never_keeps_a_worse_epoch(scores, patience, more):
    (first, ends), (later, ends_later) = (chosen_epoch(scores, one) for one in (patience, patience + more))
    assert first <= later
    assert ends <= ends_later


@pytest.mark.parametrize("dataset", DATASETS)
def test_recboxs_recipe_is_as_published(dataset):
    for loss in ("BPR", "hinge", "SCE", "MSE", "CCL", "MML", "SL:temperature=.1"):
        steps = Setup("mf", dataset, loss, 100).evaluation(100, "cpu", "auto").steps
        model = parse_vector_model(steps.recommender)
        assert (model.embedding_size, model.similarity, model.init, model.init_std) == (64, "cosine", "normal", 1e-4)
        assert (model.dropout, model.dropout_place) == (0.1, "after")
        assert (steps.batch_size, steps.clip_norm) == ({"yelp18": 512, "gowalla": 256}[dataset], 10)
        assert (steps.learning_rate, steps.schedule, steps.weight_decay) == (1e-4, "constant", 0)
        assert parse_optimiser(steps.optimiser) == Adam()
        assert parse_sampler(steps.sampler) == Uniform(100, exclude_positives=False)
        assert (steps.every, steps.max_epochs, steps.stop_after, steps.metric) == (1, 100, None, "recall@20")


def test_constants_are_those_of_the_paper():
    told = {
        ("BPR", "mf", "yelp18"): "BPR:temperature=1",
        ("hinge", "mf", "yelp18"): "hinge:margin=1",
        ("SCE", "mf", "yelp18"): "InfoNCE:temperature=1",
        ("MSE", "mf", "yelp18"): "MSE:negative_weight=1:reduction=sum",
        ("CCL", "mf", "yelp18"): "CCL:margin=.9:negative_weight=150",
        ("CCL", "mf", "gowalla"): "CCL:margin=.9:negative_weight=150",
        ("CCL", "simplex", "yelp18"): "CCL:margin=.9:negative_weight=150",
        ("CCL", "simplex", "gowalla"): "CCL:margin=.9:negative_weight=250",
        ("MML", "simplex", "yelp18"): "MML:margins=.6,.7,.8,.9:weights=.05,.15,.2,.6:negative_weight=400",
        ("MML", "mf", "gowalla"): "MML:margins=.7,.8,.9:weights=.1,.15,.75:negative_weight=700",
        ("BSL", "mf", "yelp18"): "BSL:temperature=.11:exponent=1.1",
        ("BSL", "mf", "gowalla"): "BSL:temperature=.08:exponent=1.22",
        ("bsl:exponent=1", "mf", "yelp18"): "BSL:temperature=.08:exponent=1",
    }
    for (loss, model, dataset), line in told.items():
        assert Setup(model, dataset, shown_name(loss), 10).loss == parse_set_loss(line)


def test_bsl_is_trained_as_by_its_own_code():
    for dataset, decay in (("yelp18", 1e-3), ("gowalla", 1e-9)):
        steps = Setup("mf", dataset, "BSL", 800).evaluation(100, "cpu", "auto").steps
        model = parse_vector_model(steps.recommender)
        assert (model.init, model.dropout, model.dropout_place) == ("xavier", 0.1, "before")
        assert (steps.batch_size, steps.weight_decay, steps.decay_of, steps.clip_norm) == (1024, decay, "rows", None)
    with pytest.raises(UserError, match="its code has mf alone"):
        Setup("simplex", "gowalla", "BSL:exponent=1.1", 100)


def test_simplex_on_yelp_is_mf_and_is_trained_once():
    def task(model, dataset):
        setup = Setup(model, dataset, "MML", 100)
        return RankingTasks(setup.evaluation(100, "cpu", "auto"), "x").training(setup.label, setup.loss, 1e-4, {}, 0)

    assert task("simplex", "yelp18").file == task("mf", "yelp18").file
    assert task("simplex", "gowalla").file != task("mf", "gowalla").file
    model = parse_vector_model(Setup("simplex", "gowalla", "MML", 100).evaluation(1, "cpu", "auto").steps.recommender)
    assert (model.aggregation, model.gamma, model.share_embedding, model.init_std) == (
        "user_attention",
        0.8,
        False,
        1e-4,
    )
    assert Setup("simplex", "gowalla", "MML", 100).monitor == "ndcg@20"
    with pytest.raises(UserError, match="--backend compiled: it trains mf alone"):
        Setup("simplex", "gowalla", "MML", 100).evaluation(1, "cpu", "compiled")
    assert Setup("simplex", "yelp18", "MML", 100).evaluation(1, "cpu", "compiled").steps.backend == "compiled"


def test_a_falling_rate_ends_after_three_epochs_that_were_no_better():
    settings = Setup("mf", "gowalla", "CCL", 100, "falling").evaluation(100, "cpu", "auto")
    assert (settings.steps.schedule, settings.plan()["stop_after"]) == ("plateau", 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 0}, "--seeds: expected 1 to 50,000"),
        ({"max_epochs": 0}, "max_epochs: expected 1 to 1,000,000"),
        ({"timed_epochs": 0}, "timed_epochs: expected 1 to"),
        ({"negatives": (10, 0)}, "--negatives: expected 1 to 100,000"),
        ({"dataset": "ml-100k"}, "dataset"),
        ({"recommenders": "mlp"}, "recommenders"),
        ({"recommenders": "mf,mf"}, "--recommenders: expected distinct names"),
        ({"recommenders": ""}, "recommenders"),
        ({"loss": ("BCE",)}, "loss BCE: it is one of predictions"),
        ({"loss": ("CCL:margin=x",)}, "margin"),
        ({"backend": "gpu"}, "unknown backend"),
    ],
    ids=str,
)
def test_settings_that_cannot_work(changes, message):
    with pytest.raises(UserError, match=re.escape(message)):
        RankingReproduceSettings(**changes)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "dataset": st.sampled_from(DATASETS),
            "recommenders": st.sampled_from(["mf", "simplex", "mf,simplex"]),
            "loss": st.lists(st.sampled_from(["CCL", "mml", "SL:temperature=.1"]), min_size=1).map(tuple),
            "negatives": st.lists(st.integers(1, 100_000), min_size=1, max_size=4).map(tuple),
            "seeds": st.integers(1, 9),
            "max_epochs": st.integers(1, 200),
            "falling_rate": st.booleans(),
        },
    )
)
def test_a_command_that_was_printed_is_read_back_as_its_settings(changes):
    settings = RankingReproduceSettings(**changes)
    words = command("mml-table2", settings, RankingReproducePlaces().files).split()[3:]
    _, bound, _ = app_of(words).parse_args(words, exit_on_error=False, print_error=False)
    assert bound.arguments.get("settings", RankingReproduceSettings()) == settings


def test_folders_by_what_is_given(tmp_path):
    for name in ("yelp2018", "gowalla"):
        (tmp_path / name).mkdir()
    both_of_them = {"yelp18": tmp_path / "yelp2018", "gowalla": tmp_path / "gowalla"}
    assert folders(None, tmp_path) == both_of_them
    assert folders("gowalla", tmp_path) == {"gowalla": tmp_path / "gowalla"}
    assert folders("gowalla", tmp_path / "gowalla") == {"gowalla": tmp_path / "gowalla"}
    (tmp_path / "yelp2018").rmdir()
    assert list(folders(None, tmp_path)) == ["gowalla"]
    with pytest.raises(UserError, match="expected the folder of yelp18 and gowalla, got none"):
        folders(None, None)
    with pytest.raises(UserError, match="or say which it is: --dataset"):
        folders(None, tmp_path / "gowalla")


def rows_of(name, i=0):
    table = REPRODUCTIONS[name].tables(made_up(name))[i]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def notes_of(name, rows=None):
    reproduction = REPRODUCTIONS[name]
    return reproduction.notes(made_up(name) if rows is None else frame(reproduction.columns, rows))


def test_table_2_has_the_papers_rows_in_order_and_ours_beside_them():
    rows = rows_of("mml-table2")
    assert len([row for row in rows if row["Recall@20, paper"] != "-"]) == 8
    assert {row["data"] for row in rows} == {"Gowalla"}  # where it was measured
    of_mf = [row for row in rows if (row["model"], row["data"], row["loss"]) == ("MF", "Gowalla", "CCL")]
    assert [(row["negatives"], row["early stop"]) for row in of_mf] == [
        ("10", "yes"),
        ("10", "no"),
        ("100", "yes"),
        ("100", "no"),
        ("100", "yes, falling rate"),
    ]
    assert of_mf[3]["Recall@20, ours"] == "0.1785 ±0.0003"
    assert (of_mf[3]["Recall@20, paper"], of_mf[3]["Recall@20, difference"]) == ("0.1783", "+0.0002")
    assert (of_mf[2]["Recall@20, paper"], of_mf[4]["Recall@20, paper"], of_mf[0]["Recall@20, paper"]) == (
        "0.1632",
        "-",
        "-",
    )


def test_table_2_says_what_its_numbers_say():
    notes = notes_of("mml-table2")
    assert notes[0] == "MF on Gowalla: 4 of 8 figures are within 0.002 of the paper's."
    gain = next(note for note in notes if note.startswith("MML (MF on Gowalla, 100 negatives) beside CCL: "))
    assert gain.endswith(": +2.41% in Recall@20 (paper +1.85%) and +2.41% in NDCG@20 (paper +0.63%).")
    assert any("beside the same stopped early: +5.93%" in note and "(paper +9.25%)" in note for note in notes)
    assert any("falling rate, stopped early) beside the same at a constant rate: +9.02%" in note for note in notes)
    assert any(note.startswith("Selected on test: ") for note in notes)
    assert any("0.0010 lower on average, 0.0010 at most" in note for note in notes)
    assert any(note.startswith("Noise floor: ") and note.endswith("is 0.0003.") for note in notes)
    assert notes[-1] == "Not measured here: SimpleX on Yelp18, MF on Yelp18, SimpleX on Gowalla."
    assert not any("Trained for" in note or "is MF here" in note for note in notes)


def test_what_was_trained_differently_is_told():
    rows = [row | {"epochs": 2, "epoch": min(2, row["epoch"])} for row in ROWS["mml-table2"]()]
    notes = notes_of(
        "mml-table2", [row | {"dataset": "yelp18-other", "model": "simplex", "seed": 0} for row in rows[:3]]
    )
    assert any(note.startswith("Trained for 2 epochs, the paper for 100") for note in notes)
    assert any(note.startswith("SimpleX on Yelp18 is MF here") and "up to 0.0033 apart" in note for note in notes)
    assert any(
        note.startswith("Yelp18, another split: the paper's figures are of the published split") for note in notes
    )
    assert any(note.startswith("One seed, as in the paper") for note in notes)
    assert notes[-1] == "Not measured here: MF on Yelp18, SimpleX on Gowalla, MF on Gowalla."
    broken = notes_of("mml-table4", [row | {"epoch": 0, "recall": None, "ndcg": None} for row in rows[:3]])
    assert any("3 of 3 figures are missing: these trainings broke down" in note for note in broken)


def test_table_4_orders_the_losses_as_the_paper_and_as_we_do():
    assert [row["loss"] for row in rows_of("mml-table4")[:7]] == ["BPR", "hinge", "SCE", "MSE", "CCL", "CCL", "BSL"]
    notes = notes_of("mml-table4")
    assert "Gowalla, from the highest Recall@20 down: BSL, MML, CCL; in the paper MML, BSL, CCL." in notes
    assert any("not measured here: BPR with 100 negatives, hinge with 100 negatives, SCE" in note for note in notes)
    assert not any("falling" in cell for row in rows_of("mml-table4") for cell in row.values())


def test_figure_3_tells_gains_over_ccl():
    gains = {(row["data"], row["negatives"], row["loss"]): row for row in rows_of("mml-figure3", 1)}
    row = gains["Gowalla", "10", "MML"]
    assert (row["Recall@20, paper"], row["Recall@20, ours"], row["Recall@20, difference"]) == (
        "+12.99%",
        "+14.27%",
        "+1.28%",
    )
    assert gains["Gowalla", "100", "MML"]["Recall@20, paper"] == "+1.85%"
    assert {data for data, _, _ in gains} == {"Gowalla"}
    assert any(
        "of CCL rises with negatives: 0.1402 with 10, 0.1785 with 100." in note for note in notes_of("mml-figure3")
    )
    assert list(REPRODUCTIONS["mml-figure3"].pictures(made_up("mml-figure3"))) == ["mml-figure3"]


def test_table_3_stands_beside_the_p100():
    ccl, mml = (row for row in rows_of("mml-table3") if (row["data"], row["negatives"]) == ("Yelp18", "100"))
    assert (ccl["seconds an epoch, paper (P100)"], ccl["ours"], ccl["difference"]) == ("35.0", "10.00", "-25.0")
    assert (mml["over CCL, paper"], mml["over CCL, ours"], ccl["over CCL, ours"]) == ("0.00%", "+10.00%", "-")
    assert (ccl["minutes for 100 epochs, paper"], ccl["minutes for 100 epochs, ours"]) == ("58", "16.7")
    notes = notes_of("mml-table3")
    assert "Yelp18, 100 negatives: an epoch of MML takes +10.00% beside one of CCL, in the paper 0.00%." in notes
    assert any(note.startswith("Means of 2 epochs of training for each loss") for note in notes)
    assert notes[-1] == "Not measured here: MF on Gowalla."


@pytest.mark.parametrize("name", ["mml-table2", "mml-table4", "mml-figure3"])
def test_models_and_numbers_that_the_paper_has_not_are_shown_too(name):
    rows = [row | {"loss": "SL:temperature=.1", "negatives": 50} for row in ROWS[name]()]
    reproduction = REPRODUCTIONS[name]
    shown = reproduction.tables(frame(reproduction.columns, rows))[0]
    assert [row for row in shown.rows if "SL:temperature=.1" in row and "50" in row]
