"""`python -m studies.reproduce`: the tables and figures of papers beside ours.

The annotations are objects and not strings: options of a command are those of its family of reproductions.
"""

import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from core.common.errors import UserError
from recommenders.data import DataFiles
from studies.common.command import make_app, run_app
from studies.common.pages import drawn
from studies.common.processes import usable_cores
from studies.execution.experiment import Experiment, TaskProgress, experiment
from studies.execution.resources import Resources
from studies.execution.runner import TaskCallback
from studies.reproduction.bench import Bench
from studies.reproduction.mml.settings import RankingBench, RankingReproducePlaces, RankingReproduceSettings
from studies.reproduction.raw import Frame, frame, from_csv, read_csv, to_csv
from studies.reproduction.registry import REPRODUCTIONS, find_reproduction
from studies.reproduction.reproduction import Reproduction, page
from studies.reproduction.settings import ReproducePlaces, ReproduceSettings, check_used, command, data_of
from studies.reproduction.slides.bench import CrossBench, ProblemBench, SearchBench
from studies.reproduction.slides.settings import CrossReproduceSettings, SifReproduceSettings, SlidesReproduceSettings
from studies.storage.locking import own_folder
from studies.storage.output import OutputFolder
from studies.study.console import for_tables, new_console, print_lines, warning_to
from studies.study.result import versions
from studies.study.settings_training import listed

_NAME = "python -m studies.reproduce"
_AGAIN = "Interrupted, or asked for more seeds, the same command does only what is missing."
#: Settings, the files, what computes, and who is told -> what a reproduction measures with, see `Reproduction.measure`.
_MakeBench = Callable[[Any, DataFiles, Experiment, Sequence[TaskCallback]], Any]
_WIDE = 200  # columns of text where there is no terminal


@dataclass(frozen=True)
class Family:
    """Reproductions that take the same options."""

    paper: str
    """What they are of, in a few words."""
    settings: type[Any]
    """What is measured."""
    about: str
    """The same in a sentence, for the help."""
    bench: _MakeBench
    """Makes what they measure with."""
    places: type[ReproducePlaces] | type[RankingReproducePlaces] = ReproducePlaces
    """Where things are read and written."""

    @property
    def own(self) -> dict[str, Reproduction]:
        """Them, by name."""
        return {name: one for name, one in REPRODUCTIONS.items() if one.settings is self.settings}

    def app(self, about: str | None = None) -> App:
        """Return the command.

        Args:
            about: what it is; what its reproductions are of, unless given.
        """
        command_of = make_app(_NAME, f"Reproduce {about or self.about} {_AGAIN}")
        kind, kind_of_places = self.settings, self.places
        groups = Group("Reproduction", sort_key=1), Group("Places", sort_key=2)
        own = Annotated[kind, Parameter(name="*", group=groups[0], negative="")]  # type: ignore[valid-type]
        where = Annotated[kind_of_places, Parameter(name="*", group=groups[1])]  # type: ignore[valid-type]
        named = Annotated[str, Parameter(help=listed("What to reproduce", self.own))]
        defaults = self.settings(), self.places()

        def reproduce(
            name: named,
            /,
            *,
            settings: own = defaults[0],
            places: where = defaults[1],
        ) -> None:
            """Measure what is missing, print the tables and write them."""
            _reproduce(name, self, settings, places)

        command_of.default(reproduce)
        return command_of


#: The first is what the command takes unless its first word says otherwise.
FAMILIES = (
    Family(
        "AutoLossGen",
        ReproduceSettings,
        "a table or figure of the paper (AutoLossGen, SIGIR 2022): its figures beside ours, and the difference.",
        lambda settings, files, *of: Bench(settings, data_of(settings, files), *of),
    ),
    Family(
        "the Multi-Margin Loss paper",
        RankingReproduceSettings,
        "a table or the figure of the Multi-Margin Loss paper (arXiv 2405.04614): its figures beside ours, and the "
        "difference. As in the paper the best epoch is chosen on the test part.",
        lambda settings, files, *of: RankingBench(settings, files.data, *of),
        RankingReproducePlaces,
    ),
    Family(
        "lambda-opt",
        SlidesReproduceSettings,
        "the table of lambda-opt (Chen et al., KDD 2019): decays that are learned beside fixed ones, see "
        "docs/decay.md.",
        ProblemBench,
    ),
    Family(
        "SIF",
        SifReproduceSettings,
        "a figure of SIF (Yao et al., arXiv 1906.12091): searched interaction functions beside others, see "
        "docs/interactions.md. Its figures are pictures without numbers, so ours stand alone.",
        SearchBench,
    ),
    Family(
        "AutoCross",
        CrossReproduceSettings,
        "a table of AutoCross (Luo et al., KDD 2019): logistic regression with searched crosses and without, see "
        "docs/crosses.md.",
        CrossBench,
    ),
)
_OTHERS = "".join(
    f" Of {one.paper} there is {', '.join(one.own)}: {_NAME} {next(iter(one.own))} --help." for one in FAMILIES[1:]
)
app = FAMILIES[0].app(f"{FAMILIES[0].about}{_OTHERS}")


def app_of(words: Sequence[str]) -> App:
    """Return the command with the options of what the first word asks to reproduce."""
    for family in FAMILIES[1:]:
        if words and words[0] in family.own:
            return family.app()
    return app


def _reproduce(name: str, family: Family, settings: Any, places: Any) -> None:
    reproduction = find_reproduction(name)
    if reproduction.settings is not family.settings:
        raise UserError(f"{name}: expected it as the first word, since its options are others: {_NAME} {name} --help")
    check_used(settings, name, reproduction.options)
    raw, written = (_measured if places.cached is None else _from_file)(reproduction, family, settings, places)
    console = for_tables(new_console(), _WIDE)
    for table in reproduction.tables(raw):
        console.print(table.rich())
    for note in reproduction.notes(raw):
        console.print(note, highlight=False)
    if written is not None:
        console.print(f"Written to {written}", highlight=False, soft_wrap=True)


def _measured(reproduction: Reproduction, family: Family, settings: Any, places: Any) -> tuple[Frame, Path | None]:
    name, columns, began = reproduction.name, reproduction.columns, time.monotonic()
    device = getattr(settings, "device", "cpu")
    places.work.device_here(device)  # if it is missing, this is told before data are read
    with experiment(places.out or Path("results") / f"reproduce-{name}", places.work, None, _files(name)) as work:
        bench = family.bench(settings, places.files, work, [work.open(TaskProgress(work.err))])
        print_lines(bench.lines, work.err)
        content = to_csv(frame(columns, reproduction.measure(bench)), columns)
        raw = from_csv(content, columns, f"{name}.csv")  # as --cached will show it
        work.folder.write(f"{name}.csv", content)
        jobs = places.work.jobs or Resources(device=device).usual_workers
        libraries = ", ".join(f"{library} {version}" for library, version in versions().items())
        machine = f"{platform.machine()}, {platform.system()}, {usable_cores()} cores; {libraries}"
        made = (
            f"Made by `{command(name, settings, places.files)}` in {time.monotonic() - began:,.0f} seconds "
            f"({machine}; --jobs {jobs}; less where parts were there from before)."
        )
        return raw, _write(reproduction, raw, made, work.folder)


def _from_file(reproduction: Reproduction, family: Family, settings: Any, places: Any) -> tuple[Frame, Path | None]:
    assert places.cached is not None, "else it is measured"
    raw = read_csv(places.cached, reproduction.columns)
    if places.out is None:
        return raw, None
    with own_folder(places.out) as folder:
        folder.claim(*_files(reproduction.name))
        made = (
            f"Made by `{command(reproduction.name, settings, places.files, cached=places.cached)}`, without training."
        )
        return raw, _write(reproduction, raw, made, folder)


def _files(name: str) -> tuple[str, ...]:
    """The names of what a reproduction writes; a star stands for any text."""
    return f"{name}.csv", f"{name}.md", f"{name}.png", f"{name}-*.png"


def _write(reproduction: Reproduction, raw: Frame, made: str, folder: OutputFolder) -> Path:
    warn = warning_to(new_console(stderr=True))
    pictures = drawn(f"pictures of {reproduction.name}", lambda: reproduction.pictures(raw), warn)
    files = [folder.write(f"{stem}.png", content).name for stem, content in pictures.items()]
    text = page(reproduction.name, reproduction.about, made, reproduction.tables(raw), reproduction.notes(raw), files)
    return folder.write(f"{reproduction.name}.md", text.encode())


if __name__ == "__main__":
    run_app(app_of(sys.argv[1:]))
