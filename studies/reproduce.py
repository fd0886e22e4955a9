"""`python -m studies.reproduce`: the tables and figures of the paper beside ours."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter
from rich.console import Console

from recommenders.data.summary import summarise
from studies.common.command import make_app, run_app
from studies.common.pages import drawn
from studies.execution.experiment import experiment
from studies.execution.progress import TaskProgress
from studies.execution.resources import Resources
from studies.reproduction.bench import Bench
from studies.reproduction.page import machine, page
from studies.reproduction.raw import Frame, frame, from_csv, read_csv, to_csv
from studies.reproduction.registry import REPRODUCTIONS, find_reproduction
from studies.reproduction.reproduction import Reproduction
from studies.reproduction.settings import ReproducePlaces, ReproduceSettings, command, data_of
from studies.storage.locking import own_folder
from studies.storage.output import OutputFolder
from studies.study.console import new_console, print_lines, warning_to
from studies.study.settings_data import listed

app = make_app(
    "python -m studies.reproduce",
    "Reproduce a table or figure of the paper: its figures beside ours, and the difference. Interrupted, or asked for "
    "more seeds, the same command does only what is missing.",
)
_DEFAULTS, _PLACES = ReproduceSettings(), ReproducePlaces()
_WIDE = 200  # columns of text where there is no terminal


@app.default
def reproduce(
    name: Annotated[str, Parameter(help=listed("What to reproduce", REPRODUCTIONS))],
    /,
    *,
    settings: Annotated[
        ReproduceSettings, Parameter(name="*", group=Group("Reproduction", sort_key=1), negative="")
    ] = _DEFAULTS,
    places: Annotated[ReproducePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _PLACES,
) -> None:
    """Measure what is missing, print the tables and write them."""
    reproduction = find_reproduction(name)
    settings.check_used(name, reproduction.options)
    if places.cached is not None:
        _from_file(reproduction, settings, places, places.cached)
        return
    began = time.monotonic()
    with experiment(places.out or Path("results") / f"reproduce-{name}", places, _files(reproduction)) as work:
        bench = Bench(settings, data_of(settings, places), work, [work.open(TaskProgress(work.err))])
        for dataset in bench.data:
            print_lines(summarise(dataset).lines(), work.err)
        measured = reproduction.measure(bench)
        raw, content = _as_written(reproduction, measured)
        work.folder.write(f"{name}.csv", content)
        jobs = places.jobs or Resources(device=settings.device).usual_workers
        made = (
            f"Made by `{command(name, settings, places)}` in {time.monotonic() - began:,.0f} seconds "
            f"({machine()}; --jobs {jobs}; less where parts were there from before)."
        )
        written = _write(reproduction, raw, made, work.folder)
    _print(reproduction, raw, written)


def _from_file(reproduction: Reproduction, settings: ReproduceSettings, places: ReproducePlaces, file: Path) -> None:
    raw, written = read_csv(file, reproduction.columns), None
    if places.out is not None:
        with own_folder(places.out) as folder:
            folder.claim(*_files(reproduction))
            made = f"Made by `{command(reproduction.name, settings, places, ('cached',))}`, without training."
            written = _write(reproduction, raw, made, folder)
    _print(reproduction, raw, written)


def _as_written(reproduction: Reproduction, measured: Sequence[Mapping[str, Any]]) -> tuple[Frame, bytes]:
    """The raw results as --cached will show them, and their file."""
    content = to_csv(frame(reproduction.columns, measured), reproduction.columns)
    return from_csv(content, reproduction.columns, f"{reproduction.name}.csv"), content


def _files(reproduction: Reproduction) -> tuple[str, ...]:
    """The names of what a reproduction writes; a star stands for any text."""
    return (
        f"{reproduction.name}.csv",
        f"{reproduction.name}.md",
        f"{reproduction.name}.png",
        f"{reproduction.name}-*.png",
    )


def _output() -> Console:
    console = new_console()
    return console if console.is_terminal else new_console(width=max(console.width, _WIDE))


def _print(reproduction: Reproduction, raw: Frame, written: Path | None) -> None:
    console = _output()
    for table in reproduction.tables(raw):
        console.print(table.rich())
    for note in reproduction.notes(raw):
        console.print(note, highlight=False)
    if written is not None:
        console.print(f"Written to {written}", highlight=False, soft_wrap=True)


def _write(reproduction: Reproduction, raw: Frame, made: str, folder: OutputFolder) -> Path:
    warn = warning_to(new_console(stderr=True))
    pictures = drawn(f"pictures of {reproduction.name}", lambda: reproduction.pictures(raw), warn)
    files = [folder.write(f"{stem}.png", content).name for stem, content in pictures.items()]
    text = page(reproduction.name, reproduction.about, made, reproduction.tables(raw), reproduction.notes(raw), files)
    return folder.write(f"{reproduction.name}.md", text.encode())


if __name__ == "__main__":
    run_app(app)
