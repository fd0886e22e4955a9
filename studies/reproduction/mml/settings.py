"""What can be set for a reproduction of the Multi-Margin Loss paper, and what it measures with.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from core.common.errors import UserError, counted
from core.search.effectiveness import check_epochs
from recommenders.backends.ranking.registry import check_vector_backend
from recommenders.data import DataFiles
from recommenders.data.implicit import load_implicit, summarise
from recommenders.data.implicit.options import ImplicitOptions
from recommenders.data.implicit.published import PUBLISHED
from recommenders.data.implicit.samplers import MOST, Uniform
from recommenders.data.opening import is_folder
from recommenders.data.options import refuse_url
from studies.evaluation.ranking.tasks import RankingTasks
from studies.execution.experiment import Experiment
from studies.execution.registry import WorkPlaces
from studies.execution.runner import TaskCallback
from studies.execution.task import Result, Task
from studies.reproduction.mml.paper import DATASETS, EPOCHS, OTHER
from studies.reproduction.mml.recipe import LEARNING_RATE, Setup, shown_name
from studies.reproduction.settings import check_seeds
from studies.study.parts import PART
from studies.study.settings_training import FORMULA, SPACED, check_choice

MODELS = ("mf", "simplex")
#: What all of them take.
SHARED = frozenset({"dataset", "loss", "negatives", "device", "backend"})
#: What folders of the data sets are called.
_FOLDERS = {"yelp18": ("yelp18", "yelp2018", "Yelp18_m1"), "gowalla": ("gowalla", "Gowalla_m1")}


@dataclass(frozen=True, kw_only=True)
class RankingReproduceSettings:
    """What is measured. Together with the code, these settings decide the result, but for seconds.

    Raises:
        UserError: a number out of range, or a name that is unknown.
    """

    dataset: str | None = None
    """One data set alone, yelp18 or gowalla; unless given, those that --data holds."""
    recommenders: str | None = None
    """The models that are trained, parted by commas: mf, simplex; unless given, those of the paper."""
    loss: Annotated[tuple[str, ...], FORMULA, Parameter(show_default=False)] = ()
    """A loss to train instead of the paper's (repeat the option for several). By its name alone a loss of the paper has
    the paper's constants; others may be given too, as in SL:temperature=.1."""
    negatives: Annotated[tuple[int, ...], SPACED, Parameter(show_default=False)] = ()
    """Negatives of each positive instead of the paper's (repeat the option for several)."""
    seeds: int = 1
    """How many seeds; the paper has one."""
    max_epochs: int = EPOCHS
    """Epochs of a training."""
    falling_rate: bool = False
    """Train a second time with the learning rate of the published SimpleX, a tenth after every epoch that is no better,
    which the paper leaves out."""
    timed_epochs: int = 2
    """Epochs of each loss whose time is measured, after one that does not count."""
    device: str = "auto"
    """Where to train: auto (cuda where there is one), cpu or cuda."""
    backend: str = "auto"
    """What trains: auto, compiled (machine code for a CPU, of mf) or torch."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        check_seeds(self.seeds)
        for name in ("max_epochs", "timed_epochs"):
            check_epochs(name, getattr(self, name))
        if self.dataset is not None:
            check_choice("dataset", self.dataset, DATASETS)
        for name in self.models or ():
            check_choice("recommenders", name, MODELS)
            if self.models.count(name) > 1:
                raise UserError(f"--recommenders: expected distinct names, got {self.recommenders!r}")
        for line in self.loss:
            shown_name(line)
        for negatives in self.negatives:
            if not 1 <= negatives <= MOST:
                raise UserError(f"--negatives: expected 1 to {MOST:,}, got {negatives}")
        check_vector_backend(self.backend)

    @property
    def models(self) -> tuple[str, ...]:
        """The recommenders that were asked for; none where the paper's are."""
        return () if self.recommenders is None else tuple(name.strip() for name in self.recommenders.split(","))

    def losses(self, published: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of the losses to train, see `shown_name`.

        Args:
            published: those of the paper.
        """
        return tuple(dict.fromkeys(map(shown_name, self.loss))) or published

    def counts(self, published: tuple[int, ...]) -> tuple[int, ...]:
        """Return the numbers of negatives.

        Args:
            published: those of the paper.
        """
        return tuple(dict.fromkeys(self.negatives)) or published


@dataclass(frozen=True, kw_only=True)
class RankingReproducePlaces:
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    data: Path | None = None
    """The folder that holds yelp18 (or yelp2018) and gowalla, or one of them; with --dataset also the folder of that
    data set, with train.txt and test.txt."""
    work: Annotated[WorkPlaces, PART] = field(default_factory=WorkPlaces)
    out: Path | None = None
    """Folder of the tables, pictures and raw results; results/reproduce-NAME unless given. What is there already is not
    done again."""
    cached: Path | None = None
    """Print from the raw results in this CSV file, without training; with --out, write and draw them there too."""

    def __post_init__(self) -> None:
        """Refuse a URL."""
        refuse_url("--data", self.data)

    @property
    def files(self) -> DataFiles:
        """The folder, as all reproductions have it."""
        return DataFiles(data=self.data)


def folders(dataset: str | None, data: Path | None) -> dict[str, Path]:
    """Return the folder of every data set that is measured on, by its name.

    Args:
        dataset: the one that is asked for; None: all that there are.
        data: see RankingReproducePlaces.

    Raises:
        UserError: there is none.
    """
    wanted = DATASETS if dataset is None else (dataset,)
    if data is not None and not is_folder(data):
        raise UserError(f"--data {data}: expected the folder of {' and '.join(wanted)}, got no folder; give its path")
    if data is None:
        where = "; ".join(f"{name} is in {PUBLISHED[name].source}" for name in wanted)
        raise UserError(f"--data: expected the folder of {' and '.join(wanted)}, got none ({where})")
    there = {name: [data / one for one in _FOLDERS[name] if (data / one).is_dir()] for name in wanted}
    found = {name: paths[0] for name, paths in there.items() if paths}
    if not found and dataset is not None:
        return {dataset: data}
    if not found:
        *names, last = (one for of_name in _FOLDERS.values() for one in of_name)
        raise UserError(
            f"--data {data}: expected a folder {', '.join(names)} or {last} in it, got none; or say which it is: "
            f"--dataset {' or '.join(DATASETS)}"
        )
    return found


class RankingBench:
    """What a reproduction measures with.

    Args:
        settings: of the reproduction.
        data: the folder, see `folders`.
        work: computes tasks.
        callbacks: told what happens.

    Raises:
        UserError: there are no such data.
    """

    def __init__(
        self,
        settings: RankingReproduceSettings,
        data: Path | None,
        work: Experiment,
        callbacks: Sequence[TaskCallback] = (),
    ) -> None:
        self.settings, found = settings, folders(settings.dataset, data)
        options = ImplicitOptions(validation_share=0.0)
        loaded = {name: load_implicit(name, path, options=options) for name, path in found.items()}
        self._digests = {name: dataset.digest() for name, dataset in loaded.items()}
        self.lines = [line for dataset in loaded.values() for line in summarise(dataset).lines()]
        """What a person is told of the data."""
        for n, dataset in product(settings.negatives, loaded.values()):
            self.lines += [f"  warning: {doubt}" for doubt in Uniform(n).doubts(dataset.n_items)]
        self.datasets: Mapping[str, str] = {
            name: name + OTHER if PUBLISHED[name].doubts(dataset) else name for name, dataset in loaded.items()
        }
        """Name -> what it is called in results: another one where it is not the published split."""
        files: dict[str | None, DataFiles] = {self._digests[name]: DataFiles(data=path) for name, path in found.items()}
        self._runner = cache(lambda alone: work.runner(files, settings.device, callbacks, alone))

    def trained(self, setups: Iterable[Setup]) -> Iterator[tuple[Setup, int, Result]]:
        """Train with every seed.

        Args:
            setups: what is trained; those that come to the same are trained once.

        Returns:
            The setup, the number of the seed, and what was found.
        """
        known = list(product(setups, range(self.settings.seeds)))
        tasks = [self._tasks(setup).training(setup.label, setup.loss, LEARNING_RATE, {}, seed) for setup, seed in known]
        n = len({task.digest for task in tasks})
        epochs = counted(self.settings.max_epochs, "epoch")
        text = f"{counted(n, 'training')} of at most {epochs}, each evaluated on the test part"
        for (setup, seed), found in zip(known, self._runner(False).stage(text, tasks), strict=True):
            yield setup, seed, found

    def times(self, setups: Iterable[Sequence[Setup]]) -> Iterator[tuple[Sequence[Setup], Result]]:
        """Take the time of epochs, one task after the other.

        Args:
            setups: each group is alike but for the loss; its losses take turns.

        Returns:
            The group, and what was found.
        """
        groups, epochs = list(setups), self.settings.timed_epochs
        tasks: list[Task] = []
        for group in groups:
            first = group[0]
            label = f"times on {first.dataset}, {first.negatives} negatives"
            losses = [one.loss for one in group]
            tasks.append(self._tasks(first).times(label, losses, LEARNING_RATE, epochs))
        text = f"Times of {counted(epochs, 'epoch')} of each loss, which take turns, after one that does not count"
        yield from zip(groups, self._runner(True).stage(text, tasks), strict=True)

    def _tasks(self, setup: Setup) -> RankingTasks:
        settings = self.settings
        evaluation = setup.evaluation(settings.max_epochs, settings.device, settings.backend)
        return RankingTasks(evaluation, self._digests[setup.dataset])
