"""Fuzzing one target with atheris: `python -m tests.fuzz.atheris_targets formula -runs=100000`.

Options are libFuzzer's. The process that fuzzes ends at once when it is done, so a first process makes the folder of
seeds, starts it and clears up. What broke a target is printed, and kept in a file of libFuzzer's whose name it says.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

_INSIDE = "LOSS_SEARCH_FUZZ_FOLDER"


def main(arguments: list[str]) -> int:
    """Fuzz the target of this name; the exit code is 0 if it held."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", __spec__.name, *arguments]
        return subprocess.run(command, env=os.environ | {_INSIDE: name}, check=False).returncode


def fuzz(arguments: list[str], folder: Path) -> None:
    """In the second process: returns only if there is no such target."""
    import atheris

    with atheris.instrument_imports(include=["core", "recommenders.data", "studies.storage"]):
        from tests.fuzz.targets import TARGETS

    if not arguments or arguments[0] not in TARGETS:
        sys.exit(f"expected a target out of {', '.join(TARGETS)}, got {' '.join(arguments[:1]) or 'none'}")
    target = TARGETS[arguments[0]]
    seeds, words = folder / "seeds", folder / "words"
    seeds.mkdir()
    for i, seed in enumerate(target.seeds):
        (seeds / str(i)).write_bytes(seed)
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), encoding="ascii")
    # 60 seconds or 1.5 GB for one small input is a fault, too.
    options = [f"-dict={words}", "-timeout=60", "-rss_limit_mb=1500", f"-artifact_prefix={tempfile.gettempdir()}/"]
    options += arguments[1:]  # of an option given twice the last one counts
    atheris.Setup([sys.argv[0], *options, str(seeds)], target.run)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


if __name__ == "__main__":
    if _INSIDE in os.environ:
        fuzz(sys.argv[1:], Path(os.environ[_INSIDE]))
    sys.exit(main(sys.argv[1:]))
