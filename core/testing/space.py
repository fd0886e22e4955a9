"""The contract tests of spaces. Inherit them and define `make`: see docs/add-a-problem.md."""

from __future__ import annotations

import json
import random
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
            assert space.repaired(genome.tolist()).tolist() == genome.tolist()

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
        repaired = space.repaired(chosen.tolist())
        assert repaired.shape == chosen.shape
        assert repaired.dtype == np.int64
        assert space.repaired(repaired.tolist()).tolist() == repaired.tolist()
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
    def test_sites_are_groups_of_decisions_that_count(self, seed: int) -> None:
        space, genomes = self.samples(seed)
        for genome in genomes:
            sites, used = space.sites(genome), _counts(genome, space)
            assert sites
            for site in sites:
                assert site
                assert len(set(site)) == len(site)
                assert all(0 <= i < len(genome) and used[i] for i in site)

    @law
    @given(seeds)
    def test_redrawing_changes_a_copy_at_its_site_and_keeps_open_what_is_open(self, seed: int) -> None:
        space, (genome, *_) = self.samples(seed)
        rng = random.Random(seed)
        for _ in range(10):
            site, before, used = rng.choice(space.sites(genome)), genome.copy(), _counts(genome, space)
            changed = space.redrawn(genome, site, rng)
            assert np.array_equal(genome, before)
            assert changed.shape == genome.shape
            assert changed.dtype == np.int64
            elsewhere_used = [i for i in range(len(genome)) if i not in site and used[i]]
            assert np.array_equal(changed[elsewhere_used], genome[elsewhere_used])
            assert _is_open(changed, space)
            assert _key_of(space.repaired(changed.tolist()), space) == _key_of(changed, space)
            genome = changed

    @law
    @given(seeds)
    def test_redrawing_depends_on_the_generator_alone_and_reaches_another_candidate(self, seed: int) -> None:
        space, (genome, *_) = self.samples(seed)
        if (space.sizes == 1).all():
            return
        key, rng, again = _key_of(genome, space), random.Random(seed), random.Random(seed)
        for _ in range(_TRIES):
            site = rng.choice(space.sites(genome))
            changed = space.redrawn(genome, site, rng)
            assert np.array_equal(space.redrawn(genome, again.choice(space.sites(genome)), again), changed)
            if _key_of(changed, space) != key:
                return
        raise AssertionError(f"{key}: no other candidate within {_TRIES} draws")

    @law
    @given(seeds)
    def test_what_is_outside_of_all_sites_changes_nothing(self, seed: int) -> None:
        space, (genome, other, _) = self.samples(seed)
        live = [i for site in space.sites(genome) for i in site]
        mixed = other.copy()
        mixed[live] = genome[live]
        assert _key_of(mixed, space) == _key_of(space.repaired(mixed.tolist()), space) == _key_of(genome, space)

    @law
    @given(seeds)
    def test_two_genomes_may_exchange_their_tails(self, seed: int) -> None:
        space, (genome, other, _) = self.samples(seed)
        assert list(space.cuts) == sorted(set(space.cuts))
        for cut in space.cuts:
            assert 0 < cut < len(genome)
            child = np.concatenate([genome[:cut], other[cut:]])
            assert _is_open(child, space)
            assert _key_of(child, space) == _key_of(space.repaired(child.tolist()), space)

    @law
    @given(seeds)
    def test_candidates_say_what_they_are(self, seed: int) -> None:
        space, genomes = self.samples(seed)
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
