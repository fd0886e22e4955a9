"""`python -m studies.reproduce`: the tables and figures of the paper beside ours."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from recommenders.data.summary import summarise
from studies.common.command import make_app, run_app
from studies.common.pages import drawn
from studies.common.processes import usable_cores
from studies.execution.experiment import experiment
from studies.execution.progress import TaskProgress
from studies.execution.resources import Resources
from studies.reproduction.bench import Bench
from studies.reproduction.raw import Frame, frame, from_csv, read_csv, to_csv
from studies.reproduction.registry import REPRODUCTIONS, find_reproduction
from studies.reproduction.reproduction import Reproduction
from studies.reproduction.settings import ReproducePlaces, ReproduceSettings, command, data_of
from studies.reproduction.table import page
from studies.storage.locking import own_folder
from studies.storage.output import OutputFolder
from studies.study.console import for_tables, new_console, print_lines, warning_to
from studies.study.recording import versions
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
    raw, written = (_measured if places.cached is None else _from_file)(reproduction, settings, places)
    console = for_tables(new_console(), _WIDE)
    for table in reproduction.tables(raw):
        console.print(table.rich())
    for note in reproduction.notes(raw):
        console.print(note, highlight=False)
    if written is not None:
        console.print(f"Written to {written}", highlight=False, soft_wrap=True)


def _measured(
    reproduction: Reproduction, settings: ReproduceSettings, places: ReproducePlaces
) -> tuple[Frame, Path | None]:
    name, columns, began = reproduction.name, reproduction.columns, time.monotonic()
    with experiment(places.out or Path("results") / f"reproduce-{name}", places.work, None, _files(name)) as work:
        bench = Bench(settings, data_of(settings, places.files), work, [work.open(TaskProgress(work.err))])
        for dataset in bench.data:
            print_lines(summarise(dataset).lines(), work.err)
        content = to_csv(frame(columns, reproduction.measure(bench)), columns)
        raw = from_csv(content, columns, f"{name}.csv")  # as --cached will show it
        work.folder.write(f"{name}.csv", content)
        jobs = places.work.jobs or Resources(device=settings.device).usual_workers
        libraries = ", ".join(f"{library} {version}" for library, version in versions().items())
        machine = f"{platform.machine()}, {platform.system()}, {usable_cores()} cores; {libraries}"
        made = (
            f"Made by `{command(name, settings, places.files)}` in {time.monotonic() - began:,.0f} seconds "
            f"({machine}; --jobs {jobs}; less where parts were there from before)."
        )
        return raw, _write(reproduction, raw, made, work.folder)


def _from_file(
    reproduction: Reproduction, settings: ReproduceSettings, places: ReproducePlaces
) -> tuple[Frame, Path | None]:
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
    run_app(app)
