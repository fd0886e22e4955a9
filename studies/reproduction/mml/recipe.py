"""How the paper trains, as the code has it that it uses: RecBox for SimpleX and MF, that of its authors for BSL.

The recipe of RecBox (reczoo/RecBox, match_model.py and h5_generator.py; the configurations of reczoo/RecZoo): private
negatives drawn uniformly and with replacement, positives among them; Adam over whole tables at a constant 1e-4; 64
dimensions that begin as N(0, 1e-4^2); cosines; a tenth of the user's vector dropped after it was brought to length 1;
gradients shortened to a norm of 10. That of BSL (junkangwu/BSL): batches of 1,024, Xavier's start, dropped before the
vector is brought to length 1, norms of the rows that a batch names. Departures:

- RecBox adds 1e-9 or 1e-8 times half the squared norm of whole tables. The gradient of that is below the 1e-8 that
  Adam adds to its denominator, so it moves nothing, and is left out: trainers of rows need not visit whole tables.
- With gamma 1, as published for Yelp, SimpleX does not look at a user's items: it is MF, which is trained in its place.
- RecBox ranks the 500 best items of a user without a mask and then takes out those of training; here all are ranked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.common.errors import UserError
from core.losses.setwise.registry import ALIASES, SET_LOSSES, parse_set_loss
from core.losses.setwise.set_loss import SetLoss
from core.losses.setwise.softmax import BSL
from recommenders.models.vectors.mf import VectorMF
from recommenders.modules.vector_specification import parse_vector_model
from recommenders.tasks.losses import ranking_line
from studies.evaluation.ranking.settings import RankingSettings
from studies.evaluation.ranking.training import RankingData, RankingSteps
from studies.reproduction.mml.paper import PATIENCE

LEARNING_RATE = 1e-4
#: Schedule of the learning rate -> how a line names it. The published SimpleX has the second, the paper the first.
SCHEDULES: Mapping[str, str] = MappingProxyType({"constant": "constant", "falling": "plateau"})
_BATCH: Mapping[str, int] = MappingProxyType({"yelp18": 512, "gowalla": 256})
_SIMPLEX = "simplex:init_std=1e-4:aggregation=user_attention:gamma=0.8:share_embedding=no:padding=811"
#: (model, data set) -> its line; those of BSL's code are apart.
_MODELS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        **{("mf", dataset): "mf:init_std=1e-4" for dataset in _BATCH},
        ("simplex", "yelp18"): "mf:init_std=1e-4",
        ("simplex", "gowalla"): _SIMPLEX,
    }
)
_MODEL_OF_BSL, _BATCH_OF_BSL = "mf:init=xavier:dropout_place=before", 1024
_DECAY_OF_BSL: Mapping[str, float] = MappingProxyType({"yelp18": 1e-3, "gowalla": 1e-9})
_CCL = "CCL:margin=0.9:negative_weight=150"
_MML = {
    "yelp18": "MML:margins=0.6,0.7,0.8,0.9:weights=0.05,0.15,0.2,0.6:negative_weight=400",
    "gowalla": "MML:margins=0.7,0.8,0.9:weights=0.1,0.15,0.75:negative_weight=700",
}
_BSL = {"yelp18": "BSL:temperature=0.11:exponent=1.1", "gowalla": "BSL:temperature=0.08:exponent=1.22"}
#: (loss, model, data set) -> its line; what is not here has the defaults, which are those of RecBox.
_CONSTANTS: Mapping[tuple[str, str, str], str] = MappingProxyType(
    {
        **{("CCL", *place): _CCL for place in _MODELS},
        ("CCL", "simplex", "gowalla"): "CCL:margin=0.9:negative_weight=250",
        **{("MML", *place): _MML[place[1]] for place in _MODELS},
        **{("BSL", "mf", dataset): line for dataset, line in _BSL.items()},
    }
)


def shown_name(line: str) -> str:
    """Return what a loss is called in tables: its name as the registry writes it, with constants that were given.

    Args:
        line: as somebody typed it.

    Raises:
        UserError: there is no such loss.
    """
    _, colon, constants = ranking_line(line).partition(":")
    parse_set_loss(line)
    known = {one.lower(): one for one in (*SET_LOSSES, *ALIASES)}
    return known[line.partition(":")[0].strip().lower()] + colon + constants


@dataclass(frozen=True)
class Setup:
    """What is trained, but for the seed and the length.

    Raises:
        UserError: an unknown loss, or one whose code has no such model.
    """

    model: str
    """mf or simplex."""
    dataset: str
    """yelp18 or gowalla."""
    name: str
    """Of the loss, see `shown_name`; without constants it has the published ones."""
    negatives: int
    """Of a positive."""
    schedule: str = "constant"
    """Of the learning rate."""

    def __post_init__(self) -> None:
        """Check that there is such a recipe."""
        if self._is_bsl and self.model != "mf":
            raise UserError(f"--loss {self.name}: its code has mf alone, got {self.model}; leave out one of the two")

    @property
    def loss(self) -> SetLoss:
        """The loss with its constants."""
        return parse_set_loss(_CONSTANTS.get((self.name, self.model, self.dataset), self.name))

    @property
    def monitor(self) -> str:
        """The metric by which the best epoch is chosen."""
        return "ndcg@20" if (self.model, self.dataset) == ("simplex", "gowalla") else "recall@20"

    @property
    def label(self) -> str:
        """What a person calls it."""
        falling = ", falling rate" if self.schedule == "falling" else ""
        model = self._line.partition(":")[0]  # what comes to the same has one name, and one part
        return f"{self.name}, {model} on {self.dataset}, {self.negatives} negatives{falling}"

    @property
    def _is_bsl(self) -> bool:
        return isinstance(parse_set_loss(self.name), BSL)

    @property
    def _line(self) -> str:
        return _MODEL_OF_BSL if self._is_bsl else _MODELS[self.model, self.dataset]

    def evaluation(self, max_epochs: int, device: str, backend: str) -> RankingSettings:
        """Return the evaluation that trains this, every epoch evaluated on the test part.

        Args:
            max_epochs: of a training; it ends earlier only where the learning rate falls, which is of no use then.
            device: where to train.
            backend: what trains.

        Raises:
            UserError: it cannot train this model.
        """
        if backend == "compiled" and not isinstance(parse_vector_model(self._line), VectorMF):
            raise UserError(f"--backend {backend}: it trains mf alone, and this is {self.label}; leave it out")
        own, usual = (_BATCH_OF_BSL, _DECAY_OF_BSL[self.dataset], None), (_BATCH[self.dataset], 0.0, 10.0)
        batch_size, weight_decay, clip_norm = own if self._is_bsl else usual
        steps = RankingSteps(
            recommender=self._line,
            sampler=f"uniform:negatives={self.negatives}",
            optimiser="adam",
            schedule=SCHEDULES[self.schedule],
            batch_size=batch_size,
            learning_rate=LEARNING_RATE,
            weight_decay=weight_decay,
            clip_norm=clip_norm,
            max_epochs=max_epochs,
            stop_after=PATIENCE - 1 if self.schedule == "falling" else None,  # it ends where more epochs were no better
            every=1,
            metric=self.monitor,
            device=device,
            backend=backend,
        )
        data = RankingData(dataset=self.dataset)
        return RankingSettings(protocol="paper", loss=(str(self.loss),), anchor=(), data=data, steps=steps)
