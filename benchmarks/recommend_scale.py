"""Recommenders as data grows: time and peak memory of popularity, item kNN, ALS and EASE on millions of plays.

    python -m benchmarks.recommend_scale
    python -m benchmarks.recommend_scale --sizes 1 10 30 --docs

Plays of 20,000 titles are drawn, fifty a viewer on average: some viewers watch far more than others, some titles are
far more popular, and every viewer prefers one of twenty groups of titles. Each model reads, fits and recommends in a
process of its own, so that its peak memory is its own; seconds are wall time of one run. With `--docs` the table is
written into the docs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.data import Dataset, DatasetWriter
from analysis.recommend import Interactions, model
from benchmarks.common import Measured, report

TITLES, PLAYS_PER_VIEWER, ASKED, K = 20_000, 50, 10_000, 10
MODELS = ("popularity", "item_knn", "als", "ease")
TASTES, OWN_TASTE, PIECE, DAYS = 20, 0.6, 2_000_000, 365
MOST_GIB, AT_MILLIONS = 8.0, 10
DOCS = Path(__file__).resolve().parent.parent / "docs/recommender-scale.md"
BEGIN, END = "<!-- scale -->", "<!-- /scale -->"


def one(folder: str, name: str) -> dict[str, Any]:
    """Seconds of reading, fitting and recommending, and the memory of this process, which does nothing else."""
    begun = time.perf_counter()
    interactions = Interactions.from_dataset(Dataset.open(folder))
    plays, pairs = len(interactions), interactions.matrix.nnz
    read = time.perf_counter()
    before = _peak()
    recommender = model(name)(seed=1)
    estimate = recommender._memory(interactions)
    cpu = time.process_time()
    recommender.fit(interactions)
    fitted, cpu = time.perf_counter(), time.process_time() - cpu
    step = max(1, interactions.n_viewers // ASKED)
    asked = interactions.viewers[::step][:ASKED]
    recommender.recommend(asked, K)
    return {
        "model": name,
        "label": recommender.label,
        "plays": plays,
        "pairs": pairs,
        "viewers": interactions.n_viewers,
        "asked": len(asked),
        "read": read - begun,
        "fit": fitted - read,
        "fit_cpu": cpu,
        "lists": time.perf_counter() - fitted,
        "read_gib": before,
        "estimate_gib": estimate / 2**30,
        "peak_gib": _peak(),
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def write_plays(folder: str, rows: int) -> None:
    """A dataset of that many plays, in pieces, so that this process stays small."""
    rng = np.random.default_rng(1)
    viewers = rows // PLAYS_PER_VIEWER
    activity = rng.lognormal(0, 1, viewers).cumsum()

    def piece(start: int) -> pa.Table:
        n = min(PIECE, rows - start)
        viewer = np.searchsorted(activity, rng.random(n) * activity[-1]).clip(max=viewers - 1)
        # Rank by popularity; every TASTES-th title is of the viewer's own group.
        rank = (rng.random(n) ** 2.5 * (TITLES // TASTES)).astype(np.int64)
        group = np.where(rng.random(n) < OWN_TASTE, viewer % TASTES, rng.integers(0, TASTES, n))
        started = np.datetime64("2025-01-01", "us") + rng.integers(0, DAYS * 86_400, n).astype("m8[s]")
        columns = {
            "view_id": np.arange(start, start + n),
            "viewer_id": viewer,
            "title_id": rank * TASTES + group,
            "started_at": started,
            "started_local": started,
            "completion": rng.random(n).round(3),
        }
        return pa.table(columns)

    with DatasetWriter(folder, name="Plays", source="benchmarks.recommend_scale") as writer:
        writer.add_batches("views", (piece(start) for start in range(0, rows, PIECE)))


def measure(millions: float, models: Sequence[str]) -> list[dict[str, Any]]:
    """One row a model on a dataset of that many million plays, which is made and removed."""
    rows = int(millions * 1e6)
    found = []
    with tempfile.TemporaryDirectory() as parent:
        folder = str(Path(parent) / "plays")
        write_plays(folder, rows)
        for name in models:
            command = [sys.executable, "-m", "benchmarks.recommend_scale", "--one", folder, name]
            ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found.append(json.loads(ran.stdout) | {"millions": millions})
            print(f"{millions:g} M plays, {name}: {found[-1]}", file=sys.stderr, flush=True)
    return found


def as_measured(row: dict[str, Any]) -> Measured:
    """One row of the benchmark's table."""
    promised = row["millions"] == AT_MILLIONS
    return Measured(
        f"{row['label']}, {row['plays']:,} plays of {row['viewers']:,} viewers",
        f"fit {row['fit']:.1f} s, peak {row['peak_gib']:.1f} GiB",
        f"peak ≤ {MOST_GIB:g} GiB" if promised else "–",
        not promised or row["peak_gib"] <= MOST_GIB,
        budget=promised,
    )


def as_docs(rows: Sequence[dict[str, Any]]) -> str:
    """The table of the docs."""
    load = ", ".join(f"{value:.0f}" for value in os.getloadavg())
    lines = [
        f"Measured with {os.cpu_count()} cores and Python {platform.python_version()}, at a load of {load} when the "
        "last row was done.\nWith a load above the number of cores, wall times are longer than on an idle machine.",
        "",
        "| plays | viewers | model | read, s | fit, s | fit, processor s | 10,000 lists, s | read, GiB | estimated, "
        "GiB | peak, GiB |",
        "|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['plays']:,} | {row['viewers']:,} | {row['label']} | {row['read']:.1f} | {row['fit']:.2f} | "
        f"{row['fit_cpu']:.2f} | {row['lists']:.1f} | {row['read_gib']:.1f} | {row['estimate_gib']:.1f} | "
        f"{row['peak_gib']:.1f} |"
        for row in rows
    ]
    return "\n".join(lines)


def write_docs(rows: Sequence[dict[str, Any]]) -> None:
    """Put the table between its marks."""
    before, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    DOCS.write_text(f"{before}{BEGIN}\n{as_docs(rows)}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=float, default=[1.0], help="millions of plays")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="which models")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/recommender-scale.md")
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "MODEL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(*options.one)))
        return
    rows: list[dict[str, Any]] = []
    for millions in options.sizes:
        rows += measure(millions, options.models)
        if options.docs:
            write_docs(rows)
    report("Recommenders as data grows", [as_measured(row) for row in rows])


if __name__ == "__main__":
    main()
