"""A problem of one's own: bit strings that are searched for one that is known, by any searcher and any command.

Run it in this folder, or where it can be imported:

    python -m studies.run --problem bits:Bits --searcher gp --trainings 300
    python -m studies.run --problem bits:Bits:length=30:noise=0.02 --searcher rl
    python -m studies.compare --problem bits:Bits --trainings 200 --seeds 5
"""

from collections.abc import Mapping, Sequence

import numpy as np

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from core.phases.metric import Metric
from core.phases.simple import Part, SimpleProblem
from core.phases.terms import Terms
from core.search.choices import Choices, ChoiceSpace
from core.search.decision import Decision, Kind

BIT = Kind("bit", ("0", "1"))


class Bits(SimpleProblem[Choices]):
    """The share of bits that are those of a hidden string, 1 at best.

    Args:
        length: of the strings.
        noise: the standard deviation of what is added to every share, drawn for each string.
    """

    terms = Terms(one="bit string", many="bit strings", complexity="bits")
    metric = Metric("share", higher_is_better=True)

    def __init__(self, length: int = 20, noise: float = 0.0) -> None:
        super().__init__()
        if length < 1 or noise < 0:
            raise UserError(f"expected a length of at least 1 and noise of at least 0, got {length} and {noise}")
        self._noise = noise
        self._hidden = numpy_rng(0, "hidden string").integers(2, size=length)
        self._space = ChoiceSpace(tuple(Decision(f"bit_{i}", BIT, 2) for i in range(length)))

    @property
    def space(self) -> ChoiceSpace:
        """See Problem."""
        return self._space

    @property
    def compared(self) -> Mapping[str, Choices]:
        """See SimpleProblem: what needs no search."""
        length = len(self._hidden)
        return {"zeros": Choices(("0",) * length), "ones": Choices(("1",) * length)}

    def evaluate(self, candidates: Sequence[Choices], part: Part, seed: int) -> list[float]:
        """See SimpleProblem; noise depends on the string, the part and the seed, never on who is evaluated with it."""
        return [self._share(one) + self._noise * self._drawn(one, part, seed) for one in candidates]

    def _share(self, candidate: Choices) -> float:
        return float(np.mean(np.array(candidate.names) == self._hidden.astype(str)))

    def _drawn(self, candidate: Choices, part: Part, seed: int) -> float:
        return float(numpy_rng(seed, part, candidate.key).normal()) if self._noise else 0.0
