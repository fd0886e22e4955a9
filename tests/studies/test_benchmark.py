"""The command as a user meets it, and that what it times is what it says."""

import json
from pathlib import Path

import pytest
import torch

from core.common.errors import UserError
from recommenders.common.machine import Machine
from recommenders.data.synthetic import planted, shaped
from studies.benchmark import app
from studies.common.command import BAD_INPUT, exit_code
from studies.speed.measuring import PlainMF, plain_steps, sampled_losses, seconds, task_of

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def benchmark(*words):
    return exit_code(lambda: app([*words], exit_on_error=False, print_error=False))


def test_prints_tables_and_writes_every_figure(capsys):
    small = ("--dataset", "60x40x500", "--repeats", "1", "--k", "3", "--k", "1", "--threads", "1")
    assert benchmark(*small, "--json", "deep/figures.json") == 0
    printed = capsys.readouterr().out
    for text in ("60x40x500", "60 users, 40 items", "plain autograd loop", "products of matrices", "proxy test"):
        assert text in printed
    figures = json.loads(Path("deep/figures.json").read_text())
    positive = (
        "mf_candidate_epoch_ms",
        "mf_plain_epoch_ms",
        "mlp_candidate_epoch_ms",
        "mlp_products_epoch_ms",
        "proxy_programs_per_second",
        "sampled_programs_per_second",
        "peak_memory_mib",
    )
    assert all(figures[name] > 0 for name in positive)
    assert (figures["device"], figures["threads"], figures["k"]) == ("cpu", 1, 3)
    assert [row["k"] for row in figures["by_k"]] == [1, 3]
    assert (figures["n_users"], figures["n_items"], figures["n_rows"]) == (60, 40, 480)
    assert figures["mf_candidate_epoch_ms"] == figures["by_k"][-1]["mf_candidate_epoch_ms"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--k", "0"), "--k: expected at least 1, got 0"),
        (("--repeats", "0"), "--repeats: expected at least 1, got 0"),
        (("--threads", "0"), "threads: expected at least 1, got 0"),
        (("--backend", "jax"), "--backend: expected auto, compiled, torch or package.module:Class, got 'jax'"),
        (("--dataset", "0x4x500"), "expected at least one user, one item and 100 rows, got 0x4x500"),
        (("--dataset", "60x40"), "unknown data set '60x40'"),
        (("--dataset", "60x40x500", "--memory", "1e-6"), "--k 32: memory takes 1 candidates"),
        (("--json", "."), "--json .: expected a file, this is a folder"),
        (("--json", "/proc/nowhere/x.json"), "--json /proc/nowhere/x.json: cannot write there"),
    ],
)
def test_bad_input_is_told_in_one_line_and_leaves_nothing_behind(words, message, capsys):
    assert benchmark(*words) == BAD_INPUT
    captured = capsys.readouterr()
    assert len(captured.err.strip().splitlines()) == 1
    assert message in captured.err
    assert list(Path().iterdir()) == []


def test_losses_to_time_are_distinct_ones_that_a_search_would_train():
    losses = sampled_losses(20)
    assert len({loss.program.key for loss in losses}) == 20
    assert [loss.program.key for loss in sampled_losses(5)] == [loss.program.key for loss in losses[:5]]


def test_the_plain_loop_learns_by_the_law_of_the_trainer():
    task, (loss,) = task_of("mf", planted(), Machine(CPU)), sampled_losses(1)
    data, settings = task.dataset, task.settings
    model = PlainMF(data.n_users, data.n_items, 4)
    train = plain_steps(model, data, loss, settings, n=10**6)
    names = {"user": "user_embedding", "item": "item_embedding", "user_bias": "user_bias", "item_bias": "item_bias"}
    weights = {mine: getattr(model, its).weight.detach().clone().squeeze(-1) for its, mine in names.items()}
    weights["global_bias"] = model.global_bias.detach().clone()
    models = task.trainer.model_copies(weights, [settings.learning_rate], [settings.search_weight_decay])
    task.trainer.train_epoch(models, task.trainer.prepare([loss]), seed=0, epoch=0)
    train()
    for its, mine in names.items():
        expected = getattr(model, its).weight.detach().squeeze(-1)
        assert torch.allclose(models.weights[mine][0], expected, rtol=1e-3, atol=1e-4), mine


def test_times_are_medians_and_the_first_call_does_not_count():
    calls = []
    assert seconds([lambda: calls.append(1)], CPU, repeats=4)[0] >= 0
    assert len(calls) == 5


def test_made_up_rows_have_the_shape_asked_for_and_a_long_tail():
    data = shaped(1_000, 500, 20_000)
    parts = (data.train, data.validation, data.test)
    assert (data.n_users, data.n_items, sum(map(len, parts))) == (1_000, 500, 20_000)
    counts = torch.bincount(torch.as_tensor(data.train.user), minlength=1_000)
    assert len(counts) == 1_000
    assert counts.max() > 20 * counts.float().mean()
    assert all(set(part.label) == {0.0, 1.0} for part in parts)
    with pytest.raises(UserError, match="100 rows"):
        shaped(10, 10, 99)
