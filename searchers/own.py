"""The user's own searcher, `package.module:Class`: import it, and check it and what its methods return."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, cast, get_args, get_type_hints

import numpy as np

from core.common.errors import UserError, format_value
from core.common.loading import find_class, user_errors_from
from core.search.searcher import Searcher
from core.search.space import Space, check_genomes
from core.search.trial import Trial
from searchers.specification import SearcherSpec


def find_searcher(spec: SearcherSpec) -> tuple[type[Searcher], type | None]:
    """Import the searcher that package.module:Class names.

    Returns:
        Its class, and the class of its settings; None if it has no settings.

    Raises:
        UserError: there is no such class, importing it raised an error, or it is not a searcher with a constructor of
            (space, seed) or (space, seed, settings).
    """
    where = f"searcher {spec.name}"
    made: type[Searcher] = find_class(spec, _is_searcher, "core.search.searcher.Searcher")
    if made.__abstractmethods__:
        raise UserError(f"{where}: expected it to define {', '.join(sorted(made.__abstractmethods__))}, which it lacks")
    parameters = inspect.signature(made).parameters
    takes_settings = "settings" in parameters
    try:
        inspect.signature(made).bind(*(None,) * (3 if takes_settings else 2))
    except TypeError:
        got = ", ".join(parameters)
        raise UserError(
            f"{where}: expected a constructor of (space, seed) or (space, seed, settings), got ({got})"
        ) from None
    return made, _settings_of(made, where) if takes_settings else None


def _settings_of(kind: type, where: str) -> type:
    """Return the class in the annotation of the constructor's parameter `settings`."""
    with user_errors_from(f"{where}: the annotation of its settings", exits=True):
        hint = get_type_hints(kind.__init__).get("settings")  # type: ignore[misc]
    found = next((one for one in (hint, *get_args(hint)) if isinstance(one, type) and is_dataclass(one)), None)
    if found is None or not _is_frozen_with_defaults(found):
        raise UserError(
            f"{where}: expected the parameter settings to be annotated with a frozen dataclass whose fields all have "
            f"defaults, got {format_value(hint)}"
        )
    return cast(type, found)


def _is_frozen_with_defaults(kind: Any) -> bool:
    missing = [f for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    return kind.__dataclass_params__.frozen and not missing


def _is_searcher(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, Searcher) and thing is not Searcher


class OwnSearcher(Searcher):
    """Wraps the user's searcher, so that any mistake in it ends in a one-line UserError.

    Args:
        kind: the class of the user's searcher.
        name: its name in messages.
        space: the search space.
        arguments: the other arguments of its constructor.

    Raises:
        UserError: the user's searcher raised an error, here or in any method.
    """

    def __init__(self, kind: type[Searcher], name: str, space: Space[Any], *arguments: Any) -> None:
        self._where, self._space = f"searcher {name}", space
        with user_errors_from(f"{self._where}: its constructor", exits=True):
            self._inner = cast(Any, kind)(space, *arguments)

    def ask(self, n: int) -> np.ndarray:
        """See Searcher."""
        with user_errors_from(f"{self._where}: ask"):
            genomes = self._inner.ask(n)
        if not isinstance(genomes, np.ndarray) or genomes.shape[:1] != (n,):
            raise UserError(f"{self._where}: ask({n}): expected an array of {n} genomes, got {format_value(genomes)}")
        with user_errors_from(f"{self._where}: ask({n}):"):
            check_genomes(genomes, self._space)
        return genomes

    @property
    def n_left(self) -> int | None:
        """See Searcher."""
        with user_errors_from(f"{self._where}: n_left"):
            found = self._inner.n_left
        if found is not None and (isinstance(found, bool) or not isinstance(found, int) or found < 0):
            raise UserError(f"{self._where}: n_left: expected at least 0, or None, got {format_value(found)}")
        return found

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher."""
        with user_errors_from(f"{self._where}: tell"):
            metrics: Mapping[str, float] = self._inner.tell(trials)
        if not isinstance(metrics, Mapping):
            raise UserError(
                f"{self._where}: tell: expected a mapping from names to numbers (may be empty), "
                f"got {format_value(metrics)}"
            )
        return metrics

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        with user_errors_from(f"{self._where}: state_dict"):
            state: dict[str, Any] = self._inner.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        with user_errors_from(f"{self._where}: load_state_dict"):
            self._inner.load_state_dict(state)
