"""A lesson for searchers of losses: to find gradients like that of the squared error."""

from collections.abc import Mapping, Sequence

import numpy as np

from core.programs.space import OperatorSpace
from core.search.searcher import Searcher
from core.search.trial import Candidate, Trial, Verdict
from searchers.testing.searcher import proposed

SPACE = OperatorSpace()


def told(searcher: Searcher, candidates: Sequence[Candidate], rewards: Sequence[float | None]) -> Mapping[str, float]:
    """Tell a searcher rewards, None for what was not trained; return its metrics."""
    trials = []
    for candidate, reward in zip(candidates, rewards, strict=True):
        verdict = Verdict.ZERO_GRADIENT if reward is None else Verdict.ACCEPTED
        trials.append(Trial(0, candidate, verdict, reward=reward, trained=reward is not None))
    return searcher.tell(trials)


def mean_rewards(searcher: Searcher, rounds: int) -> list[float]:
    """Reward how much of a gradient is that of the squared error, a cosine, 20 candidates a round; return the means."""
    goal = SPACE.features(SPACE.encode(SPACE.parse("(y_hat - y)^2"))[None])[0]
    means = []
    for i in range(rounds):
        candidates = proposed(searcher, SPACE, 20, first=20 * i)
        features = SPACE.features(np.stack([candidate.genome for candidate in candidates]))
        sizes = np.linalg.norm(features, axis=1) * np.linalg.norm(goal)
        cosines = np.divide(features @ goal, sizes, out=np.zeros(len(features)), where=sizes > 0)
        told(searcher, candidates, cosines.tolist())
        means.append(float(cosines.mean()))
    return means
