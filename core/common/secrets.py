"""Keep passwords, tokens and keys out of messages, files and terminals.

Whatever looks like a secret is replaced by three asterisks: the login of a URL (all before its `@`), the parameters of
its query unless they are known to be harmless, and the value of anything called a password, token, secret or key. The
secrets of URLs in use are also remembered, and replaced wherever the error message of another library repeats them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"
_SENSITIVE = r"(?:password|passwd|passphrase|pwd|token|secret|api[_-]?key|access[_-]?key|signature|credential)"
_VALUE = r"""("[^"]*"|'[^']*'|[^\s&#;,'"]*[^\s&#;,'":])"""  # a colon after it is the message's
_NAMED = re.compile(rf"(?i)([\w.-]{{0,40}}{_SENSITIVE}[\w.-]{{0,40}}=){_VALUE}")
_HEADER = re.compile(r"(?i)(authorization\W{1,4}(?:basic|bearer)\s+)[^\s'\"]+")
_SECRET_VARIABLE = re.compile(r"(?i)(?:password|passphrase|token|secret|api_?key|access_?key)$")
_QUOTED_URL = re.compile(r"(?i)(%3A%2F%2F)[^\s&]*%40")
#: A URL's beginning; a slash is lost where one is taken for a path.
_START = re.compile(r"(?i)(?P<scheme>[a-z][a-z0-9+.-]{1,30}):/{1,2}|(?<![^('\"=<\[])//")
_COLON, _AT = re.compile("(?i):|%3A"), re.compile("@|%40")
#: Signs of a sentence, after a URL.
_SENTENCE = "])>:.,;'\""
#: Schemes of paths: nobody logs in there.
_FILES = ("file", "sqlite")
#: What a query may show the value of; the names of secrets are endless.
_HARMLESS = frozenset(
    {"application_name", "cache", "charset", "connect_timeout", "dbname", "driver", "host", "isolation_level", "mode"}
    | {"port", "ssl", "sslmode", "timeout", "uri", "viewstatesharekey"}
)
#: Shorter ones are hidden where they stand in a URL, but not looked for elsewhere: they are parts of words.
_SHORTEST = 4
_MOST = 200
_known: set[str] = set()


def masked(text: str) -> str:
    """Return a text with everything that looks like a secret replaced by asterisks."""
    if any(mark in text for mark in ("/", "@", "%40")):
        text = "".join(_masked_word(word) for word in re.split(r"(\s+)", text))
    text = _HEADER.sub(rf"\1{HIDDEN}", _NAMED.sub(rf"\1{HIDDEN}", text))
    return _QUOTED_URL.sub(rf"\1{HIDDEN}%40", text)


def masked_url(url: str) -> str:
    """Return a URL without its secrets, fit to be shown and stored, whatever characters its password contains."""
    return masked(_masked_word(url))


def remember(url: str, variables: Mapping[str, str]) -> None:
    """Remember the secrets of a URL and of environment variables: `hidden` replaces them from now on.

    Args:
        url: of a server or database, or a file name.
        variables: the environment; those named like a secret count, such as MLFLOW_TRACKING_TOKEN and PGPASSWORD.
    """
    own = [value for name, value in variables.items() if _SECRET_VARIABLE.search(name)]
    if len(_known) < _MOST:
        _known.update(one for one in (*_secrets_of(url), *own) if len(one) >= _SHORTEST)


def hidden(text: str) -> str:
    """Mask the secrets in another library's text: those that `remember` was given and those that `masked` finds."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return masked(text)


def _masked_word(word: str) -> str:
    """Return a word with the secrets of the URL in it masked; it may be a URL as a whole, or contain one."""
    address = word.rstrip(_SENTENCE)
    start, login, at, place, query = _parts(address)
    if login:
        login = HIDDEN
    elif start and not at:  # cut before its `@`: what stands after a colon that leads to no port
        name, colon, port = re.split(r"[/?#'\"();,]", place, maxsplit=1)[0].partition(":")
        if colon and "[" not in name and not re.fullmatch(r"\d*[:.]*", port):
            place, query = f"{name}:{HIDDEN}", ""
    return start + login + at + place + "".join(map(_masked_part, re.split(r"([?&;#])", query))) + word[len(address) :]


def _masked_part(part: str) -> str:
    """Mask one parameter of a query; separators stay as they are."""
    name, equals, value = part.partition("=")
    if part in ("", "?", "&", ";", "#") or name.lower() in _HARMLESS or (equals and not value):
        return part
    return f"{name}={HIDDEN}" if equals else HIDDEN


def _parts(address: str) -> tuple[str, str, str, str, str]:
    """Split a URL into start, login, `@`, place and query; the login ends with the last `@`.

    Text that is no URL, and the URL of a file, are returned as a start alone. Where it is unclear whether the query is
    part of the login, everything counts as login.
    """
    found = _START.search(address)
    start, rest = (address[: found.end()], address[found.end() :]) if found else ("", address)
    if found and (found["scheme"] or "").lower().startswith(_FILES) and (rest.startswith("/") or start.endswith(":/")):
        return address, "", "", "", ""
    if not found and not _has_login(address):
        return address, "", "", "", ""
    place, mark, query = rest.partition("?")
    if "@" in query or ("@" not in place and "%40" in place):
        return start, rest, "", "", ""
    login, at, place = place.rpartition("@")
    return start, login, at, place, mark + query


def _has_login(word: str) -> bool:
    """Return whether a word is a URL without its scheme: no leading slash, and an `@` after a colon."""
    colon = _COLON.search(word)
    return colon is not None and not word.startswith("/") and _AT.search(word, colon.end()) is not None


def _secrets_of(url: str) -> Iterator[str]:
    _, login, _, _, query = _parts(url)
    logins = (login, unquote(login), unquote(login).rpartition("@")[0])  # the last: a place is in it, see `_parts`
    given = [password if colon else name for name, colon, password in (one.partition(":") for one in logins)]
    asked = [part.partition("=") for part in re.split(r"[?&;#]", query)]
    given += [value or name for name, _, value in asked if name.lower() not in _HARMLESS]
    given += [match[2].strip("'\"") for text in (url, unquote(url)) for match in _NAMED.finditer(text)]
    for one in given:
        plain = unquote(one)
        yield from (one, plain, quote(plain, safe=""), quote_plus(plain))
