"""`loss-search`: its commands are modules of this package, so `loss-search run` is `python -m studies.run`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import NoReturn

import studies
from core.common.errors import UserError, unknown_name
from studies.common.processes import BAD_INPUT, tolerate

#: Name of a command and of its module -> what it does. A module takes seconds to load, so only the one asked for is.
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "run": "search a loss function for a recommender, and compare it with the known ones",
        "compare": "compare searchers on equal terms, over seeds, with statistics",
        "evaluate": "judge losses: each is tuned alike, trained with several seeds and tested",
        "tune": "tune with Optuna what the paper fixes by hand",
        "table": "every loss of a few operators, trained, in a file",
        "export": "a loss as a torch module, sympy expression, LaTeX or JSON",
        "plot": "losses and their gradients as curves",
        "report": "one HTML page about a study",
        "reproduce": "the tables and figures of two papers beside ours",
        "benchmark": "how fast this machine trains and tests candidates",
    }
)
_PROGRAM, _ABOUT = "loss-search", "Search loss functions for recommender systems."


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that the first word names, with the rest as its options; leaves with its exit code.

    Args:
        arguments: the words after the program's name; those of this process unless given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("--help", "-h"):
        sys.exit(_tell(help_text()))
    if words[0] == "--version":
        sys.exit(_tell(f"{_PROGRAM} {studies.__version__}\n"))
    name = words[0]
    if name not in COMMANDS:
        sys.exit(_refuse(unknown_name("command", name, COMMANDS)))
    module = import_module(f"studies.{name}")
    from studies.common.command import make_app, run_app

    program = make_app(_PROGRAM, _ABOUT)
    of_words = getattr(module, "app_of", None)  # of a command with options by task
    program.command(module.app if of_words is None else of_words(words[1:]), name=name)
    run_app(program, words)


def help_text() -> str:
    """The commands, a line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {about}" for name, about in COMMANDS.items()]
    return "\n".join(
        [
            f"Usage: {_PROGRAM} COMMAND [OPTIONS]",
            "",
            _ABOUT,
            "",
            "Commands:",
            *lines,
            "",
            f"{_PROGRAM} COMMAND --help lists the options of a command, {_PROGRAM} --version tells the version.",
            "",
        ]
    )


def _tell(text: str) -> int:
    """Print; what to leave with, where the output may have no reader or no room."""
    out = tolerate()
    out.write(text)
    return out.end()


def _refuse(error: UserError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return BAD_INPUT
