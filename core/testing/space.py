"""The contract tests of spaces. Inherit them and define `make`: see docs/add-a-problem.md."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.common.errors import UserError
from core.search.space import Space
from core.testing.process import elsewhere

#: Runs a quarter of the examples of hypothesis's profile, since each example tests several genomes.
law = settings(
    max_examples=max(settings().max_examples // 4, 1),
    deadline=None,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)
seeds = st.integers(0, 2**32 - 1)

#: Mutations within which another candidate has to occur.
_TRIES = 400


def columns(genomes: np.ndarray) -> Sequence[torch.Tensor]:
    """Return genomes [n, D] as one tensor [n] per decision, for `open` and `used`."""
    return torch.from_numpy(genomes).unbind(1)


def _counts(genome: np.ndarray, space: Space[Any]) -> list[bool]:
    """Return whether each decision counts in a genome [D]."""
    used = [space.used(i, columns(genome[None])) for i in range(len(genome))]
    return [one is None or bool(one[0]) for one in used]


def _open_options(genome: np.ndarray, space: Space[Any]) -> list[list[bool]]:
    """Return for each decision which of its options are open in a genome [D]."""
    masks = [space.open(i, columns(genome[None])) for i in range(len(genome))]
    sizes = space.sizes.tolist()
    return [[True] * size if mask is None else mask[0].tolist() for mask, size in zip(masks, sizes, strict=True)]


def _is_open(genome: np.ndarray, space: Space[Any]) -> bool:
    """Return whether all options chosen by a genome [D] are open, also where decisions do not count."""
    return all(options[n] for options, n in zip(_open_options(genome, space), genome.tolist(), strict=True))


def _key_of(genome: np.ndarray, space: Space[Any]) -> str:
    """Return the key of the candidate of a genome [D]."""
    (candidate,) = space.decode(genome[None])
    key: str = candidate.key
    return key


def _keys_of_samples(contract: SpaceContract, seed: int) -> list[str]:
    """Return the keys of random candidates."""
    space = contract.make()
    return [one.key for one in space.decode(space.sample(20, np.random.default_rng(seed)))]


class SpaceContract(ABC):
    """The tests that every space has to pass."""

    #: Whether `parse` accepts what `str` returns.
    reads_what_it_writes = True
    #: Whether a candidate that was parsed is in the space again; it need not be if `str` writes a shorter form.
    holds_what_it_reads = True

    @abstractmethod
    def make(self) -> Space[Any]:
        """Return the space."""

    def samples(self, seed: int, n: int = 3) -> tuple[Space[Any], np.ndarray]:
        """Return the space and random genomes [n, D].

        Args:
            seed: of the draws.
            n: how many genomes.
        """
        space = self.make()
        return space, space.sample(n, np.random.default_rng(seed))

    def any_choice(self, seed: int) -> tuple[Space[Any], np.ndarray]:
        """Return the space and a random option [D] for each decision, which may be closed."""
        space = self.make()
        return space, np.random.default_rng(seed).integers(space.sizes)

    def test_decisions_have_distinct_names_and_sizes_of_their_own(self) -> None:
        space = self.make()
        names = [decision.name for decision in space.decisions]
        assert names
        assert len(set(names)) == len(names)
        assert space.sizes.tolist() == [decision.size for decision in space.decisions]
        assert space.decisions == self.make().decisions
        kinds = {i: kind for kind, own in space.kinds.items() for i in own}
        assert [kinds[i] for i in range(len(names))] == [decision.kind for decision in space.decisions]

    @law
    @given(seeds, st.integers(0, 20))
    def test_samples_are_genomes_in_normal_form(self, seed: int, n: int) -> None:
        space, genomes = self.samples(seed, n)
        assert genomes.shape == (n, len(space.decisions))
        assert genomes.dtype == np.int64
        assert len(space.decode(genomes)) == n
        for genome in genomes:
            assert space.repaired(genome[None])[0].tolist() == genome.tolist()

    @law
    @given(seeds)
    def test_samples_depend_on_the_generator_alone(self, seed: int) -> None:
        space, first = self.samples(seed)
        generator = np.random.default_rng(seed)
        np.random.default_rng(seed + 1).random()
        assert np.array_equal(self.make().sample(3, generator), first)
        generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state
        assert np.array_equal(space.sample(3, generator), first)

    def test_samples_differ(self) -> None:
        space, genomes = self.samples(0, 200)
        assert len(np.unique(genomes, axis=0)) > 1 or (space.sizes == 1).all()

    @law
    @given(seeds)
    def test_any_choice_is_repaired_to_what_is_open_and_that_stays_as_it_is(self, seed: int) -> None:
        space, chosen = self.any_choice(seed)
        (repaired,) = space.repaired(chosen[None])
        assert repaired.shape == chosen.shape
        assert repaired.dtype == np.int64
        assert space.repaired(repaired[None])[0].tolist() == repaired.tolist()
        assert _is_open(repaired, space)
        options, used = _open_options(repaired, space), _counts(repaired, space)
        for i, number in enumerate(repaired.tolist()):
            assert used[i] or number == options[i].index(True), space.decisions[i].name

    @law
    @given(seeds)
    def test_masks_have_a_row_for_each_genome_of_its_own(self, seed: int) -> None:
        space, genomes = self.samples(seed)
        chosen = columns(genomes)
        for i, decision in enumerate(space.decisions):
            for ask, shape in ((space.open, (3, decision.size)), (space.used, (3,))):
                mask = ask(i, chosen)
                if mask is None:
                    continue
                assert (mask.shape, mask.dtype) == (shape, torch.bool)
                assert torch.equal(mask, _some(ask(i, chosen[:i])))
                alone = [_some(ask(i, columns(genome[None])))[0] for genome in genomes]
                assert torch.equal(mask, torch.stack(alone))
                assert ask == space.used or mask.any(1).all()

    @law
    @given(seeds)
    def test_masks_of_whole_genomes_are_those_of_their_decisions(self, seed: int) -> None:
        space, genomes = self.samples(seed)
        rows = [(_open_options(genome, space), _counts(genome, space)) for genome in genomes]
        whole = torch.from_numpy(genomes)
        masks = zip(space.kinds.items(), space.open_by_kind(whole), space.used_by_kind(whole), strict=True)
        for (kind, own), is_open, used in masks:
            for place, i in enumerate(own):
                there = [option < space.decisions[i].size for option in range(len(kind.options))]
                expected = [options[i] + there[len(options[i]) :] for options, _ in rows]
                assert ([there] * 3 if is_open is None else is_open[:, place].tolist()) == expected
                assert ([True] * 3 if used is None else used[:, place].tolist()) == [counts[i] for _, counts in rows]

    @law
    @given(seeds)
    def test_a_candidate_is_encoded_as_the_genome_that_it_came_from(self, seed: int) -> None:
        space, genomes = self.samples(seed)
        for genome, candidate in zip(genomes, space.decode(genomes), strict=True):
            assert space.encode(candidate).tolist() == genome.tolist()
            assert space.encode(candidate).dtype == np.int64

    @law
    @given(seeds)
    def test_what_is_decoded_does_not_depend_on_the_other_genomes(self, seed: int) -> None:
        space, genomes = self.samples(seed)
        assert [one.key for one in space.decode(genomes)] == [_key_of(genome, space) for genome in genomes]

    @law
    @given(seeds)
    def test_what_does_not_count_changes_nothing(self, seed: int) -> None:
        space, genomes = self.samples(seed)
        counted, other = space.counts(genomes), self.any_choice(seed)[1]
        assert counted.shape == genomes.shape
        assert counted.any(axis=1).all()
        for genome, own in zip(genomes, counted, strict=True):
            assert not (own & ~np.array(_counts(genome, space))).any()
            mixed = space.repaired(np.where(own, genome, other)[None])
            if np.array_equal(mixed[0][own], genome[own]):
                assert _key_of(mixed[0], space) == _key_of(genome, space)

    @law
    @given(seeds)
    def test_mutants_are_genomes_in_normal_form_that_depend_on_the_generator_alone(self, seed: int) -> None:
        space, genomes = self.samples(seed)
        before = genomes.copy()
        for step in range(5):
            varied = space.varied(genomes, np.random.default_rng([seed, step]))
            assert np.array_equal(varied, space.varied(genomes, np.random.default_rng([seed, step])))
            assert np.array_equal(genomes, before)
            assert varied.shape == genomes.shape
            assert varied.dtype == np.int64
            assert np.array_equal(space.repaired(varied), varied)
            assert all(_is_open(one, space) for one in varied)
            genomes, before = varied, varied.copy()
        assert space.varied(genomes[:0], np.random.default_rng(0)).shape == (0, genomes.shape[1])

    @law
    @given(seeds)
    def test_mutants_reach_another_candidate(self, seed: int) -> None:
        space, (genome, *_) = self.samples(seed)
        if (space.sizes == 1).all():
            return
        varied = space.varied(np.tile(genome, (_TRIES, 1)), np.random.default_rng(seed))
        assert any(one.key != _key_of(genome, space) for one in space.decode(varied))

    @law
    @given(seeds)
    def test_what_is_drawn_is_viable_as_far_as_there_is_any(self, seed: int) -> None:
        space, genomes = self.samples(seed)
        viable = space.viable(genomes)
        assert viable.shape == (len(genomes),)
        assert viable.dtype == bool
        assert [bool(space.viable(one[None])[0]) for one in genomes] == viable.tolist()
        drawn = space.drawn(3, np.random.default_rng(seed))
        assert np.array_equal(drawn, space.drawn(3, np.random.default_rng(seed)))
        assert np.array_equal(space.repaired(drawn), drawn)
        assert drawn.shape == genomes.shape
        if viable.all():
            assert np.array_equal(drawn, genomes)

    @law
    @given(seeds)
    def test_two_genomes_may_exchange_their_tails(self, seed: int) -> None:
        space, (genome, other, _) = self.samples(seed)
        assert list(space.cuts) == sorted(set(space.cuts))
        for cut in space.cuts:
            assert 0 < cut < len(genome)
            child = np.concatenate([genome[:cut], other[cut:]])
            assert _is_open(child, space)
            assert _key_of(child, space) == _key_of(space.repaired(child[None])[0], space)

    @law
    @given(seeds)
    def test_candidates_say_what_they_are(self, seed: int) -> None:
        space, genomes = self.samples(seed, 10)
        keys, hashes = [one.key for one in space.decode(genomes)], space.hashes(genomes).tolist()
        assert list(map(hashes.index, hashes)) == list(map(keys.index, keys))
        for candidate in space.decode(genomes):
            assert candidate.key
            assert len(candidate.key.splitlines()) == 1
            assert str(candidate)
            assert candidate.complexity >= 0
            plain = candidate.to_dict()
            assert json.loads(json.dumps(plain)) == plain

    def test_keys_are_the_same_in_another_process(self) -> None:
        assert elsewhere(_keys_of_samples, self, 1) == _keys_of_samples(self, 1)

    @law
    @given(seeds)
    def test_what_is_written_is_read_back(self, seed: int) -> None:
        if not self.reads_what_it_writes:
            return
        space, genomes = self.samples(seed)
        for candidate in space.decode(genomes):
            read = space.parse(str(candidate))
            assert read.key == candidate.key
            if self.holds_what_it_reads:
                assert _key_of(space.encode(read), space) == candidate.key

    @pytest.mark.parametrize("text", ["", "\x00?!", "(" * 200])
    def test_what_is_no_candidate_is_refused(self, text: str) -> None:
        space = self.make()
        with pytest.raises(UserError):
            space.encode(space.parse(text))

    def test_arrays_that_are_no_genomes_are_refused(self) -> None:
        space, genomes = self.samples(0)
        for wrong in (genomes[0], genomes[None], genomes[:, :-1], np.repeat(genomes, 2, 1), genomes * 1.0, genomes > 0):
            with pytest.raises(UserError):
                space.decode(wrong)
        for i, size in enumerate(space.sizes.tolist()):
            for number in (-1, size, 2**40):
                wrong = genomes.copy()
                wrong[1, i] = number
                with pytest.raises(UserError, match=str(number)):
                    space.decode(wrong)


def _some(mask: torch.Tensor | None) -> torch.Tensor:
    assert mask is not None, "a mask for some genomes and none for others"
    return mask
