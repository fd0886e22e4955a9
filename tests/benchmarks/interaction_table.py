"""What a table of all 405 interaction functions says of searches: choosing on the test part, and one-shot rankings.

    python -m tests.benchmarks.interaction_table table.json ml-100k - 5

Of random candidates, as many as searches train: the mean test RMSE of the best on validation, and of the best on test,
which is what published code reports of random and Bayesian search. Then, for 5 seeds, supernets: Kendall's correlation
of the table's validation metric with architecture parameters of nasp (their sum for a candidate), and with the
validation loss of each candidate with the weights that all share; the place of what nasp finds; and the same for a
supernet whose paths were drawn at random. The table is what `studies.table --problem interaction` wrote, on the same
ratings; a file stands in place of the dash.
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from core.common.specification import read_settings
from core.interactions.interaction import Interaction
from core.interactions.spaces import FunctionSpace
from core.search.supernet import Path as Architecture
from recommenders.data.explicit import load_ratings
from recommenders.tasks.rating.supernet import InteractionSupernet
from recommenders.tasks.rating.training import Trainer
from searchers.nasp import NaspSearcher, NaspSettings
from studies.study.interactions import InteractionSettings
from studies.study.problems import ProblemSpec

SPACE, EPOCHS, DRAWS = FunctionSpace(), 50, 2_000


def main(table: str, name: str, file: str, seeds: str) -> None:
    """Print what the table says."""
    stored = json.loads(Path(table).read_text())
    rows = [one for one in stored["rows"] if one["original"] is None and one["validation"]]
    plan = read_settings(ProblemSpec.parse(stored["problem"]), InteractionSettings).plan()
    validation, test = (np.array([one[part][0] for one in rows]) for part in ("validation", "test"))
    _choose(validation, test)
    data = load_ratings(name, None if file == "-" else Path(file), 0)
    genomes = np.stack([SPACE.encode(Interaction.parse(one["name"])) for one in rows])
    for seed in range(int(seeds)):
        net = InteractionSupernet(data, plan, seed, SPACE)
        searcher = NaspSearcher(SPACE, seed, NaspSettings(epochs=EPOCHS), net)
        sums = sum(of[genomes[:, i]] for i, of in enumerate(searcher.parameters))
        (found,) = searcher.ask(1)
        places = np.flatnonzero((genomes == found).all(axis=1))
        place = int((validation < validation[places[0]]).sum()) + 1 if len(places) else None
        _tell(f"nasp, seed {seed}: place {place} of {len(rows)}", validation, net, plan, data, genomes, -np.array(sums))
        net, rng = InteractionSupernet(data, plan, seed, SPACE), np.random.default_rng(seed)
        for genome in SPACE.sample(EPOCHS * net.steps, rng):
            net.train(Architecture(genome, np.empty(0)))
        _tell(f"random paths, seed {seed}", validation, net, plan, data, genomes)


def _choose(validation, test) -> None:
    rng = np.random.default_rng(0)
    for n in (5, 20, 60, 200):
        drawn = [rng.choice(len(test), n, replace=False) for _ in range(DRAWS)]
        honest = np.mean([test[one[validation[one].argmin()]] for one in drawn])
        flattered = np.mean([test[one].min() for one in drawn])
        print(f"{n:4} candidates: test RMSE {honest:.4f} chosen on validation, {flattered:.4f} chosen on test")
    print(f"all {len(test)}: {test[validation.argmin()]:.4f} and {test.min():.4f}", flush=True)


def _tell(what, validation, net, plan, data, genomes, sums=None) -> None:
    part, losses = data.parts["validation"], []
    wanted = (part.value - data.mean) / data.std
    for genome, one in zip(genomes, SPACE.decode(genomes), strict=True):
        predicted = Trainer(one, plan).predictions(net._models[genome[2]], part.user, part.item)
        losses.append(float(np.mean((predicted - wanted) ** 2)))
    shared = kendalltau(validation, np.nan_to_num(losses, nan=1e9, posinf=1e9)).statistic
    by_sums = "" if sums is None else f", of architecture parameters {kendalltau(validation, sums).statistic:+.2f}"
    print(f"{what}; tau of shared weights {shared:+.2f}{by_sums}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
