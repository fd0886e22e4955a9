"""The page about one study: a single HTML file that needs nothing else, neither links nor scripts.

What a result says of its data is told without knowing which entries there are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.analysis.simplify import simplified
from core.common.errors import counted
from core.common.restoring import read, reading
from core.export.exported import FORMS
from core.export.mathml import mathml
from core.export.set_loss import SET_FORMS
from core.losses.loss import ProgramLoss
from core.phases.told import ToldTable
from core.phases.told import shown as told_cell
from studies.common.pages import STYLE, template, text_of
from studies.exporting.stored import StoredStudy
from studies.reporting import rows
from studies.reporting.axes import number
from studies.reporting.drawn import Drawn
from studies.reporting.loss_pictures import RATIO_COLUMNS, equation_of, ratio_rows
from studies.reporting.rows import changed_settings, export_command, run_command
from studies.reporting.story import Numbers, Past, duration, story
from studies.study.summary import caveats

_NAMES = {"name": "data set", "n_users": "users", "n_items": "items"}
_PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class DataNotes:
    """The data of a study."""

    entries: tuple[tuple[str, str], ...]
    """Name and value."""
    table: tuple[tuple[str, ...], ...]
    """Numbers by part, the names of the columns first; empty where there are none."""
    sentences: tuple[tuple[str, str], ...]
    """Name of the list, and what it says."""


def data_notes(dataset: Mapping[str, Any]) -> DataNotes:
    """Scalars as entries, a mapping of mappings as a table, lists of texts as sentences."""
    entries: list[tuple[str, str]] = []
    table: tuple[tuple[str, ...], ...] = ()
    sentences: list[tuple[str, str]] = []
    counted = isinstance(dataset.get("parts"), Mapping)
    for name, value in dataset.items():
        if counted and name in _PARTS:  # the table has them
            continue
        title = _NAMES.get(name, name.replace("_", " "))
        if isinstance(value, Mapping):
            if value and not table and all(isinstance(inner, Mapping) for inner in value.values()):
                table = _table(value)
            else:
                entries += [(f"{title}, {inner}", format_setting(one)) for inner, one in value.items()]
        elif isinstance(value, list | tuple):
            sentences += [(title, format_setting(one)) for one in value]
        else:
            entries.append((f"{title} rows" if name in _PARTS else title, format_setting(value)))
    return DataNotes(tuple(entries), table, tuple(sentences))


def _table(parts: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    columns = list(dict.fromkeys(name for part in parts.values() for name in part))
    head = ("part", *(name.replace("_", " ") for name in columns))
    rows = [(str(n), *(format_setting(part.get(c)) for c in columns)) for n, part in parts.items()]
    return head, *rows


def format_setting(value: Any) -> str:
    """A number, a text or nothing, for reading."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 2**63 else "a huge number"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(format_setting, value)) or "-"
    return str(value)


#: Longer formulas are shown as text, which can be broken into lines.
_LONGEST_TYPESET = 160
#: What no page may hold.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def report_page(content: Mapping[str, Any], history: Mapping[str, Any] | None, place: str = "FOLDER") -> str:
    """The page as HTML; the same study gives the same page.

    Args:
        content: of result.json.
        history: the content of history.json; without it, what it tells is left out, and the page says so.
        place: what `--run` of other commands finds the study by: its folder, or the id of its run.

    Raises:
        UserError: these are not a study's.
    """
    study = StoredStudy.of(content, place)
    numbers = Numbers.of(content)
    past = None if history is None else Past.of(history, study.metric)
    page = template("studies.reporting", "report.html", FILTERS).render(
        style=STYLE + text_of("studies.reporting", "report.css"),
        study=study,
        numbers=numbers,
        past=past,
        place=place,
        metric=study.metric_named(study.metric),
        columns=rows.columns(study),
        losses=rows.loss_rows(study),
        has_constant=study.terms.are_losses or any(loss.epsilon is not None for loss in study.finalists),
        decayed=any(loss.weight_decay is not None for loss in (*study.finalists, *study.baselines)),
        scaled=any(loss.scale != 1 for loss in (*study.finalists, *study.baselines)),
        front=rows.front_rows(study, place),
        verdicts=rows.verdict_rows(study, numbers),
        story=story(study, numbers, past),
        pictures=Drawn(study, numbers, past),
        ratios=ratio_rows([*study.finalists[:1], *study.baselines]),
        ratio_columns=RATIO_COLUMNS,
        data=data_notes(study.dataset),
        subject=_subject(study),
        tables=_tables(content),
        **_title(study),
        **_verdict(study, numbers),
        **_settings(study, content, place),
        terms=study.terms,
    )
    return UNPRINTABLE.sub("\ufffd", page)


def format_number(value: float | None) -> str:
    """A metric with four digits; a dash where there is none."""
    return "-" if value is None else f"{value:.4f}"


#: How templates write values.
FILTERS = {"shown": format_setting, "duration": duration, "cell": told_cell, "number": format_number, "power": number}


def _tables(content: Mapping[str, Any]) -> tuple[ToldTable, ...]:
    """What was found, in tables of the problem's."""
    with reading("expected the result.json of a study"):
        found: tuple[ToldTable, ...] = read(tuple[ToldTable, ...], content.get("tables", ()))
        return found


def _subject(study: StoredStudy) -> str:
    """What a problem of other things than losses of predictions is about, without its settings."""
    problem, data = study.settings.search.problem.partition(":")[0], study.dataset.get("name")
    return f"{problem} on {data}" if data else problem


def _title(study: StoredStudy) -> dict[str, Any]:
    """The found loss as mathematics."""
    if not study.finalists:
        return {"found": None}
    first = study.finalists[0]
    nothing = dict.fromkeys(("epsilon", "scale"))
    if first.loss is not None:
        what = f"With its constants, learning rate {first.learning_rate:g}" if first.learning_rate else "As found"
        forms = [(what, first.loss, equation_of(first))]
        return {"found": {"name": first.name, "forms": forms, **nothing}}
    loss = study.exported(first).loss if study.terms.are_losses else None
    if not isinstance(loss, ProgramLoss):
        return {"found": {"name": first.name, "forms": [], **nothing}}
    simple = replace(loss, program=simplified(loss))
    kinds = [("As found", loss)]
    if str(simple.program) != str(loss.program):
        kinds.append(("Simplified, with the same gradient", simple))
    return {
        "found": {
            "name": str(loss.program),
            "forms": [
                (f"{what}, {counted(one.program.complexity, 'operator')}", str(one.program), _typeset(one))
                for what, one in kinds
            ],
            "epsilon": number(loss.smoothing) if loss.program.is_smoothed else None,
            "scale": None if loss.scale == 1 else number(loss.scale),
        }
    }


def _typeset(loss: ProgramLoss) -> str | None:
    return mathml(loss) if len(str(loss.program)) <= _LONGEST_TYPESET else None


def _verdict(study: StoredStudy, numbers: Numbers) -> dict[str, Any]:
    """Whether it wins, and what to know before believing that."""
    if not study.finalists:
        return {"verdict": f"No {study.terms.one} was accepted, so there is nothing to compare.", "caveats": []}
    return {"verdict": study.verdict, "caveats": caveats(study.settings, numbers.passed_validation_check > 0)}


def _forms(study: StoredStudy) -> list[tuple[str, str, str]]:
    """The forms in which the found loss leaves, what each is, and its usual file."""
    if study.terms.are_losses:
        return [(name, form.about, form.file) for name, form in FORMS.items()]
    if study.finalists and study.finalists[0].loss is not None:
        return [(name, FORMS[name].about, file) for name, (_, file) in SET_FORMS.items()]
    return []


def _settings(study: StoredStudy, content: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Every setting, what came of presets, and the commands."""
    settings, protocol = study.settings, study.settings.protocol
    versions = content.get("versions")
    return {
        "settings": settings.to_dict(),
        "changed": changed_settings(settings),
        "in_force": {}
        if not study.terms.are_losses
        else {
            "learning rate": protocol.train.learning_rate,
            "weight decay": protocol.train.weight_decay,
            "weight decay in phase I": protocol.train.search_weight_decay,
            "batch size": protocol.train.batch_size,
            "gradients clipped to": protocol.train.clip,
            "initial standard deviation": protocol.init_std,
            "most epochs of a training": protocol.early_stopping.max_epochs,
            "device": content.get("device"),
        },
        "versions": versions if isinstance(versions, Mapping) else {},
        "run_command": run_command(settings),
        "exports": [(about, export_command(place, to=name, out=file)) for name, about, file in _forms(study)],
    }
