"""The layout of a table: which column plays which role, as named by the user or guessed from names or positions."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from core.common.errors import UserError, format_value, in_a_line
from recommenders.data.options import NO_COLUMN, TableOptions, option

#: {role: common names of its column, in lower case and without separators, preferred ones first}.
KNOWN_NAMES: Mapping[str, Sequence[str]] = {
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
#: {role: the option that names its column}.
OPTION_OF = {
    "user": "user_col",
    "item": "item_col",
    "rating": "rating_col",
    "timestamp": "time_col",
    "part": "split_col",
}
_PLURAL = {"user": "users", "item": "items", "rating": "ratings", "timestamp": "times", "part": "parts"}
#: Names of columns of numbers that are surely not ratings.
_NO_RATING = re.compile(r"^$|^unnamed|^index$|id$|idx$|index$|time|date|year|age$|price|count|votes|helpful|length")
#: Roles by position, where columns have no names.
_ORDER = ("user", "item", "rating", "timestamp")


@dataclass(frozen=True)
class Layout:
    """The roles of a table's columns."""

    places: Mapping[str, int]
    """{role: index of its column, from 0}."""
    notes: tuple[str, ...]
    """What was guessed, a sentence each."""
    names: Mapping[str, str] = field(default_factory=dict)
    """{role: name of its column}; empty where columns have no names."""


def find_layout(
    table: object,
    names: Sequence[str] | None,
    n_columns: int,
    options: TableOptions,
    with_part: bool,
    numeric: Collection[int] = (),
) -> Layout:
    """Find the columns that were named, and guess the others.

    Args:
        table: the table's name in messages.
        names: of its columns, or None without a header.
        n_columns: the number of columns.
        options: which columns were named.
        with_part: whether a column has to say the part of each row.
        numeric: indices of columns of numbers, which may be ratings under an unknown name.

    Raises:
        UserError: a column is missing, has the name of another, or is named for two roles; or no column of users or
            items is found, or one that may be the ratings has an unknown name.
    """
    finder = _Finder(table, names, n_columns)
    roles = [role for role in OPTION_OF if role != "part" or with_part]
    for role in roles:
        finder.take_named(role, getattr(options, OPTION_OF[role]))
    for role in roles:
        if getattr(options, OPTION_OF[role]) is None:
            finder.guess(role)
    finder.check_required(roles)
    finder.check_ratings(numeric)
    names_of = {} if names is None else {role: names[place] for role, place in finder.places.items()}
    return Layout(finder.places, (*finder.notes(), *finder.missing_notes(options.split)), names_of)


class _Finder:
    def __init__(self, table: object, names: Sequence[str] | None, n_columns: int) -> None:
        self._table, self._names, self._n = table, names, n_columns
        self.places: dict[str, int] = {}
        self._alternatives: dict[str, list[str]] = {}
        self._left_out: set[str] = set()

    @property
    def _listed(self) -> str:
        if self._names is None:
            return f"{self._n} columns without names"
        # only quotation marks show blanks around a name
        return in_a_line(", ".join(n if n == n.strip() else format_value(n) for n in self._names), 200) or "none"

    def take_named(self, role: str, name: str | None) -> None:
        if name is None:
            return
        flag, names = option(OPTION_OF[role]), self._names or ()
        if name == NO_COLUMN and name not in names and role in ("rating", "timestamp"):
            self._left_out.add(role)
            return
        if list(names).count(name) > 1:
            raise UserError(
                f"{self._table}: {flag}: expected every column once, got {format_value(name)} twice; rename one"
            )
        if name in names:
            place = list(names).index(name)
        elif re.fullmatch("[0-9]{1,4}", name) and 1 <= int(name) <= self._n:
            place = int(name) - 1
        else:
            raise UserError(
                f"{self._table}: {flag} {format_value(name)}: no such column; got {self._listed}; give one of these "
                f"or a position from 1 to {self._n}"
            )
        self._take(role, place)

    def _take(self, role: str, place: int) -> None:
        for other, taken in self.places.items():
            if taken == place:
                raise UserError(
                    f"{self._table}: {option(OPTION_OF[role])} and {option(OPTION_OF[other])}: expected two columns, "
                    f"got {self._describe(place)} for both; name another for one of them"
                )
        self.places[role] = place

    def _describe(self, place: int) -> str:
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
        found = [place for known in KNOWN_NAMES[role] for place, name in enumerate(plain) if name == known]
        free = [place for place in found if place not in taken]
        if free and list(self._names).count(self._names[free[0]]) > 1:
            name = in_a_line(self._names[free[0]], 60)
            raise UserError(f"{self._table}: expected every column once, got {name} twice; leave out one of them")
        if free:
            self.places[role] = free[0]
            self._alternatives[role] = [self._describe(place) for place in free[1:]]

    def check_required(self, roles: Sequence[str]) -> None:
        missing = [role for role in ("user", "item", "part") if role in roles and role not in self.places]
        if missing:
            files = ", or give the parts as --validation-data and --test-data" * ("part" in missing)
            flags = " and ".join(option(OPTION_OF[role]) for role in missing)
            raise UserError(
                f"{self._table}: no column of {' and none of '.join(_PLURAL[role] for role in missing)} recognised; "
                f"got {self._listed}; name {'them' if missing[1:] else 'it'} with {flags}{files}"
            )

    def check_ratings(self, numeric: Collection[int]) -> None:
        """Refuse to leave out what may be ratings, which would make every row a positive."""
        if self._names is None or "rating" in self.places or "rating" in self._left_out:
            return
        others = [place for place in sorted(numeric) if place < self._n and place not in self.places.values()]
        maybe = [place for place in others if not _NO_RATING.search(plain_name(self._names[place]))]
        if maybe:
            raise UserError(
                f"{self._table}: no column of ratings recognised; got {self._listed}; is it "
                f"{self._describe(maybe[0])}? name it with --rating-col, or give --rating-col none if every row is a "
                "positive"
            )

    def notes(self) -> list[str]:
        named = [f"{_PLURAL[role]} {self._describe(place)}" for role, place in self.places.items()]
        notes = [f"columns: {', '.join(named)}" + " (no header, by position)" * (self._names is None)]
        for role, others in self._alternatives.items():
            if others:
                flag = option(OPTION_OF[role])
                notes.append(f"{_PLURAL[role]} could also be {', '.join(others)}: {flag} chooses")
        return notes

    def missing_notes(self, split: str) -> list[str]:
        notes = []
        if "rating" not in self.places and "rating" not in self._left_out:
            notes.append(
                f"no column of ratings recognised among {self._listed}: name it with --rating-col if there is one"
            )
        if "timestamp" not in self.places and "timestamp" not in self._left_out and split == "auto":
            notes.append("no column of times recognised: name it with --time-col if there is one")
        if (
            "part" not in self.places
            and split == "auto"
            and any(plain_name(name) in KNOWN_NAMES["part"] for name in self._names or ())
        ):
            notes.append("a column seems to say train or test: --split-col uses it")
        return notes


def plain_name(name: str) -> str:
    """Return a name in lower case, without separators and RecBole's types."""
    name = re.sub(r":(token|token_seq|float|float_seq)$", "", name.strip().lower())
    return re.sub(r"[\W_]+", "", name)
