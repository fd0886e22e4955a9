"""A searcher of one's own, `package.module:Class`: found, checked, and held to what its methods have to return."""

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
    """Find the class that package.module:Class names, and that of its settings.

    Raises:
        UserError: there is none, importing it raised something, or it is no searcher made of (space, seed) or
            (space, seed, settings).
    """
    where = f"searcher {spec.name}"
    made: type[Searcher] = find_class(spec, _is_searcher, "core.search.searcher.Searcher")
    if made.__abstractmethods__:
        raise UserError(f"{where}: expected its methods {', '.join(sorted(made.__abstractmethods__))}, got none")
    parameters = inspect.signature(made).parameters
    takes_settings = "settings" in parameters
    try:
        inspect.signature(made).bind(*(None,) * (3 if takes_settings else 2))
    except TypeError:
        got = ", ".join(parameters)
        raise UserError(
            f"{where}: expected a constructor that takes space and seed, and settings if it has some, got {got}"
        ) from None
    return made, _settings_of(made, where) if takes_settings else None


def _settings_of(kind: type, where: str) -> type:
    """The class by which the constructor annotates its settings."""
    with user_errors_from(f"{where}: the annotation of its settings", exits=True):
        hint = get_type_hints(kind.__init__).get("settings")  # type: ignore[misc]
    found = next((one for one in (hint, *get_args(hint)) if isinstance(one, type) and is_dataclass(one)), None)
    if found is None or not _is_frozen_with_defaults(found):
        raise UserError(
            f"{where}: expected settings annotated by a frozen dataclass whose fields have defaults, got "
            f"{format_value(hint)}"
        )
    return cast(type, found)


def _is_frozen_with_defaults(kind: Any) -> bool:
    missing = [f for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    return kind.__dataclass_params__.frozen and not missing


def _is_searcher(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, Searcher) and thing is not Searcher


class OwnSearcher(Searcher):
    """Passes on what is asked and told, so that what goes wrong inside ends in a line.

    Args:
        kind: the class of the searcher inside.
        name: what it is called in messages.
        space: where candidates come from.
        arguments: what its constructor takes beside that.

    Raises:
        UserError: the searcher inside raised something, here or in any method.
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

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher."""
        with user_errors_from(f"{self._where}: tell"):
            metrics: Mapping[str, float] = self._inner.tell(trials)
        if not isinstance(metrics, Mapping):
            raise UserError(
                f"{self._where}: tell: expected a mapping of numbers, it may be empty, got {format_value(metrics)}"
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
