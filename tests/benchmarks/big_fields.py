"""How much memory and time a large table of fields takes: `python -m tests.benchmarks.big_fields --rows 2000000`.

Makes a Parquet file of 13 columns of numbers and 17 of categories (2 to 1.5 million values), whose label two columns
decide together, in a temporary folder; reads it, takes a step of the search (with --crosses 0 only columns alone are
trained), and prints seconds, those of CPU since the file was made, which other work changes less, and the peak of
resident memory after each. What a row takes of it, and so what ten million rows take, is in the last line.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recommenders.data.fields import FieldOptions, load_fields
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.search import CrossSearch

SIZES = (2, 3, 5, 8, 12, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 20_000, 100_000, 1_500_000, 7)
PLANTED, AT_ONCE = "c2 x c3", 500_000


def make(path: Path, n_rows: int) -> None:
    """Write the table."""
    rng, writer = np.random.default_rng(0), None
    for start in range(0, n_rows, AT_ONCE):
        n = min(AT_ONCE, n_rows - start)
        table = {f"n{k}": rng.normal(size=n).round(3) if k % 2 else rng.exponential(100, n).round() for k in range(13)}
        codes = [(size * rng.random(n) ** (1 if size < 1_000 else 2)).astype(int) for size in SIZES]
        table |= {f"c{k}": pa.array([f"v{code}" for code in own.tolist()]) for k, own in enumerate(codes)}
        logit = 0.6 * ((codes[2] * 7 + codes[3] * 3) % 5 - 2) + 0.3 * (codes[10] % 3 - 1)
        table["y"] = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
        made = pa.table(table)
        writer = writer or pq.ParquetWriter(path, made.schema)
        writer.write_table(made)
    writer.close()


def peak() -> float:
    """The peak of resident memory so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--crosses", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.parquet"
        make(path, given.rows)
        bare, began, made = peak(), time.perf_counter(), time.process_time()
        data = load_fields("table", path, options=FieldOptions(target="y"))
        held = sum(one.values.nbytes for one in data.columns) / 2**30
        seconds, cpu = time.perf_counter() - began, time.process_time() - made
        print(f"read: {seconds:.1f} s, CPU {cpu:.1f} s, peak {peak():.2f} GiB, of which columns {held:.2f}")
        search = CrossSearch(data, CrossPlan(most_crosses=given.crosses), threads=given.threads)
        for step in search:
            cpu = time.process_time() - made
            print(
                f"step {step.number}: {step.seconds:.1f} s, CPU {cpu:.1f} s in all, peak {peak():.2f} GiB, "
                f"{step.n_candidates} candidates"
            )
        assert not search.best.crosses or str(search.best.crosses[0]) == PLANTED
        each = (peak() - bare) / given.rows * 1e7
        print(f"{bare:.2f} GiB before; ten million rows take about {bare + each:.1f} GiB (make takes some of it)")


if __name__ == "__main__":
    main()
