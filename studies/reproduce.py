"""`python -m studies.reproduce`: the tables and figures of papers beside ours."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import App, Group, Parameter

from core.common.errors import UserError
from recommenders.data import DataFiles
from studies.common.command import make_app, run_app
from studies.common.pages import drawn
from studies.common.processes import usable_cores
from studies.execution.experiment import Experiment, experiment
from studies.execution.progress import TaskProgress
from studies.execution.resources import Resources
from studies.execution.runner import TaskCallback
from studies.reproduction.bench import Bench
from studies.reproduction.mml.bench import RankingBench
from studies.reproduction.mml.settings import RankingReproducePlaces, RankingReproduceSettings
from studies.reproduction.raw import Frame, frame, from_csv, read_csv, to_csv
from studies.reproduction.registry import REPRODUCTIONS, find_reproduction
from studies.reproduction.reproduction import Reproduction
from studies.reproduction.settings import ReproducePlaces, ReproduceSettings, command, data_of
from studies.reproduction.slides.bench import ProblemBench
from studies.reproduction.slides.settings import SlidesReproduceSettings
from studies.reproduction.table import page
from studies.storage.locking import own_folder
from studies.storage.output import OutputFolder
from studies.study.console import for_tables, new_console, print_lines, warning_to
from studies.study.recording import versions
from studies.study.settings_data import listed

_NAME = "python -m studies.reproduce"
_AGAIN = "Interrupted, or asked for more seeds, the same command does only what is missing."
Settings: TypeAlias = ReproduceSettings | RankingReproduceSettings | SlidesReproduceSettings
Places: TypeAlias = ReproducePlaces | RankingReproducePlaces


def _of(kind: type[Settings]) -> dict[str, Reproduction]:
    """The reproductions that take such settings, by name."""
    return {name: one for name, one in REPRODUCTIONS.items() if one.settings is kind}


_RANKED, _SLIDES = _of(RankingReproduceSettings), _of(SlidesReproduceSettings)
#: Of AutoLossGen.
app = make_app(
    _NAME,
    "Reproduce a table or figure of the paper (AutoLossGen, SIGIR 2022): its figures beside ours, and the difference. "
    f"{_AGAIN} Of the Multi-Margin Loss paper there are {', '.join(_RANKED)}: {_NAME} {next(iter(_RANKED))} --help. Of "
    f"lambda-opt there is {', '.join(_SLIDES)}: {_NAME} {next(iter(_SLIDES))} --help.",
)
_DEFAULTS, _PLACES = ReproduceSettings(), ReproducePlaces()
_WIDE = 200  # columns of text where there is no terminal


@app.default
def reproduce(
    name: Annotated[str, Parameter(help=listed("What to reproduce", _of(ReproduceSettings)))],
    /,
    *,
    settings: Annotated[
        ReproduceSettings, Parameter(name="*", group=Group("Reproduction", sort_key=1), negative="")
    ] = _DEFAULTS,
    places: Annotated[ReproducePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _PLACES,
) -> None:
    """Measure what is missing, print the tables and write them."""
    _reproduce(name, settings, places)


#: Of the Multi-Margin Loss paper.
rankings = make_app(
    _NAME,
    "Reproduce a table or the figure of the Multi-Margin Loss paper (arXiv 2405.04614): its figures beside ours, and "
    f"the difference. As in the paper the best epoch is chosen on the test part. {_AGAIN}",
)
_RANKING, _RANKING_PLACES = RankingReproduceSettings(), RankingReproducePlaces()


@rankings.default
def reproduce_rankings(
    name: Annotated[str, Parameter(help=listed("What to reproduce", _RANKED))],
    /,
    *,
    settings: Annotated[
        RankingReproduceSettings, Parameter(name="*", group=Group("Reproduction", sort_key=1), negative="")
    ] = _RANKING,
    places: Annotated[RankingReproducePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _RANKING_PLACES,
) -> None:
    """Measure what is missing, print the tables and write them."""
    _reproduce(name, settings, places)


#: Of lambda-opt.
slides = make_app(
    _NAME,
    "Reproduce the table of lambda-opt (Chen et al., KDD 2019): decays that are learned beside fixed ones, see "
    f"docs/decay.md. {_AGAIN}",
)
_SLIDES_DEFAULTS = SlidesReproduceSettings()


@slides.default
def reproduce_slides(
    name: Annotated[str, Parameter(help=listed("What to reproduce", _SLIDES))],
    /,
    *,
    settings: Annotated[
        SlidesReproduceSettings, Parameter(name="*", group=Group("Reproduction", sort_key=1), negative="")
    ] = _SLIDES_DEFAULTS,
    places: Annotated[ReproducePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _PLACES,
) -> None:
    """Measure what is missing, print the tables and write them."""
    _reproduce(name, settings, places)


def app_of(words: Sequence[str]) -> App:
    """Return the command with the options of what the first word asks to reproduce."""
    for own, command_of in ((_RANKED, rankings), (_SLIDES, slides)):
        if words and words[0] in own:
            return command_of
    return app


def _reproduce(name: str, settings: Settings, places: Places) -> None:
    reproduction = find_reproduction(name)
    if not isinstance(settings, reproduction.settings):
        raise UserError(f"{name}: expected it as the first word, since its options are others: {_NAME} {name} --help")
    settings.check_used(name, reproduction.options)
    raw, written = (_measured if places.cached is None else _from_file)(reproduction, settings, places)
    console = for_tables(new_console(), _WIDE)
    for table in reproduction.tables(raw):
        console.print(table.rich())
    for note in reproduction.notes(raw):
        console.print(note, highlight=False)
    if written is not None:
        console.print(f"Written to {written}", highlight=False, soft_wrap=True)


def _bench(
    settings: Settings, files: DataFiles, work: Experiment, callbacks: Sequence[TaskCallback]
) -> Bench | RankingBench | ProblemBench:
    if isinstance(settings, RankingReproduceSettings):
        return RankingBench(settings, files.data, work, callbacks)
    if isinstance(settings, SlidesReproduceSettings):
        return ProblemBench(settings, files, work, callbacks)
    return Bench(settings, data_of(settings, files), work, callbacks)


def _measured(reproduction: Reproduction, settings: Settings, places: Places) -> tuple[Frame, Path | None]:
    name, columns, began = reproduction.name, reproduction.columns, time.monotonic()
    device = getattr(settings, "device", "cpu")
    places.work.device_here(device)  # if it is missing, this is told before data are read
    with experiment(places.out or Path("results") / f"reproduce-{name}", places.work, None, _files(name)) as work:
        bench = _bench(settings, places.files, work, [work.open(TaskProgress(work.err))])
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


def _from_file(reproduction: Reproduction, settings: Settings, places: Places) -> tuple[Frame, Path | None]:
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
