"""Which column is what: guessed from the names in use, or from the order of columns, and said."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from core.common.errors import UserError, in_a_line, shown
from recommenders.data.options import NO_COLUMN, TableOptions, option

#: Names of columns by role, small and without separators, the preferred ones first.
KNOWN: Mapping[str, Sequence[str]] = {
    "user": (
        *("userid", "user", "uid", "userindex", "useridx", "usercode", "username", "reviewerid", "customerid"),
        *("memberid", "visitorid", "accountid", "playerid", "readerid", "profileid", "personid", "sessionid", "users"),
        *("customer", "reviewer", "member", "visitor", "u"),
    ),
    "item": (
        *("itemid", "item", "iid", "itemindex", "itemidx", "itemcode", "movieid", "parentasin", "asin", "productid"),
        *("bookid", "businessid", "songid", "trackid", "artistid", "gameid", "appid", "articleid", "newsid", "videoid"),
        *("animeid", "beerid", "recipeid", "restaurantid", "placeid", "venueid", "poiid", "locationid", "contentid"),
        *("showid", "courseid", "adid", "isbn", "items", "movie", "product", "book", "song", "artist", "game", "i"),
    ),
    "rating": (
        *("rating", "ratings", "userrating", "stars", "star", "score", "overall", "label", "bookrating", "myrating"),
        *("ratingscore", "reviewscore", "starrating", "rate", "click", "clicked", "isclick", "like", "liked", "islike"),
        *("feedback", "preference", "target"),
    ),
    "timestamp": (
        *("timestamp", "unixreviewtime", "unixtimestamp", "unixtime", "time", "ts", "datetime", "date", "timestamps"),
        *("ratingtimestamp", "reviewtime", "reviewdate", "ratingdate", "eventtime", "createdat", "timecreated"),
    ),
    "part": ("split", "splits", "part", "partition", "subset"),
}
OPTION_OF = {
    "user": "user_col",
    "item": "item_col",
    "rating": "rating_col",
    "timestamp": "time_col",
    "part": "split_col",
}
_PLAIN = {"user": "users", "item": "items", "rating": "ratings", "timestamp": "times", "part": "parts"}
#: Names of numbers that are no ratings, as they are told apart from ratings under an unknown name.
_NO_RATING = re.compile(r"^$|^unnamed|^index$|id$|idx$|index$|time|date|year|age$|price|count|votes|helpful|length")
#: Where there are no names.
_ORDER = ("user", "item", "rating", "timestamp")


@dataclass(frozen=True)
class Layout:
    """Which column plays which role."""

    places: Mapping[str, int]
    """{role: place of its column, from 0}."""
    notes: tuple[str, ...]
    """What was guessed, a sentence each."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What these columns are called, by role; nothing where they have no names."""


def find_layout(
    where: object,
    names: Sequence[str] | None,
    n_columns: int,
    options: TableOptions,
    with_part: bool,
    numeric: Collection[int] = (),
) -> Layout:
    """The columns that were named, and guesses for the others.

    Args:
        where: the table, for messages.
        names: of its columns, or None where it has no header.
        n_columns: how many it has.
        options: what was named.
        with_part: whether a column has to say the part of each row.
        numeric: the places of columns of numbers, any of which might be the ratings where none is known as such.

    Raises:
        UserError: no such column, one that stands twice, one for two roles, or none for users, items or perhaps
            ratings.
    """
    finder = _Finder(where, names, n_columns)
    roles = [role for role in OPTION_OF if role != "part" or with_part]
    for role in roles:
        finder.take_named(role, getattr(options, OPTION_OF[role]))
    for role in roles:
        if getattr(options, OPTION_OF[role]) is None:
            finder.guess(role)
    finder.check(roles)
    finder.check_ratings(numeric)
    called = {} if names is None else {role: names[place] for role, place in finder.places.items()}
    return Layout(finder.places, (*finder.notes(), *finder.unused(options.split)), called)


class _Finder:
    def __init__(self, where: object, names: Sequence[str] | None, n_columns: int) -> None:
        self._where, self._names, self._n = where, names, n_columns
        self.places: dict[str, int] = {}
        self._others: dict[str, list[str]] = {}
        self._without: set[str] = set()

    @property
    def _listed(self) -> str:
        if self._names is None:
            return f"{self._n} columns without names"
        # blanks around a name are seen in quotation marks only
        return in_a_line(", ".join(n if n == n.strip() else shown(n) for n in self._names), 200) or "none"

    def take_named(self, role: str, name: str | None) -> None:
        if name is None:
            return
        flag, names = option(OPTION_OF[role]), self._names or ()
        if name == NO_COLUMN and name not in names and role in ("rating", "timestamp"):
            self._without.add(role)
            return
        if list(names).count(name) > 1:
            raise UserError(f"{self._where}: {flag}: expected every column once, got {shown(name)} twice; rename one")
        if name in names:
            place = list(names).index(name)
        elif re.fullmatch("[0-9]{1,4}", name) and 1 <= int(name) <= self._n:
            place = int(name) - 1
        else:
            raise UserError(
                f"{self._where}: {flag} {shown(name)}: no such column; got {self._listed}; give one of these or a "
                f"position from 1 to {self._n}"
            )
        self._take(role, place)

    def _take(self, role: str, place: int) -> None:
        for other, taken in self.places.items():
            if taken == place:
                raise UserError(
                    f"{self._where}: {option(OPTION_OF[role])} and {option(OPTION_OF[other])}: expected two columns, "
                    f"got {self._called(place)} for both; name another for one of them"
                )
        self.places[role] = place

    def _called(self, place: int) -> str:
        return (
            f"column {place + 1}" if self._names is None else in_a_line(self._names[place] or f"column {place + 1}", 60)
        )

    def guess(self, role: str) -> None:
        taken = set(self.places.values())
        if self._names is None:
            if role in _ORDER and (place := _ORDER.index(role)) < self._n and place not in taken:
                self.places[role] = place
            return
        plain = [plain_name(name) for name in self._names]
        found = [place for known in KNOWN[role] for place, name in enumerate(plain) if name == known]
        free = [place for place in found if place not in taken]
        if free and list(self._names).count(self._names[free[0]]) > 1:
            name = in_a_line(self._names[free[0]], 60)
            raise UserError(f"{self._where}: expected every column once, got {name} twice; leave out one of them")
        if free:
            self.places[role] = free[0]
            self._others[role] = [self._called(place) for place in free[1:]]

    def check(self, roles: Sequence[str]) -> None:
        missing = [role for role in ("user", "item", "part") if role in roles and role not in self.places]
        if missing:
            files = ", or give the parts as --validation-data and --test-data" * ("part" in missing)
            raise UserError(
                f"{self._where}: no column of {' and none of '.join(_PLAIN[role] for role in missing)} recognised; got "
                f"{self._listed}; name {'them' if missing[1:] else 'it'} with "
                f"{' and '.join(option(OPTION_OF[role]) for role in missing)}{files}"
            )

    def check_ratings(self, numeric: Collection[int]) -> None:
        """Ratings under an unknown name would be left out and all of them be positives."""
        if self._names is None or "rating" in self.places or "rating" in self._without:
            return
        others = [place for place in sorted(numeric) if place < self._n and place not in self.places.values()]
        maybe = [place for place in others if not _NO_RATING.search(plain_name(self._names[place]))]
        if maybe:
            raise UserError(
                f"{self._where}: no column of ratings recognised; got {self._listed}; is it {self._called(maybe[0])}? "
                "name it with --rating-col, or give --rating-col none if every row is a positive"
            )

    def notes(self) -> list[str]:
        named = [f"{_PLAIN[role]} {self._called(place)}" for role, place in self.places.items()]
        notes = [f"columns: {', '.join(named)}" + " (no header, by position)" * (self._names is None)]
        for role, others in self._others.items():
            if others:
                flag = option(OPTION_OF[role])
                notes.append(f"{_PLAIN[role]} could also be {', '.join(others)}: {flag} chooses")
        return notes

    def unused(self, split: str) -> list[str]:
        notes = []
        if "rating" not in self.places and "rating" not in self._without:
            notes.append(
                f"no column of ratings recognised among {self._listed}: name it with --rating-col if there is one"
            )
        if "timestamp" not in self.places and "timestamp" not in self._without and split == "auto":
            notes.append("no column of times recognised: name it with --time-col if there is one")
        if (
            "part" not in self.places
            and split == "auto"
            and any(plain_name(name) in KNOWN["part"] for name in self._names or ())
        ):
            notes.append("a column seems to say train or test: --split-col uses it")
        return notes


def plain_name(name: str) -> str:
    """Small, without separators and without RecBole's types."""
    name = re.sub(r":(token|token_seq|float|float_seq)$", "", name.strip().lower())
    return re.sub(r"[\W_]+", "", name)
