"""Fetching published files: download, verify, keep in the user's cache folder, never in the project."""

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

#: The environment variable that names another cache folder.
CACHE_VARIABLE = "LOSS_SEARCH_CACHE"
_LOG = logging.getLogger(__name__)
_TIMEOUT = 20  # seconds without an answer


def cache_folder() -> Path:
    """Return the folder of fetched files: $LOSS_SEARCH_CACHE, or the user's cache folder."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given) if given else platformdirs.user_cache_path("loss-search")


@dataclass(frozen=True)
class Published:
    """A file with known content, and its sources."""

    name: str
    """Its path in the cache folder."""
    sha256: str
    """Of its content, in hexadecimal."""
    sources: Sequence[Callable[[Path], bytes]]
    """Tried in order; each takes an empty folder to work in and returns the content, or raises SourceError."""


class SourceError(Exception):
    """Raised by a source that cannot deliver the file; the next one is tried."""


def fetch(published: Published) -> Path:
    """Return the path of the verified file, which is fetched unless it is in the cache.

    Raises:
        UserError: no source delivers it, the cache folder cannot be used, or has another file of this name.
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
    """Refuse a cached file with other content, and do not replace it, because it may be the user's."""
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
    """Return the content of a file in a zip archive.

    Args:
        archive: the zip file.
        member: the path of the file in it.

    Raises:
        SourceError: there is no such archive or member.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.read(member)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SourceError(f"{archive.name} has no {member}: {error}") from None


def from_web(url: str, md5: str, member: str) -> Callable[[Path], bytes]:
    """Make a source of a file in a zip archive on the web, downloaded with a progress bar.

    Args:
        url: of the archive.
        md5: of the archive, in hexadecimal.
        member: the path of the file in it.
    """

    def source(work: Path) -> bytes:
        _LOG.info("fetching %s", url)
        pooch.get_logger().setLevel("WARNING")  # it repeats the line above
        downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=_TIMEOUT)
        try:
            archive = pooch.retrieve(url, f"md5:{md5}", fname="archive.zip", path=work, downloader=downloader)
        except (OSError, ValueError) as error:  # requests' errors are OSErrors, a wrong hash a ValueError
            raise SourceError(f"{url}: {type(error).__name__}") from None
        return zip_member(Path(archive), member)

    return source


def from_wheel(requirement: str, sha256: str, member: str) -> Callable[[Path], bytes]:
    """Make a source of a file in a wheel, downloaded by pip and not installed.

    Args:
        requirement: of the wheel, such as "recbole==1.2.1".
        sha256: of the wheel, in hexadecimal.
        member: the path of the file in it.
    """

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
