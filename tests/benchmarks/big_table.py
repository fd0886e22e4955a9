"""How long a large table takes to load, and how much memory: `python -m tests.benchmarks.big_table`.

Makes a table of the shape of MovieLens-25M (162,000 users, 60,000 items, times) in a temporary folder, loads it in a
process of its own for each kind of file, and prints the seconds of a core that it takes, the peak of resident memory,
and what a row took of it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

N_USERS, N_ITEMS = 162_000, 60_000
_AT_ONCE = 1_000_000
_LOAD = """
import json, resource, sys, time
from pathlib import Path
from recommenders.data import load_dataset
bare, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
data = load_dataset("table", Path(sys.argv[1]))
seconds = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "peak": peak * 1024, "bare": bare * 1024, "rows": len(data.train)}))
"""


def make(folder: Path, n_rows: int, kinds: list[str]) -> list[Path]:
    """Write the same rows as files of these kinds."""
    rng = np.random.default_rng(25)
    schema = pa.schema(
        [("userId", pa.int64()), ("movieId", pa.int64()), ("rating", pa.float64()), ("timestamp", pa.int64())]
    )
    paths = [folder / f"ratings.{kind}" for kind in kinds]
    writers = [
        (pa_csv.CSVWriter if kind == "csv" else pq.ParquetWriter)(path, schema)
        for path, kind in zip(paths, kinds, strict=True)
    ]
    for start in range(0, n_rows, _AT_ONCE):
        n = min(_AT_ONCE, n_rows - start)
        columns = (
            rng.integers(1, N_USERS + 1, n),
            (N_ITEMS ** rng.random(n)).astype(np.int64),
            rng.integers(1, 11, n) / 2,
            rng.integers(789_652_009, 1_574_327_703, n),
        )
        table = pa.table([pa.array(column) for column in columns], schema=schema)
        for writer in writers:
            writer.write_table(table)
    for writer in writers:
        writer.close()
    return paths


def measure(path: Path) -> dict[str, float]:
    """Load a file in another process."""
    done = subprocess.run([sys.executable, "-c", _LOAD, str(path)], stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Make, load, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=25_000_000)
    parser.add_argument("--kinds", nargs="+", choices=("csv", "parquet"), default=["csv", "parquet"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for path in make(Path(folder), given.rows, given.kinds):
            got = measure(path)
            used = got["peak"] - got["bare"]
            print(
                f"{path.name}: {path.stat().st_size / 1e6:.0f} MB, {given.rows:,} rows: "
                f"{got['seconds']:.0f} s of one core, peak "
                f"{got['peak'] / 2**30:.2f} GiB, {used / given.rows:.0f} bytes a row over "
                f"{got['bare'] / 2**20:.0f} MiB before"
            )


if __name__ == "__main__":
    main()
