import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.losses.loss import ProgramLoss
from core.problems.proxy import Finding, ProxyBatch, ProxyTest, prediction_proxy_batch
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE
from core.search.trial import Verdict
from studies.storage.checkpoints import pack, unpack
from tests.core.oracles import gradient_size
from tests.strategies import law, losses, programs_of, spaces

DELTA = 1e-4
B = 5


def made(text, space=HANDCRAFTED_SPACE, epsilon=None):
    return ProgramLoss(LossProgram.parse(text), space, epsilon)


class Model:
    """Predictions sigmoid(X w) of B examples: small enough to differentiate with respect to w directly."""

    def __init__(self, n_parameters, seed):
        rng = torch.Generator().manual_seed(seed)
        self.x = torch.randn(B, n_parameters, generator=rng, dtype=torch.float64)
        self.w = torch.randn(n_parameters, generator=rng, dtype=torch.float64)
        self.y = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0], dtype=torch.float64)

    @property
    def y_hat(self):
        return torch.sigmoid(self.x @ self.w)

    @property
    def jacobian(self):
        return (self.y_hat * (1 - self.y_hat))[:, None] * self.x

    def proxy_batch(self):
        return ProxyBatch(self.y_hat, self.y, self.jacobian @ self.jacobian.T)

    def gradient(self, loss):
        """Of the mean loss with respect to w, by autograd and without any Gram matrix."""
        w = self.w.clone().requires_grad_()
        value = loss.function(torch.sigmoid(self.x @ w), self.y)
        return torch.autograd.grad(value.mean(), w)[0] if value.requires_grad else torch.zeros_like(w)

    def rounding(self, loss):
        """What the norms may be off by: G = J J^T has half the digits of J where it is singular."""
        size = gradient_size(loss.program, loss.space, self.y_hat, self.y, loss.epsilon)
        return 1e-6 * (size.norm() * self.jacobian.norm()).item()


@law
@given(st.lists(losses(max_lines=6), min_size=2, max_size=4), st.sampled_from([2, 3, 8]), st.integers(0, 99))
def test_norms_and_distances_are_those_of_the_parameter_gradients(batch, n_parameters, seed):
    model = Model(n_parameters, seed)
    proxy = ProxyTest()
    proxy.renew(model.proxy_batch())
    vectors = torch.from_numpy(proxy.gradients(batch))
    direct = torch.stack([model.gradient(loss) for loss in batch])
    for i, loss in enumerate(batch):
        assert vectors[i].norm().item() == pytest.approx(direct[i].norm().item(), rel=1e-9, abs=model.rounding(loss))
        for j, other in enumerate(batch[:i]):
            expected = (direct[i] - direct[j]).norm().item()
            rounding = model.rounding(loss) + model.rounding(other)
            assert (vectors[i] - vectors[j]).norm().item() == pytest.approx(expected, rel=1e-9, abs=rounding)


def batches_of(space):
    """A few losses of one space: the test remembers programs, whose gradients are those of their space."""
    return st.lists(st.builds(ProgramLoss, programs_of(space), st.just(space)), max_size=6)


def renewed(seed=3, delta=DELTA):
    proxy = ProxyTest(delta)
    proxy.renew(Model(8, seed).proxy_batch())
    return proxy


def verdicts(proxy, *texts):
    return [finding.verdict for finding in proxy.examine([made(text) for text in texts])]


@pytest.mark.parametrize(
    "text", ["y + 1", "y", "1", "log(y)", "y_hat - y_hat", "1/(y + 1)", "min(y_hat, 1 + 1) - y_hat"]
)
def test_a_loss_without_a_gradient_is_found(text):
    assert renewed().examine([made(text)]) == [Finding(Verdict.ZERO_GRADIENT)]


def test_a_loss_without_a_gradient_stays_one():
    assert verdicts(renewed(), "y + 1", "y + 1", "y") == [Verdict.ZERO_GRADIENT] * 3


def test_a_gradient_shorter_than_delta_is_zero_and_one_longer_is_not():
    norm = np.linalg.norm(renewed().gradients([made("y_hat")]))
    assert renewed(delta=norm * 1.001).examine([made("y_hat")]) == [Finding(Verdict.ZERO_GRADIENT)]
    assert renewed(delta=norm * 0.999).examine([made("y_hat")]) == [Finding(None, 0)]


def test_gradients_closer_than_delta_are_the_same_and_others_are_not():
    pair = [made("(y_hat - y)^2"), made("(y_hat - y)^2 + eps*y_hat", epsilon=0.1)]
    first, second = renewed().gradients(pair)
    distance = np.linalg.norm(first - second)
    assert distance < min(np.linalg.norm(first), np.linalg.norm(second))
    assert renewed(delta=distance * 1.001).examine(pair) == [Finding(None, 0), Finding(Verdict.DUPLICATE, 0)]
    assert renewed(delta=distance * 0.999).examine(pair) == [Finding(None, 0), Finding(None, 1)]


def test_a_loss_with_the_gradient_of_an_earlier_one_is_a_duplicate():
    proxy = renewed()
    assert proxy.examine([made("(y_hat - y)^2")]) == [Finding(None, 0)]
    assert proxy.examine([made("(y_hat - y)^2 + y")]) == [Finding(Verdict.DUPLICATE, 0)]


def test_a_duplicate_in_the_same_call_is_found():
    found = renewed().examine([made("y_hat*y"), made("(y_hat - y)^2"), made("(y - y_hat)^2"), made("1 + y_hat*y")])
    assert found == [Finding(None, 0), Finding(None, 1), Finding(Verdict.DUPLICATE, 1), Finding(Verdict.DUPLICATE, 0)]


def test_the_same_program_again_is_a_duplicate_in_the_same_call_and_in_later_ones():
    proxy = renewed()
    twice = [made("y_hat*y"), made("y*y_hat")]
    assert proxy.examine(twice) == [Finding(None, 0), Finding(Verdict.DUPLICATE, 0)]
    assert proxy.examine(twice) == [Finding(Verdict.DUPLICATE, 0)] * 2


def test_a_duplicate_repeats_the_nearest_of_those_that_passed():
    proxy = renewed()
    proxy.examine([made("y_hat*y"), made("log(y_hat)"), made("(y_hat - y)^2")])
    assert proxy.examine([made("log(y_hat) + y")]) == [Finding(Verdict.DUPLICATE, 1)]


def test_duplicates_and_zero_gradients_do_not_enter_the_memory():
    proxy = renewed()
    found = proxy.examine([made("y_hat"), made("y_hat + 1"), made("y"), made("y_hat^2")])
    assert [finding.entry for finding in found] == [0, 0, None, 1]


def test_renewing_forgets():
    proxy = renewed()
    assert verdicts(proxy, "y_hat*y", "y_hat*y") == [None, Verdict.DUPLICATE]
    proxy.renew(Model(8, 3).proxy_batch())
    assert proxy.examine([made("y_hat*y")]) == [Finding(None, 0)]


def test_the_verdict_is_that_of_the_proxy_batch():
    proxy = ProxyTest()
    sees, saturated = torch.tensor([0.5], dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    proxy.renew(ProxyBatch(sees, sees, torch.eye(1, dtype=torch.float64)))
    assert verdicts(proxy, "y_hat*y") == [None]
    proxy.renew(ProxyBatch(sees, sees, saturated))
    assert verdicts(proxy, "y_hat*y") == [Verdict.ZERO_GRADIENT]


@pytest.mark.parametrize(
    "text", ["(1/(y_hat - y_hat))^2", "(1/(y - y))^2", "1/(y - y) - (1/(y - y))^2*(y_hat - y_hat)"]
)
def test_a_loss_that_is_not_finite_is_found_and_harms_no_other(text):
    broken = made(text, epsilon=1e-200)
    proxy = renewed()
    assert proxy.examine([made("y_hat*y"), broken, made("y_hat")]) == [
        Finding(None, 0),
        Finding(Verdict.NON_FINITE),
        Finding(None, 1),
    ]
    assert proxy.examine([broken]) == [Finding(Verdict.NON_FINITE)]


def test_the_memory_grows():
    proxy = renewed(delta=1e-12)
    distinct = [made(f"y_hat*({'1 + ' * i}1)^2") for i in range(1, 151)]
    assert [finding.entry for finding in proxy.examine(distinct)] == list(range(150))
    assert proxy.examine(distinct) == [Finding(Verdict.DUPLICATE, i) for i in range(150)]
    assert proxy.examine([made("y_hat^2")]) == [Finding(None, 150)]


@law
@given(spaces(max_lines=6).flatmap(batches_of), st.integers(1, 6))
def test_examining_in_pieces_finds_what_examining_at_once_does(batch, size):
    whole, pieces = renewed(), renewed()
    expected = whole.examine(batch)
    found = [finding for i in range(0, len(batch), size) for finding in pieces.examine(batch[i : i + size])]
    assert found == expected


@law
@given(st.lists(losses(clamps=("signed",), max_lines=6), min_size=1, max_size=6))
def test_every_finding_has_an_entry_or_a_verdict_that_needs_none(batch):
    proxy = renewed()
    entries = []
    for finding in proxy.examine(batch):
        if finding.verdict is None:
            assert finding.entry == len(entries)
            entries.append(finding.entry)
        elif finding.verdict is Verdict.DUPLICATE:
            assert finding.entry in entries
        else:
            assert finding.verdict in (Verdict.ZERO_GRADIENT, Verdict.NON_FINITE)
            assert finding.entry is None


def test_nothing_to_examine_has_no_findings():
    assert renewed().examine([]) == []


@pytest.mark.parametrize("delta", [0.0, -1e-4, math.nan, math.inf])
def test_delta_is_a_positive_number(delta):
    with pytest.raises(UserError, match="proxy delta: expected a positive number, got"):
        ProxyTest(delta)


def test_there_is_no_test_before_the_first_proxy_batch():
    with pytest.raises(RuntimeError, match="expected a call of renew first"):
        ProxyTest().examine([made("y_hat")])


@law
@given(st.integers(0, 2**40), st.integers(1, 30))
def test_a_prediction_proxy_batch_is_simulated_predictions_and_labels_with_an_identity(seed, n_pairs):
    proxy_batch = prediction_proxy_batch(seed, n_pairs)
    assert proxy_batch.y_hat.shape == proxy_batch.y.shape == (n_pairs,)
    assert bool(((proxy_batch.y_hat >= 0) & (proxy_batch.y_hat < 1)).all())
    assert set(proxy_batch.y.tolist()) <= {0.0, 1.0}
    assert torch.equal(proxy_batch.gram, torch.eye(n_pairs, dtype=torch.float64))


def test_a_prediction_proxy_batch_depends_on_its_seed_only():
    first = prediction_proxy_batch(1)
    torch.rand(3)
    again, other = prediction_proxy_batch(1), prediction_proxy_batch(2)
    assert torch.equal(first.y_hat, again.y_hat)
    assert torch.equal(first.y, again.y)
    assert not torch.equal(first.y_hat, other.y_hat)
    assert len(first.y) == 20
    assert set(first.y.tolist()) == {0.0, 1.0}


def test_on_a_prediction_proxy_batch_norms_are_those_of_the_prediction_gradient():
    proxy, proxy_batch = ProxyTest(), prediction_proxy_batch(5)
    proxy.renew(proxy_batch)
    expected = (2 * (proxy_batch.y_hat - proxy_batch.y)).norm() / 20
    norm = np.linalg.norm(proxy.gradients([made("(y_hat - y)^2")]))
    assert norm == pytest.approx(expected.item(), rel=1e-12)


@law
@given(st.lists(losses(), max_size=12), st.lists(losses(), min_size=1, max_size=8), st.integers(0, 5))
def test_a_proxy_test_goes_on_from_its_state(before, after, seed):
    test, other = ProxyTest(DELTA), ProxyTest(DELTA)
    test.renew(prediction_proxy_batch(seed))
    test.examine(before)
    other.renew(prediction_proxy_batch(seed + 1))
    other.examine(after)
    other.load_state_dict(unpack(pack(test.state_dict())))
    assert other.examine([*after, *before]) == test.examine([*after, *before])


def test_there_is_no_state_before_the_first_proxy_batch():
    with pytest.raises(RuntimeError, match="expected a call of renew first"):
        ProxyTest().state_dict()
