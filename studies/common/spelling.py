"""How settings are spelled in messages: `--learning-rate` by a command, `learning_rate` in Python."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from core.common.errors import UserError, unknown_name
from recommenders.data.options import option

_OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)")


def as_command(message: str, options: Collection[str]) -> str:
    """Return a message that begins with the name of a setting, with the option in its place.

    Args:
        message: of an error.
        options: of the command, as they are typed.
    """
    name, colon, rest = message.partition(":")
    return f"{option(name)}:{rest}" if colon and option(name) in options else message


@contextmanager
def spelled_as_settings(settings: Collection[str]) -> Iterator[None]:
    """Name settings in the messages of the block as Python does; a function is decorated with it.

    Args:
        settings: their names; other options, as of a command that a message recommends, stay.
    """

    def named(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        return name if name in settings else found[0]

    try:
        yield
    except UserError as error:
        error.args = (_OPTION.sub(named, str(error)),)
        raise


@contextmanager
def spelled_in_line(problem: str, settings: Collection[str]) -> Iterator[None]:
    """Say in the messages of the block that settings are those of a problem's line, and not options.

    Args:
        problem: its name.
        settings: the names of its settings.
    """
    try:
        with spelled_as_settings(settings):
            yield
    except UserError as error:
        raise UserError(f"problem {problem}: {error}") from None


def check_known(what: str, value: str, known: Collection[str]) -> None:
    """Refuse a name in a problem's line that is unknown.

    Args:
        what: it names.
        value: the name.
        known: those that there are.

    Raises:
        UserError: it is none of them.
    """
    if value not in known:
        raise unknown_name(what, value, known)
