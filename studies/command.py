"""What all commands of the house share: bad input ends with one line and exit code 2, never a traceback."""

from __future__ import annotations

import logging
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from types import FrameType
from typing import Any, NoReturn

import cyclopts

from core.errors import UserError
from core.secrets import masked
from recommenders.data.options import option
from studies.quiet import warnings_end_no_command
from studies.settings_data import DataPlaces

#: Exit codes, as shells count signals.
BAD_INPUT, INTERRUPTED, TERMINATED = 2, 130, 143


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
        version_flags=[],
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # told by exit_code
    )
    app["--help"].show = False  # whoever reads the list has found it
    return app


def typed(start: Sequence[str], settings: Any, places: DataPlaces, shown: Sequence[str] = ()) -> str:
    """What to type to get something again; options that have their defaults are left out.

    Args:
        start: the words that the line begins with.
        settings: a dataclass, whose fields are options.
        places: of which the files are told where they are given.
        shown: more fields of `places` that are.
    """
    words = list(start)
    for f in fields(settings):
        value = getattr(settings, f.name)
        for one in value if isinstance(value, tuple) else (value,):
            if value != f.default:
                words += [option(f.name), f"{one:g}" if isinstance(one, float) else str(one)]
    for name in (*(f.name for f in fields(DataPlaces)), *shown):
        if getattr(places, name) is not None:
            words += [option(name), str(getattr(places, name))]
    return masked(shlex.join(words))


def run_app(app: cyclopts.App, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave with its exit code: 0, 2 for bad input, 130 for Ctrl-C, 143 for SIGTERM."""
    warnings_end_no_command()
    signal.signal(signal.SIGTERM, _terminate)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for room in ("core", "recommenders", "searchers", "studies"):
        logging.getLogger(room).setLevel(logging.INFO)
    sys.exit(exit_code(lambda: app(arguments, exit_on_error=False, print_error=False)))


def exit_code(command: Callable[[], object]) -> int:
    """Run a command; what it leaves with. Errors that a person can mend are told on stderr."""
    try:
        command()
    except (UserError, cyclopts.CycloptsError) as error:
        print(f"error: {masked(' '.join(str(error).split()))}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        sys.stderr.close()
        return BAD_INPUT
    return 0


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """Unwind as for Ctrl-C, so that runs are closed and temporary files removed."""
    sys.exit(TERMINATED)
