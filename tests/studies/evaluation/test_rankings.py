"""Losses evaluated on rankings: by command, as tasks, fairly, and whatever somebody types."""

import csv
import json
import math
from statistics import fmean, stdev

import numpy as np
import optuna
import pytest

from core.common.errors import UserError
from core.losses.setwise.registry import RANKING_LOSSES, parse_ranking_loss
from recommenders.data import DataFiles
from recommenders.data.implicit import load_implicit
from recommenders.models.vectors.mf import VectorMF
from studies.common.command import exit_code_of
from studies.evaluate import app, app_of, rankings
from studies.evaluation.ranking import tuner as tuner_module
from studies.evaluation.ranking.evaluation import RankingEvaluation
from studies.evaluation.ranking.methods import AT_ONCE, TUNING_METHODS, TuningMethod
from studies.evaluation.ranking.settings import RankingPlaces, RankingSettings, command
from studies.evaluation.ranking.tasks import RankingTasks
from studies.evaluation.ranking.tuner import RankingTuner, first_point
from studies.evaluation.report import print_summary
from studies.execution.executor import InlineExecutor, Work
from studies.execution.processes import ProcessExecutor
from studies.execution.rankings import packed, ranking_data, unpacked
from studies.execution.resources import Checkpointer, LocalStorage, Resources
from studies.execution.runner import CachedRunner, ResultCache
from studies.execution.work import compute
from studies.study.console import new_console
from studies.study.parts import compose
from studies.study.summary import mean_and_spread
from tests.studies.conftest import database
from tests.studies.small import as_words

OPTIONS = {
    "loss": ("SL",),
    "baseline": ("BPR:temperature=0.5",),
    "anchor": ("popularity",),
    "dataset": "synthetic",
    "recommender": "mf:embedding_size=8",
    "sampler": "shared:negatives=16",
    "trials": 3,
    "seeds": 2,
    "max_epochs": 3,
    "every": 1,
}


def small(**changes):
    return compose(RankingSettings, OPTIONS | changes).on(None)


def judge(folder, jobs=1, **changes):
    """The outcome, computed in this process unless there are more jobs."""
    settings = small(**changes)
    digest = ranking_data(settings.data_settings(), None).digest()
    storage = LocalStorage({digest: DataFiles()}, folder / "parts")
    work = Work(compute, Resources(device="cpu"), storage, jobs)
    with InlineExecutor(work) if jobs == 1 else ProcessExecutor(work) as executor:
        runner = CachedRunner(executor, ResultCache(folder / "parts"), storage)
        return RankingEvaluation(settings, digest, runner).run()


def run_command(*words, **changes):
    """The exit code of the command."""
    words = ["--task", "ranking", *as_words(OPTIONS | changes), "--jobs", "1", *words]
    return exit_code_of(app_of(words), words)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    return judge(tmp_path_factory.mktemp("rankings"))


def test_every_loss_gets_as_many_trials_and_seeds(outcome):
    *losses, anchor = outcome.losses
    assert [len(one.choice.tuner.tried) for one in losses] == [3, 3]
    assert [len(one.runs) for one in outcome.losses] == [2, 2, 2]
    assert (anchor.name, anchor.is_baseline) == ("popularity", True)


def test_the_best_on_validation_is_chosen_and_trials_know_nothing_of_test(outcome, tmp_path):
    for one in outcome.losses[:2]:
        best = max(one.choice.tuner.tried, key=lambda tried: tried.value)
        assert one.choice.point == best.point
    judge(tmp_path)
    stored = [json.loads(path.read_text()) for path in (tmp_path / "parts").glob("*.json")]
    trials = [one for one in stored if one["kind"] == "ranking trial"]
    assert len(trials) == 6
    assert all(not {"test", "per_user", "exposure"} & set(one) for one in trials)
    assert all("test" in one for one in stored if one["kind"] == "ranking")


def test_short_trials_choose_what_is_tried_again_for_all_epochs(tmp_path):
    outcome = judge(tmp_path, trials=5, trial_epochs=1, seeds=1)
    stored = [json.loads(path.read_text()) for path in (tmp_path / "parts").glob("*.json")]
    lengths = [len(one["curve"]) for one in stored if one["kind"] == "ranking trial"]
    assert sorted(lengths) == [1] * 2 * 5 + [3] * 2 * 2  # losses and trials of each, five and a quarter of them
    for one in outcome.losses[:2]:
        tuner, ranked = one.choice.tuner, sorted(one.choice.tuner.tried, key=lambda tried: -tried.value)
        assert [tried.point for tried in tuner.again] == [tried.point for tried in ranked[:2]]
        best = max(tuner.again, key=lambda tried: tried.value)
        assert one.choice.point == best.point
        told = one.choice.to_dict()
        assert (told["value"], len(told["trials"]), len(told["again"])) == (best.value, 5, 2)


def test_settings_of_anchors_are_chosen_on_validation_and_given_ones_stay(tmp_path):
    anchors = ("ease", "ease:l2=7", "ials:factors=4:l2=0.05:epochs=2", "popularity")
    outcome = judge(tmp_path, loss=("SL",), baseline=(), trials=1, seeds=1, anchor=anchors)
    chosen = {one.name: one.choice for one in outcome.losses if one.name in anchors}
    assert [len(choice.tried) for choice in chosen.values()] == [4, 0, 4, 0]
    for name in ("ease", "ials:factors=4:l2=0.05:epochs=2"):
        choice = chosen[name]
        assert choice.best.value == max(one.value for one in choice.tried)
        assert choice.settings["line"] == choice.best.point
        assert choice.best.point.startswith(name)
        assert choice.shown["constants"].replace(" ", ":") == choice.best.point.partition(":")[2]
    assert chosen["ease:l2=7"].settings["line"] is None
    stored = [json.loads(path.read_text()) for path in (tmp_path / "parts").glob("*.json")]
    trials = [one for one in stored if one["kind"] == "ranking trial"]
    assert len(trials) == 1 + 4 + 4
    assert all(not {"test", "per_user", "exposure"} & set(one) for one in trials)


@pytest.mark.nightly  # tests/studies/execution has the same of tasks of any kind
def test_more_processes_and_what_is_kept_change_nothing(outcome, tmp_path):
    assert judge(tmp_path, jobs=2).to_dict() == outcome.to_dict()
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("*.json")}
    assert judge(tmp_path).to_dict() == outcome.to_dict()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("*.json")} == files
    more = judge(tmp_path, seeds=3)
    assert more.losses[0].values("test", "recall@20")[:2] == outcome.losses[0].values("test", "recall@20")
    assert len(list((tmp_path / "parts").glob("*.json"))) == len(files) + 3  # a seed of each, the popular items too


def test_users_are_paired(outcome):
    (by_loss, by_anchor) = (one for one in outcome.by_user if one.metric == "recall@20")
    assert (by_loss.loss, by_loss.baseline) == ("SL", "BPR:temperature=0.5")
    assert by_anchor.users == int((load_implicit("synthetic").test.counts > 0).sum())
    means = {one.name: fmean(one.values("test", "recall@20")) for one in outcome.losses}
    assert by_loss.gain == pytest.approx(means["SL"] - means["BPR:temperature=0.5"], abs=1e-6)
    assert f"{by_anchor.users:,} paired users" in by_anchor.sentence


def test_as_published_all_is_trained_on_and_test_chooses(tmp_path):
    outcome = judge(tmp_path, protocol="paper", baseline=None)
    assert [one.name for one in outcome.losses] == ["SL", "popularity"]
    (run, _) = outcome.losses[0].runs
    assert run["validation"] == {}
    assert run["test"]["recall@20"] == max(run["curve"])
    assert outcome.losses[0].choice.settings["learning_rate"] == 0.03
    assert "chosen on the test part" in outcome.settings.caveats()[0]


def test_a_loss_of_vectors_is_judged_beside_the_others(tmp_path):
    outcome = judge(tmp_path, loss=("DirectAU",))
    own = outcome.losses[0]
    assert own.choice.settings["line"].startswith("DirectAU:gamma=")
    assert len({one.point.loss.gamma for one in own.choice.tuner.tried}) == 3
    assert len(own.values("test", "recall@20")) == 2


def test_a_loss_that_breaks_down_takes_nobody_with_it(tmp_path):
    model = "mf:embedding_size=8:similarity=dot:init_std=90000:dropout=0"
    paper = {"protocol": "paper", "baseline": (), "learning_rate": 1e5}
    outcome = judge(tmp_path, loss=("MSE",), recommender=model, optimiser="sgd", **paper)
    broken, popular = outcome.losses
    assert all(np.isnan(broken.values("test", "recall@20")))
    assert outcome.by_user == ()
    assert np.isfinite(popular.values("test", "recall@20")).all()


def test_a_training_goes_on_from_its_checkpoint(tmp_path):
    settings = small(max_epochs=4)
    data = ranking_data(settings.data_settings(), None)
    first = first_point("SL", 0.03, VectorMF())
    task = RankingTasks(settings, data.digest()).training("SL", first.loss, first.learning_rate, first.model, repeat=0)
    states = []

    class Kept(LocalStorage):
        def checkpointer(self, tasks):
            return Checkpointer(states[1] if states else None, lambda state: states.append(state()))

    storage = Kept({data.digest(): DataFiles()})
    whole, again = (compute([task], Resources(device="cpu").here(0, 1), storage, lambda share: None) for _ in range(2))
    assert whole == again
    assert len(states) == 4 + 2  # the second one began after two epochs


def test_settings_that_are_given_stay_and_others_are_tuned():
    model = VectorMF(dropout=0.0)
    first = first_point("BSL:exponent=1.1", 0.03, model)
    tuner = RankingTuner("BSL:exponent=1.1", model, frozenset({"dropout"}), first, 1)
    points = tuner.ask(4)
    assert points[0] == first
    assert {point.loss.exponent for point in points} == {1.1}
    assert {point.model["dropout"] for point in points} == {0.0}
    assert len({point.loss.temperature for point in points}) == 4
    tuner.tell([[0.1], [0.3], [0.2], [0.3]])
    assert tuner.best.point == points[1]
    lower = RankingTuner("BSL:exponent=1.1", model, frozenset({"dropout"}), first, 1, higher_is_better=False)
    assert lower.ask(4) == points
    lower.tell([[0.1], [0.3], [0.2], [0.3]])
    assert lower.best.point == points[0]


@pytest.mark.parametrize("name", RANKING_LOSSES)
def test_every_loss_can_be_tuned(name):
    tuner = RankingTuner(name, VectorMF(), frozenset(), first_point(name, 0.03, VectorMF()), 1)
    points = tuner.ask(4)
    for point in points:
        assert parse_ranking_loss(str(point.loss)) == point.loss
        if point.loss.scores == "cosine":
            assert point.model["similarity"] == "cosine"
    assert len({point.learning_rate for point in points}) == 4


def tuned(method, line="MML", rounds=5, model=VectorMF(), value=None):  # noqa: B008  # settings do not change
    """A tuner that has been told what the points of some rounds came to: the nearer to a learning rate of .1."""
    value = value or (lambda point: -abs(math.log(point.learning_rate / 0.1)))
    tuner = RankingTuner(line, model, frozenset({"init_std"}), first_point(line, 0.03, model), 7, method)
    for _ in range(rounds):
        tuner.tell([[value(point)] for point in tuner.ask(AT_ONCE)])
    return tuner


@pytest.mark.parametrize("method", TUNING_METHODS)
def test_every_way_to_tune_begins_alike_stays_inside_and_repeats_itself_silently(method, capfd):
    tuner, again = tuned(method), tuned(method)
    assert tuner.tried == again.tried
    assert len(tuner.tried) == 5 * AT_ONCE
    assert tuner.tried[0].point == first_point("MML", 0.03, VectorMF())
    for one in tuner.tried:
        assert 0.003 <= one.point.learning_rate <= 0.3
        assert one.point.model["init_std"] == 0.1  # given
        assert list(one.point.loss.margins) == sorted(one.point.loss.margins)
        assert sum(one.point.loss.weights) == pytest.approx(1, abs=1e-3)
        assert parse_ranking_loss(str(one.point.loss)) == one.point.loss
    assert len({one.point.learning_rate for one in tuner.tried}) == 5 * AT_ONCE
    assert tuned(method, rounds=1).tried[1:] == tuned("tpe", rounds=1).tried[1:]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("method", ["tpe", "cma"])
def test_methods_that_learn_come_nearer(method):
    told = [one.value for one in tuned(method, line="SL", rounds=15).tried]
    assert fmean(told[-16:]) > fmean(told[:16])


@pytest.mark.parametrize("method", TUNING_METHODS)
def test_every_method_chooses_words_too(method):
    def of_dot(point):
        return 1.0 * (point.model["similarity"] == "dot")

    found = [one.point.model["similarity"] for one in tuned(method, line="SL", rounds=10, value=of_dot).tried]
    assert {*found} == {"cosine", "dot"}
    if method != "random":
        assert found[-12:].count("dot") >= 9


@pytest.mark.parametrize("method", TUNING_METHODS)
def test_one_number_alone_is_tuned(method, capfd):
    line, model = "BPR:temperature=0.5", VectorMF()
    given = frozenset({"similarity", "dropout", "init_std"})
    tuner = RankingTuner(line, model, given, first_point(line, 0.03, model), 7, method)
    for _ in range(4):
        tuner.tell([[point.learning_rate] for point in tuner.ask(AT_ONCE)])
    assert len({one.point.learning_rate for one in tuner.tried}) == 4 * AT_ONCE
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("line", "start", "first"),
    [
        ("relu(m0 - p) + w1*mean(relu(n - m1))", "relu(.9 - p) + 20*mean(relu(n - 0.25))", None),
        ("w1*(t1*log_mean_exp(n/t1)) - p", "1.22*(0.08*log_mean_exp(n/0.08)) - p", None),
        ("BSL", "bsl:exponent=1.1", "BSL:temperature=0.08:exponent=1.1"),
        ("BSL:temperature=.3", "BSL:temperature=.2:exponent=1.1", "BSL:temperature=0.3:exponent=1.1"),
    ],
)
def test_a_loss_is_tried_first_where_it_is_said_to_start(line, start, first):
    settings = small(loss=(line,), start=(start,))
    begun = settings.start_of(settings.lines[0])
    point = first_point(settings.lines[0], 0.03, VectorMF())
    tuner = RankingTuner(settings.lines[0], VectorMF(), frozenset(), point, 7, start=begun)
    asked = tuner.ask(AT_ONCE)
    assert str(asked[0].loss) == (first or str(parse_ranking_loss(start)))
    assert asked[0].learning_rate == 0.03
    if first is None:  # a formula, whose constants have names
        assert parse_ranking_loss(line).moved(tuner.constants(asked[1])) == asked[1].loss
        assert parse_ranking_loss(line).moved(tuner.constants(asked[0])) == asked[0].loss
        assert parse_ranking_loss(line).coordinates_as(asked[0].loss) == begun
    assert settings.start_of("SL") == {}


@pytest.mark.parametrize(
    "start",
    ["SL", "t1*log_mean_exp(d/t1)", "0.1*log_mean_exp(d/0.2)", "log_mean_exp(d)", "BPR"],
)
def test_a_start_of_no_loss_is_refused(start):
    with pytest.raises(UserError, match=r"--start: expected one of the losses with numbers .*, got "):
        small(loss=("t1*log_mean_exp(d/t1)",), baseline=("MML",), start=(start,))
    small(loss=("t1*log_mean_exp(d/t1)",), baseline=("MML",), start=("0.2*log_mean_exp(d/0.2)", "mml"))


@pytest.mark.parametrize(
    ("starts", "told"),
    [
        (["BSL:exponent=100"], "expected exponent of BSL from 0.5 to 3, got 100"),
        (["5*log_mean_exp(d/5)"], r"expected t1 of t1\*log_mean_exp\(d/t1\) from 0.02 to 1, got 5"),
        (
            ["relu(1 - p) + 5000*mean(relu(n - 0.9))"],
            r"expected w1\.balance of .* from 0\.3 to 6, got 16\.276: beside the other constants w1 may be from "
            r"92\.16 to 1843, and is 5000",
        ),
        (["BSL:exponent=1.1", "BSL:exponent=1.2"], "expected one for each loss, got 2 for BSL"),
    ],
)
def test_starts_that_would_not_be_tried_are_refused(starts, told):
    shapes = "t1*log_mean_exp(d/t1)", "relu(m0 - p) + w1*mean(relu(n - m1))"
    with pytest.raises(UserError, match=f"^--start: {told}"):
        small(loss=shapes, baseline=("BSL",), start=tuple(starts))


def test_what_was_tried_is_not_tried_again_whatever_a_method_proposes(monkeypatch):
    def stubborn(seed, dimensions):
        return optuna.samplers.PartialFixedSampler({"learning_rate": 0.1}, optuna.samplers.RandomSampler(seed))

    monkeypatch.setattr(tuner_module, "TUNING_METHODS", {**TUNING_METHODS, "stubborn": TuningMethod(stubborn, "")})
    line, model, given = "BPR:temperature=0.5", VectorMF(), frozenset({"similarity", "dropout", "init_std"})
    tuner = RankingTuner(line, model, given, first_point(line, 0.03, model), 7, "stubborn")
    for _ in range(3):
        tuner.tell([[1.0] for _ in tuner.ask(AT_ONCE)])
    rates = [one.point.learning_rate for one in tuner.tried]
    assert rates[:2] == [0.03, 0.1]
    assert len({*rates}) == len(rates) == 3 * AT_ONCE


@pytest.mark.parametrize("method", TUNING_METHODS)
def test_evaluations_with_every_method_go_on_to_the_same_result(method, tmp_path):
    changes = {"loss": ("MML",), "baseline": (), "trials": 12, "seeds": 1, "max_epochs": 1, "tuner": method}
    whole = judge(tmp_path, **changes)
    assert len(whole.losses[0].choice.tuner.tried) == 12
    for path in sorted((tmp_path / "parts").glob("*.json"))[::2]:
        path.unlink()
    assert judge(tmp_path, **changes).to_dict() == whole.to_dict()
    fewer = judge(tmp_path, **changes | {"trials": 9})
    assert fewer.losses[0].choice.tuner.tried == whole.losses[0].choice.tuner.tried[:9]


def test_lines_that_mean_the_same_are_one():
    lines = ("BSL:temperature=.08", "bsl:temperature=0.080", "SCE", "InfoNCE")
    settings = small(loss=lines, baseline=(), anchor=("ease:l2=80", "ease:l2=8e1", "ease"))
    assert settings.lines == ["BSL:temperature=0.08", "InfoNCE"]
    assert settings.anchor == ("ease:l2=80", "ease")


@pytest.mark.parametrize("width", [60, 80, 160])
def test_tables_break_no_number(outcome, width):
    console = new_console(width=width)
    with console.capture() as printed:
        print_summary(outcome, console)
    told = printed.get()
    assert max(map(len, told[: told.index("Over 2")].splitlines())) <= width
    for one in outcome.losses:
        for metric in outcome.metrics:
            assert mean_and_spread(one.values("test", metric.name)) in told
    (row, *_) = (line.split() for line in told.splitlines() if line.split()[:1] == ["popularity"])
    assert "0" not in row
    assert "p < 0.01" in told


def test_numbers_of_users_come_back():
    values = np.linspace(0, 1, 7)
    assert (unpacked(packed(values)) == values.astype(np.float32)).all()


def test_the_command_writes_all_that_a_reader_needs(tmp_path, migrated, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(migrated.read_bytes())
    assert run_command("--out", "out", "--tracking-uri", database(tmp_path)) == 0
    told = capsys.readouterr().out
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert list(result["losses"]) == ["SL", "BPR:temperature=0.5", "popularity"]
    for one in result["losses"].values():
        for metric in ("recall@20", "ndcg@20", "hitrate@20", "mrr", "auc"):
            described = one["test"][metric]
            assert described["mean"] == fmean(described["per_seed"])
            assert described["std"] == stdev(described["per_seed"])
    assert result["losses"]["SL"]["line"].startswith("SL:temperature=")
    assert result["settings"]["dataset"] == "synthetic"
    with (tmp_path / "out" / "seeds.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 6
    assert "Rankings of synthetic" in told
    assert "paired users" in told
    assert result["command"] == command(small(), RankingPlaces(out="out")).replace(" --jobs 1", "")
    from mlflow import MlflowClient

    client = MlflowClient(database(tmp_path))
    experiment = client.get_experiment_by_name("loss-search-evaluation")
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.run_name for run in runs if run.data.tags["role"] == "loss"} == set(result["losses"])


def test_a_printed_command_is_read_back(capsys):
    words = command(small(), RankingPlaces()).split()[3:]
    _, bound, _ = rankings.parse_args(words, exit_on_error=False, print_error=False)
    assert bound.arguments["evaluation"].on(None) == small()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": ()}, "--loss: expected at least one loss to judge"),
        ({"loss": ("BSLL",)}, "unknown loss 'BSLL'"),
        ({"loss": ("BSL:exponent=x",)}, "exponent"),
        ({"loss": ("__import__('os')",)}, "malformed formula at position 0"),
        ({"anchor": ("knn",)}, "unknown anchor 'knn'"),
        ({"dataset": "netflix"}, "--dataset: expected"),
        ({"dataset": "gowalla"}, "gowalla"),
        ({"recommender": "mf:size=3"}, "size"),
        ({"recommender": "os:system"}, "os:system"),
        ({"sampler": "shared:negatives=0"}, "negatives: expected 1"),
        ({"optimiser": "adamw"}, "unknown optimiser"),
        ({"schedule": "plateau:by=3"}, "schedule plateau"),
        ({"metric": "recall"}, "recall@k"),
        ({"protocol": "fair"}, "--protocol: expected symmetric or paper"),
        ({"tuner": "grid"}, "--tuner: expected tpe or cma or random"),
        ({"seeds": 0}, "--seeds: expected 1 to 50,000, got 0"),
        ({"max_epochs": 0}, "--max-epochs: expected 1 to 1,000,000, got 0"),
        ({"max_epochs": 10**30}, "--max-epochs: expected 1 to 1,000,000, got 1000"),
        ({"trial_epochs": 3}, "--trial-epochs: expected fewer than --max-epochs, 3, got 3"),
        ({"trial_epochs": 0}, "--trial-epochs: expected 1 to 1,000,000, got 0"),
        ({"every": 0}, "--every: expected at least 1, got 0"),
        ({"batch_size": 0}, "--batch-size: expected 1"),
        ({"learning_rate": 0.1}, "--learning-rate: the symmetric protocol tunes it"),
        ({"learning_rate": 1e300, "protocol": "paper"}, "--learning-rate: expected a number above 0 and below 1e6"),
        ({"validation_share": 0.0}, "--validation-share"),
        ({"validation_share": 3.0, "protocol": "paper"}, "--validation-share: expected a number from 0 to below 1"),
        ({"validation_share": 0.2, "protocol": "paper", "trials": 16}, "--validation-share: --protocol paper chooses"),
        ({"protocol": "paper"}, "--trials: --protocol paper chooses nothing"),
        ({"protocol": "paper", "trials": 16, "trial_epochs": 1}, "--trial-epochs: --protocol paper chooses nothing"),
        ({"protocol": "paper", "trials": 16, "tuner": "cma"}, "--tuner: --protocol paper chooses nothing"),
        ({"tuner": "cma"}, "--tuner cma: expected at least 9 --trials"),
        ({"loss": ("MaxR",)}, "loss MaxR: it is one of predictions, not of rankings"),
        ({"loss": ("(y - y_hat)^2",)}, "it is one of predictions, not of rankings"),
        ({"device": "cuda:99"}, "--device cuda:99: torch finds"),
        ({"clip_norm": "nan"}, "clip-norm"),
        ({"decay_of": "users"}, "--decay-of: expected rows or tables"),
        ({"backend": "compiled", "recommender": "lightgcn"}, "got lightgcn with a loss of scores on cpu"),
        ({"backend": "compiled", "loss": ("DirectAU",), "baseline": ()}, "got mf with a loss of vectors on cpu"),
        ({"data": "http://127.0.0.1/x"}, "--data"),
        ({"split": "file"}, "split"),
    ],
)
def test_what_cannot_be_judged_is_told_in_a_line(changes, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_command("--tracking-uri", "none", **changes) == 2
    told = capsys.readouterr().err
    last = told.splitlines()[-1]
    assert message in last
    assert last.startswith("error: ")
    assert "Traceback" not in told
    assert "Settings for" not in told  # at once, before anything is trained


def test_every_task_has_options_of_its_own(capsys):
    assert exit_code_of(app, ["--help"]) == 0
    assert "--task ranking --help" in " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert app_of(["--task", "ranking"]) is app_of(["--loss", "SL", "--task=ranking"]) is rankings
    assert app_of(["--task", "regression"]) is app_of([]) is app_of(["--task"]) is app


def test_classes_of_ones_own_are_trained(tmp_path, monkeypatch):
    (tmp_path / "my_vectors.py").write_text(
        "from torch import nn\n\n\nclass Plain(nn.Module):\n"
        "    def __init__(self, n_users, n_items, size=4):\n        super().__init__()\n"
        "        self.u, self.i = nn.Embedding(n_users, size), nn.Embedding(n_items, size)\n\n"
        "    def user_vectors(self, ids):\n        return self.u(ids)\n\n"
        "    def item_vectors(self, ids):\n        return self.i(ids)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    outcome = judge(tmp_path, recommender="my_vectors:Plain:size=6", protocol="paper", max_epochs=2)
    assert np.isfinite(outcome.losses[0].values("test", "recall@20")).all()
