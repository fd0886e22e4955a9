"""Passwords, tokens and keys stay out of messages, files and terminals.

What looks like one is replaced by three asterisks: everything before the `@` of a URL, and the value of whatever is
called a password, token, secret or key. What a URL in use holds is remembered besides, and replaced wherever another
library's error repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"
_SENSITIVE = r"(?:password|passwd|passphrase|pwd|token|secret|api[_-]?key|access[_-]?key|signature|credential)"
_NAMED = re.compile(rf"""(?i)([\w.-]{{0,40}}{_SENSITIVE}[\w.-]{{0,40}}=)("[^"]*"|'[^']*'|[^\s&#;,'"]+)""")
_HEADER = re.compile(r"(?i)(authorization\W{1,4}(?:basic|bearer)\s+)[^\s'\"]+")
_SECRET_VARIABLE = re.compile(r"(?i)(?:password|passphrase|token|secret|api_?key|access_?key)$")
_QUOTED_URL = re.compile(r"(?i)(%3A%2F%2F)[^\s&]*%40")
#: Shorter ones are hidden where they stand in a URL, but not looked for elsewhere: they are parts of words.
_SHORTEST = 4
_MOST = 200
_known: set[str] = set()


def masked(text: str) -> str:
    """A text from anywhere without what looks like a secret in it."""
    text = _HEADER.sub(rf"\1{HIDDEN}", _NAMED.sub(rf"\1{HIDDEN}", text))  # first: an @ in a value is not the URL's
    if "://" in text:
        text = "".join(_masked_url(word) if "://" in word else word for word in re.split(r"(\s+)", text))
    return _QUOTED_URL.sub(rf"\1{HIDDEN}%40", text)


def shown_url(url: str) -> str:
    """A URL as it may be shown and stored, whatever its password holds."""
    return masked(_masked_url(_NAMED.sub(rf"\1{HIDDEN}", url)))


def remember(url: str, variables: Mapping[str, str]) -> None:
    """Have `hidden` replace the secrets of this URL, and of these variables, from now on.

    Args:
        url: of a server or database, or the name of a file.
        variables: of the process, such as MLFLOW_TRACKING_TOKEN and PGPASSWORD.
    """
    own = [value for name, value in variables.items() if _SECRET_VARIABLE.search(name)]
    if len(_known) < _MOST:
        _known.update(one for one in (*_secrets_of(url), *own) if len(one) >= _SHORTEST)


def hidden(text: str) -> str:
    """Another library's text without secrets: as `masked`, and without those that were remembered."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return masked(text)


def _masked_url(word: str) -> str:
    """A word with a URL in it, without what stands before the last `@`, or after a colon that leads to no port."""
    scheme, slashes, rest = word.partition("://")
    if rest.startswith("/"):  # a file: nobody logs in
        return word
    _, at, place = rest.rpartition("@")
    if at:
        return f"{scheme}{slashes}{HIDDEN}@{place}"
    name, colon, port = re.split(r"[/?#'\"();,]", rest, maxsplit=1)[0].partition(":")
    if colon and "[" not in name and not re.fullmatch(r"\d*[:.]*", port):  # cut before its `@`
        return f"{scheme}{slashes}{name}:{HIDDEN}"
    return word


def _secrets_of(url: str) -> Iterator[str]:
    user, _, _ = url.partition("://")[2].rpartition("@")
    name, colon, password = user.partition(":")
    given = [password if colon else name, *(match[2].strip("'\"") for match in _NAMED.finditer(url))]
    for one in given:
        plain = unquote(one)
        yield from (one, plain, quote(plain, safe=""), quote_plus(plain))
