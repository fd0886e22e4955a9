import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data.layout import KNOWN_NAMES, find_layout
from recommenders.data.options import TableOptions


def places(names, n=None, with_part=False, **options):
    layout = find_layout("x.csv", names, len(names) if n is None else n, TableOptions(**options), with_part)
    return dict(layout.places)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("userId,movieId,rating,timestamp", "0123"),
        ("user_id:token,item_id:token,rating:float,timestamp:float", "0123"),
        ("reviewerID,asin,overall,unixReviewTime", "0123"),
        ("rating,title,text,asin,parent_asin,user_id,timestamp", "5406"),
        ("User-ID,ISBN,Book-Rating", "012"),
        ("review_id,user_id,business_id,stars,useful,date", "1235"),
        ("uid,iid,label", "012"),
        ("Customer ID,Product ID,Score,Time", "0123"),
        ("timestamp,visitorid,itemid", "12-0"),
        ("user,item", "01"),
        ("USER,ITEM,CLICK,TS", "0123"),
    ],
)
def test_common_layouts_are_recognised(names, expected):
    roles = ("user", "item", "rating", "timestamp")
    found = places(names.split(","))
    assert found == {role: int(p) for role, p in zip(roles, expected, strict=False) if p != "-"}


@given(st.data())
def test_of_several_known_names_the_preferred_one_is_taken_and_the_others_are_said(data):
    role = data.draw(st.sampled_from(["user", "item", "rating", "timestamp"]))
    names = data.draw(st.lists(st.sampled_from(KNOWN_NAMES[role]), min_size=2, max_size=4, unique=True))
    columns = names + [name for name in ("uid", "iid") if name not in KNOWN_NAMES[role]]
    layout = find_layout("x", columns, len(columns), TableOptions(), False)
    best = min(names, key=list(KNOWN_NAMES[role]).index)
    assert columns[layout.places[role]] == best
    (said,) = [note for note in layout.notes if "could also be" in note]
    assert all(name in said for name in names if name != best)


def test_a_named_column_is_never_guessed_for_another_role():
    assert places(["user_id", "userid", "item"], item_col="user_id", user_col="userid") == {"user": 1, "item": 0}
    assert places(["user", "item", "rating"], time_col="rating") == {"user": 0, "item": 1, "timestamp": 2}


def test_columns_are_named_by_position_where_no_name_is_a_number():
    assert places(["a", "b", "c"], user_col="3", item_col="1") == {"user": 2, "item": 0}
    assert places(["a", "b", "1"], user_col="1", item_col="2") == {"user": 2, "item": 1}


def test_without_names_the_order_decides_around_named_ones():
    assert places(None, 4) == {"user": 0, "item": 1, "rating": 2, "timestamp": 3}
    assert places(None, 2) == {"user": 0, "item": 1}
    assert places(None, 4, user_col="2", item_col="1") == {"user": 1, "item": 0, "rating": 2, "timestamp": 3}
    assert places(None, 3, time_col="3") == {"user": 0, "item": 1, "timestamp": 2}


def test_none_leaves_a_column_out():
    assert places(["user", "item", "rating", "time"], rating_col="none", time_col="none") == {"user": 0, "item": 1}


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (
            "a,b,rating",
            {},
            "no column of users and none of items recognised; got a, b, rating; name them with --user-col",
        ),
        ("user,b,rating", {}, "no column of items recognised; .*--item-col"),
        ("user,item", {"user_col": "x"}, "--user-col 'x': no such column; got user, item; .*position from 1 to 2"),
        ("user,item", {"user_col": "3"}, "--user-col '3': no such column"),
        ("user,item", {"user_col": "0"}, "--user-col '0': no such column"),
        ("user,item", {"user_col": "none"}, "--user-col 'none': no such column"),
        ("user,item", {"rating_col": "item", "item_col": "item"}, "expected two columns, got item for both"),
        ("user,user,item", {}, "expected every column once, got user twice"),
        ("a,a,item", {"user_col": "a"}, "expected every column once, got 'a' twice"),
    ],
)
def test_what_cannot_be_is_refused(names, options, message):
    with pytest.raises(UserError, match=message):
        places(names.split(","), **options)


def test_ratings_under_an_unknown_name_are_asked_for_and_other_numbers_are_not():
    def found(*names, **options):
        return find_layout("x.csv", names, len(names), TableOptions(**options), False, range(len(names))).places

    with pytest.raises(UserError, match=r"no column of ratings recognised; .* is it voto\? name it with --rating-col"):
        found("user", "item", "voto")
    assert found("user", "item", "voto", rating_col="none") == {"user": 0, "item": 1}
    assert found("user", "item", "voto", rating_col="voto")["rating"] == 2
    assert found("Unnamed: 0", "user", "item", "category_id", "year", "") == {"user": 1, "item": 2}


def test_parts_are_looked_for_only_where_they_are_wanted():
    names = ["user", "item", "split"]
    assert "part" not in places(names)
    assert places(names, with_part=True)["part"] == 2
    with pytest.raises(UserError, match=r"no column of parts .*--split-col, or give the parts as --validation-data"):
        places(["user", "item"], with_part=True)
