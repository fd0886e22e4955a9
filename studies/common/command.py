"""What all commands of the house share: bad input ends with one line and exit code 2, never a traceback."""

from __future__ import annotations

import atexit
import gc
import logging
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from types import NoneType
from typing import Any, NoReturn, get_args

import cyclopts
from cyclopts.help import DefaultFormatter, HelpPanel
from rich.console import Console, ConsoleOptions
from rich.text import Text

from core.common.errors import UserError
from core.common.secrets import masked
from studies.common.processes import BAD_INPUT, INTERRUPTED, end_by_exceptions, tolerate, warnings_end_no_command
from studies.common.spelling import as_command

#: Exit code -> the signal that it tells of, see `end_by_exceptions`.
_ENDS = {128 + number: number for number in (signal.SIGTERM, signal.SIGHUP)}


def make_app(name: str, about: str) -> cyclopts.App:
    """A command line whose options come from dataclasses.

    Args:
        name: how it is called.
        about: what it does, for --help.
    """
    app = cyclopts.App(
        name=name,
        help=about,
        help_format="plaintext",
        help_formatter=_InParagraphs(),
        version_flags=[],
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # told by exit_code
    )
    app["--help"].show = False  # whoever reads the list has found it
    return app


class _InParagraphs(DefaultFormatter):
    """Help as cyclopts shows it, but what is said of an option is one paragraph, however its source is broken."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """See DefaultFormatter."""
        for entry in panel.entries:
            text = getattr(entry.description, "primary_renderable", None)
            if isinstance(text, Text):
                text.plain = " ".join(text.plain.split())
        super().__call__(console, options, panel)


def run_app(app: cyclopts.App, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave with its exit code: 0, 2 for bad input, 128 and the number of a signal that ended it.

    So does an output whose reader has gone, as with `| head`, which costs nothing but what was to be seen.
    """
    warnings_end_no_command()
    out = tolerate()
    end_by_exceptions()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for room in ("core", "recommenders", "searchers", "studies"):
        logging.getLogger(room).setLevel(logging.INFO)
    atexit.register(gc.freeze)  # what lives until the end is no garbage: looking through it took half a second
    sys.exit(exit_code_of(app, arguments) or out.end())


def option_value(words: Sequence[str], name: str) -> str | None:
    """Return the last value that an option has among the words of a command; None if it is not there.

    Args:
        words: of the command.
        name: of the option, as in --task.
    """
    given = [after for word, after in zip(words, [*words, ""][1:], strict=True) if word == name]
    given += [word.partition("=")[2] for word in words if word.startswith(f"{name}=")]
    return given[-1] if given else None


def exit_code_of(app: cyclopts.App, arguments: Sequence[str] | None = None) -> int:
    """Run a command line; what it leaves with, see `exit_code`."""
    words = sys.argv[1:] if arguments is None else arguments

    def options() -> set[str]:
        called = app.parse_commands(words)[1][-1]
        return {name for argument in called.assemble_argument_collection() for name in argument.names}

    def command() -> None:
        check_whole_numbers(app, words)
        app(words, exit_on_error=False, print_error=False)

    return exit_code(command, options)


def check_whole_numbers(app: cyclopts.App, words: Sequence[str]) -> None:
    """Check that options that are whole numbers are given such, since cyclopts would round 5.5.

    Args:
        app: the command.
        words: those of the command line.

    Raises:
        UserError: one is given another number.
    """
    if not {*app.help_flags}.isdisjoint(words):
        return
    _, called, words = app.parse_commands(words)
    options = [one for one in called[-1].assemble_argument_collection() if _is_whole_number(one.hint)]
    names = {name for one in options for name in one.names}
    for word, after in zip(words, [*words, ""][1:], strict=False):
        name, equals, value = word.partition("=")
        text = value if equals else after
        if name in names and "." in text and _is_broken(text):
            raise UserError(f"{name}: expected a whole number, got {text}")


def _is_whole_number(hint: Any) -> bool:
    """Return whether a type is int, or several of those, and may be nothing."""
    kinds = [kind for kind in get_args(hint) if kind not in (NoneType, Ellipsis)]
    return all(map(_is_whole_number, kinds)) if kinds else hint is int


def _is_broken(text: str) -> bool:
    try:
        return not float(text).is_integer()
    except ValueError:
        return False  # no number at all, which is told where it is read


def exit_code(command: Callable[[], object], options: Callable[[], Collection[str]] = tuple) -> int:
    """Run a command; what it leaves with. Errors that a person can mend are told on stderr, and what ended it.

    Args:
        command: does the work.
        options: asked where there is an error: those of the command, as they are typed, by which it names settings.
    """
    try:
        command()
    except (UserError, cyclopts.CycloptsError) as error:
        problem = as_command(_problem(error), options())
        print(f"error: {masked(' '.join(problem.split()))}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as error:
        if error.code in _ENDS:
            print(f"ended by {_ENDS[error.code].name}", file=sys.stderr)
        raise
    return 0


def _problem(error: Exception) -> str:
    """What an error says, and how a value is given that was taken for an option."""
    if isinstance(error, cyclopts.MissingArgumentError) and error.argument is not None:
        name = error.argument.name
        if name.startswith("--"):
            return f"{str(error).rstrip(' .')}; a value that begins with a minus is written {name}=VALUE"
    return str(error)
