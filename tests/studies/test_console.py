import io

from rich.console import Console

from core.search.effectiveness import TrainingCurve
from recommenders.tasks.metrics import find_metric
from studies.study.console import LiveProgress, new_console, warning_to
from studies.study.summary import shortened
from tests.studies.small import run_small

AUC = find_metric("classification", "auc")


def drawn(terminal, clock=lambda: 0.0):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=140)
    with LiveProgress(console, AUC, 8, clock) as progress:
        run_small(progress)
    return stream.getvalue()


def test_a_file_gets_whole_lines_without_control_characters():
    ticks = iter(range(0, 100_000, 11))
    text = drawn(False, lambda: float(next(ticks)))
    assert "\x1b" not in text
    assert "\r" not in text
    assert "8/8 trained of" in text
    assert "in training, best validation auc 0." in text


def test_lines_come_no_more_often_than_every_ten_seconds():
    assert "trained of" not in drawn(False).replace("trained to", "")


def test_a_terminal_gets_a_live_bar_that_is_taken_away_again():
    text = drawn(True)
    assert "\x1b" in text
    assert "Phase III" in text


def test_an_epoch_counts_who_is_still_in_training():
    stream = io.StringIO()
    progress = LiveProgress(Console(file=stream, width=140), AUC, 8, clock=iter([0.0, 20.0, 20.0]).__next__)
    progress.on_phase("Phase III")
    progress.on_epoch([TrainingCurve(epochs=4, best_score=0.7), TrainingCurve(epochs=2, best_score=0.8)])
    assert "epoch 4, 1 in training, best validation auc 0.8000" in stream.getvalue()


def test_trainings_that_come_whole_are_counted():
    stream = io.StringIO()
    clock = iter(range(0, 1000, 11)).__next__
    progress = LiveProgress(Console(file=stream, width=140), AUC, 8, clock, are_whole=True)
    progress.on_phase("Phase III")
    some = [TrainingCurve(epochs=3, best_score=0.7), TrainingCurve(epochs=1, best_score=0.6), TrainingCurve()]
    for done in (1, 2):
        progress.on_epoch([*some[:done], *[TrainingCurve()] * (3 - done)])
    progress.on_epoch([*some[:2], some[0]])
    told = [f"  {n} of 3 trained, best validation auc 0.7000" for n in (1, 2, 3)]
    assert stream.getvalue().splitlines() == ["Phase III", *told]


def test_what_is_reached_is_told_in_the_words_of_the_problem():
    stream = io.StringIO()
    clock = iter(range(0, 100_000, 11)).__next__
    with LiveProgress(Console(file=stream, width=140), AUC, 8, clock, complexity="crosses") as progress:
        run_small(progress)
    assert "; by crosses 1: 0." in stream.getvalue() or "; by crosses 2: 0." in stream.getvalue()


def test_a_long_formula_is_cut_in_the_middle():
    assert shortened("a" * 120) == "a" * 120
    cut = shortened("a" * 200 + "z" * 200)
    assert len(cut) <= 120
    assert cut.startswith("a")
    assert cut.endswith("z")


def test_brackets_in_names_are_printed_as_they_are(capsys):
    console = new_console()
    warning_to(console)("a column called [/b]")
    console.print("o[/u]", highlight=False)
    assert capsys.readouterr().out == "warning: a column called [/b]\no[/u]\n"
