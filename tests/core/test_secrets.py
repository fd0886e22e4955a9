"""No secret is told, whatever it is made of and wherever it stands."""

import pickle
from urllib.parse import quote

import hypothesis.strategies as st
import pytest
from hypothesis import given

from core.common import secrets
from core.common.errors import UserError, first_line, format_value
from core.common.secrets import hidden, masked, masked_url, remember

#: Begins with what no URL of these tests has elsewhere.
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F, blacklist_categories=["Z", "C"]), max_size=20)
SECRETS = SECRETS.map(lambda text: f"QZX{text}QZX")
SCHEMES = st.sampled_from(["http", "https", "postgresql", "postgresql+psycopg2", "mysql", "redis", "s3"])
USERS = st.sampled_from(["bob", "a.b", "bob%40corp.example", ""])
PLACES = st.sampled_from(["127.0.0.1:9", "host/db", "[::1]:5432/db", "host:5000/?ssl=1", "/socket/db"])
#: Beginnings of URLs, right and mistyped.
STARTS = st.sampled_from(
    ["http://", "http:/", "HTTPS://", "//", "", "postgresql+psycopg2://", "(http://", "--uri=s3://"]
)


@given(SCHEMES, USERS, SECRETS, PLACES)
def test_the_password_of_a_url_is_never_in_a_message(scheme, user, secret, place):
    url = f"{scheme}://{user}:{secret}@{place}"
    for text in (
        masked_url(url),
        masked(f"--tracking-uri {url}: no"),
        str(UserError(f"{url} is 'gone' ({url})")),
        format_value(url),
    ):
        assert "QZX" not in text
    assert masked_url(url).endswith(f"@{place}") or "?" in secret, "what may be a query or a login is hidden whole"


@given(STARTS, SECRETS, st.sampled_from(["h:1", "h", "h/db?ssl=1"]), st.booleans())
def test_nor_is_it_where_the_url_is_mistyped_or_quoted(start, secret, place, is_quoted):
    login = f"bob:{secret}@"
    url = start + (quote(login, safe="") if is_quoted else login) + place
    for text in (masked_url(url), masked(f"--tracking-uri {url}: cannot use it"), str(UserError(f"{url}: no"))):
        assert "QZX" not in text
    assert masked(f"{url}: no").endswith(": no")


@given(
    st.sampled_from(["http://h/", "http:/h/", "mssql+pyodbc:///", "redis://h:1/2", "http://bob@h/", "//h/"]),
    st.sampled_from(["key", "auth", "pass", "sig", "jwt", "p%61ssword", "odbc_connect", "X-Amz-Signature", "a", ""]),
    SECRETS,
)
def test_nor_is_whatever_is_asked_of_a_server(start, name, secret):
    for value in (quote(secret, safe=""), "".join(c for c in secret if c not in "&;#?=")):
        url = f"{start}?timeout=3&{name}={value}" if name else f"{start}?{value}"
        for text in (masked_url(url), masked(f"{url}: cannot use it"), format_value(url)):
            assert "QZX" not in text
        assert masked(f"{url}: cannot use it").endswith(": cannot use it")


def test_the_rest_of_an_address_is_shown():
    assert masked_url("postgresql+psycopg2://bob:x@h:5432/db?sslmode=require&sslpassword=x#a=b") == (
        "postgresql+psycopg2://***@h:5432/db?sslmode=require&sslpassword=***#a=***"
    )
    assert masked("http://h/?password=x: cannot use it") == "http://h/?password=***: cannot use it"
    assert masked_url("sqlite:////home/a@b/x.db?timeout=3&cached_statements=5").endswith(
        "a@b/x.db?timeout=3&cached_statements=5"
    )


@given(st.text("@:/?=&#%40a .", max_size=40))
def test_what_was_masked_is_masked(text):
    assert masked(masked(text)) == masked(text)


@given(SCHEMES, SECRETS, st.sampled_from(["password", "token", "sslpassword", "api_key", "AWS_SECRET_ACCESS_KEY"]))
def test_nor_is_a_value_that_is_named_like_one(scheme, secret, name):
    secret = "".join(c for c in secret if c not in "&#;,'\"")
    assert "QZX" not in masked(f"{scheme}://host/db?{name}={secret}&ssl=1")
    assert masked(f"{scheme}://host/db?{name}={secret}&ssl=1").endswith("&ssl=1") or "@" in secret


@given(SECRETS.filter(lambda text: "@" not in text), st.integers(12, 40))
def test_a_message_that_was_cut_holds_no_piece_of_one(secret, length):
    assert "QZX" not in str(UserError(f"http://bob:{secret}{secret}{secret}@host"[:length] + "..."))


@pytest.mark.parametrize("secret", ["with a blank", "p@ss/w?rd", "p%40ss", "sl/ash"])
def test_another_librarys_error_does_not_repeat_what_is_in_use(secret):
    url = f"postgresql://bob:{secret}@host/db"
    remember(url, {"PGPASSWORD": "from-outside", "TOKENIZERS_PARALLELISM": "false", "PWD": "/home/bob"})
    told = first_line(RuntimeError(f"bob, {secret} and from-outside: refused, false, /home/bob"))
    assert told == "bob, *** and ***: refused, false, /home/bob"
    assert secret not in masked_url(url)
    assert secret not in hidden(f"refused: {url}")


@pytest.mark.parametrize(
    "url",
    [
        "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BX%7D%3BUID%3Du%3BPWD%3Ds3cretpw",
        "http://h/?jwt=s3cretpw",
        "http://h/?s3cretpw",
        "http:/bob:s3cretpw@h:1",
        "bob:s3cretpw@h:1",
        "//bob:s3cretpw@h:1",
        "http://bob%3As3cretpw%40h",
    ],
)
def test_nor_what_an_odd_address_holds(url):
    remember(url, {})
    assert first_line(RuntimeError("login s3cretpw: refused")) == "login ***: refused"
    assert "s3cretpw" not in masked_url(url)


@pytest.fixture(autouse=True)
def known_before():
    """What one test has remembered does not help another."""
    before = set(secrets._known)
    secrets._known.clear()
    yield
    secrets._known.update(before)


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////home/a@b/mlflow.db",
        "http://127.0.0.1:5000: cannot use it; give another",
        "http://[::1]:5000/#/experiments/1",
        "file:///home/bob/mlruns",
        "max(y_hat, 1/(y)) at epsilon=1e-06",
        "expected user, item and label; got a@b.c",
        "see https://mlflow.org/docs, or http://localhost:5000.",
    ],
)
def test_what_is_no_secret_stays(text):
    assert masked(text) == text
    assert str(UserError(text)) == text


def test_an_error_is_the_same_after_a_journey():
    error = pickle.loads(pickle.dumps(UserError("http://bob:secret@host: gone")))
    assert type(error) is UserError
    assert str(error) == "http://***@host: gone"
