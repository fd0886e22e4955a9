import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.seeding import derive_seed, numpy_rng, torch_rng
from tests.strategies import law

PARTS = st.lists(st.integers() | st.text(st.characters(exclude_categories=["Cs"])) | st.text("a\\u:\x1f"), max_size=4)


@law
@given(PARTS)
def test_a_seed_depends_on_its_parts_only_and_fits_every_generator(parts):
    seed = derive_seed(*parts)
    assert 0 <= seed < 2**63
    derive_seed("something", "else")
    assert derive_seed(*parts) == seed


@law
@given(PARTS, PARTS)
def test_other_parts_give_another_seed(first, second):
    assert (derive_seed(*first) == derive_seed(*second)) == (first == second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("1",), (1,)),
        (("a", "b"), ("b", "a")),
        (("ab",), ("a", "b")),
        (("a", "bc"), ("ab", "c")),
        ((1, 2), (12,)),
        (("",), ()),
        (("",), ("", "")),
        ((0,), (-0.0,)),
        ((1,), (True,)),
    ],
)
def test_kind_order_and_division_of_the_parts_count(first, second):
    assert derive_seed(*first) != derive_seed(*second)


def test_parts_that_contain_the_separator_are_told_apart():
    assert derive_seed("a\x1fstr:b") != derive_seed("a", "b")


def test_seeds_are_the_same_on_every_machine_and_in_every_release():
    assert derive_seed(0, "step", 1) == 7045538490750221097
    assert derive_seed() == 8238016292129134938


def test_seeds_in_a_row_are_spread_out():
    seeds = np.array([derive_seed("step", i) for i in range(2_000)], dtype=np.float64) / 2**63
    assert abs(seeds.mean() - 0.5) < 0.03
    assert abs(np.corrcoef(seeds[:-1], seeds[1:])[0, 1]) < 0.1


def test_generators_of_the_same_parts_draw_the_same_whatever_ran_before():
    expected = numpy_rng("a", 1).random(3), torch.rand(3, generator=torch_rng("a", 1))
    np.random.default_rng().random()
    torch.rand(5)
    numpy_rng("b").random(2)
    assert np.array_equal(numpy_rng("a", 1).random(3), expected[0])
    assert torch.equal(torch.rand(3, generator=torch_rng("a", 1)), expected[1])


def test_a_generator_is_ones_own():
    first, second = torch_rng("a"), torch_rng("a")
    torch.rand(3, generator=first)
    assert torch.equal(torch.rand(2, generator=second), torch.rand(2, generator=torch_rng("a")))


def test_the_global_generators_are_left_alone():
    before = torch.get_rng_state()
    torch.rand(3, generator=torch_rng("a"))
    numpy_rng("a").random(3)
    assert torch.equal(torch.get_rng_state(), before)


def test_generators_of_other_parts_draw_otherwise():
    assert not np.array_equal(numpy_rng("1").random(3), numpy_rng(1).random(3))
    assert not torch.equal(torch.rand(3, generator=torch_rng("1")), torch.rand(3, generator=torch_rng(1)))


def test_a_torch_generator_lives_where_it_is_asked_to():
    assert torch_rng("a", device="cpu").device == torch.device("cpu")
