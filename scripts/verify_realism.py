"""Realism score: do recommenders rank on simulated data as they rank on real data? Writes docs/simulator-realism.md.

    PRIMETIME_REAL_DATA=folder python scripts/verify_realism.py

Every model of `analysis.recommend` with its default parameters and seed 0 is ranked by NDCG@10 after a split in time:
on real ratings (MovieTweetings), on the sample's ratings and on its plays. Kendall's tau says how far two rankings
agree (SynEvaRec's realism score). Its interval comes from drawing viewers again in both datasets; its p-value is that
of a ranking without any relation. Two halves of the real viewers show what agreement is to be had at all.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scipy.stats import kendalltau  # noqa: E402

from analysis.data import Dataset  # noqa: E402
from analysis.data.importers import import_data  # noqa: E402
from analysis.recommend import Interactions, RecommendationTable, TemporalSplit, evaluate, metrics, models  # noqa: E402
from analysis.recommend.interactions import Signal  # noqa: E402
from analysis.workspace import SAMPLE  # noqa: E402

FILE = ROOT / "docs" / "simulator-realism.md"
K, CORE, DRAWS, SEED = 10, 10, 2_000, 0
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranked:
    """How the models did on one dataset.

    Attributes:
        name: Name of the dataset and signal.
        ndcg: NDCG@10 of each tested viewer, by model.
        failed: What models that failed said.
        size: Interactions, viewers and titles, in words.
    """

    name: str
    ndcg: dict[str, Floats]
    failed: dict[str, str]
    size: str

    def mean(self, model: str) -> float:
        """Mean NDCG@10 over viewers."""
        return float(self.ndcg[model].mean())


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau of two rankings, its interval over viewers, and the p-value of no relation."""

    tau: float
    low: float
    high: float
    p_value: float
    models: int


def real(folder: Path) -> Dataset:
    """MovieTweetings, of it the titles, and then the viewers, with ten ratings or more."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "real"
        import_data(folder / "movietweetings-100k", target=target)
        dataset = Dataset.open(target)
        ratings, titles = dataset.frame("ratings"), dataset.frame("titles")
    for column in ("title_id", "viewer_id"):
        counts = ratings[column].value_counts()
        ratings = ratings[ratings[column].isin(counts.index[counts >= CORE])]
    return Dataset.from_frames(ratings=ratings, titles=titles[titles["title_id"].isin(ratings["title_id"])])


def rank(dataset: Dataset, signal: Signal, name: str) -> Ranked:
    """Train and test every model, and keep each viewer's NDCG."""
    tell = lambda share, words: print(f"\r{name}: {share:4.0%} {words:<60}", end="", file=sys.stderr)  # noqa: E731
    board = evaluate(dataset, list(models()), signal=signal, k=K, seed=SEED, progress=tell)
    print(file=sys.stderr)
    interactions = Interactions.from_dataset(dataset, signal)
    split = TemporalSplit().split(interactions)
    ndcg = {}
    for model, lists in board.lists.items():
        tested = np.searchsorted(lists.ids, split.train.viewers[split.viewers])
        judged = RecommendationTable(
            "viewer_id", lists.ids[tested], lists.title_ids[tested, :K], lists.scores[tested, :K]
        )
        hits, relevant = metrics.hits_and_relevant(judged, split.relevant, split.train)
        ndcg[model] = metrics.ndcg(hits, relevant)
    size = (
        f"{len(interactions):,} {signal} of {len(np.unique(interactions.viewer)):,} viewers and "
        f"{len(np.unique(interactions.title)):,} titles; {len(split.viewers):,} viewers tested"
    )
    return Ranked(name, ndcg, {entry.model: entry.error for entry in board.entries if entry.error}, size)


def compared(one: Ranked, other: Ranked, *, ranking_only: bool) -> list[str]:
    """Models ranked on both; of those that gave the same lists on both, one."""
    names: list[str] = []
    for model in models():
        if model not in one.ndcg or model not in other.ndcg or (ranking_only and not made_to_rank(model)):
            continue
        if not any(all(np.array_equal(r.ndcg[model], r.ndcg[known]) for r in (one, other)) for known in names):
            names.append(model)
    return names


def made_to_rank(model: str) -> bool:
    """Whether a model is made to rank titles: not at random, and not to predict stars."""
    return model != "random" and not models()[model].predicts_ratings


def agreement(one: Ranked, other: Ranked, *, ranking_only: bool) -> Agreement:
    """How far two rankings agree."""
    names = compared(one, other, ranking_only=ranking_only)
    tau, p_value = kendalltau([one.mean(m) for m in names], [other.mean(m) for m in names])
    rng = np.random.default_rng(SEED)
    drawn = np.array(
        [kendalltau(resampled(one, names, rng), resampled(other, names, rng)).statistic for _ in range(DRAWS)]
    )
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Agreement(float(tau), float(low), float(high), float(p_value), len(names))


def resampled(ranked: Ranked, names: list[str], rng: np.random.Generator) -> Floats:
    """Mean NDCG of each model over viewers drawn again, the same viewers for all models."""
    table = np.stack([ranked.ndcg[model] for model in names], axis=1)
    drawn: Floats = table[rng.integers(0, len(table), len(table))].mean(axis=0)
    return drawn


def halves(ranked: Ranked, *, ranking_only: bool) -> tuple[float, float, float]:
    """Kendall's tau between two random halves of the viewers: median, and the middle 95 % of splits."""
    rng, names = np.random.default_rng(SEED), compared(ranked, ranked, ranking_only=ranking_only)
    table = np.stack([ranked.ndcg[model] for model in names], axis=1)
    taus = []
    for _ in range(DRAWS):
        order = rng.permutation(len(table))
        first, second = table[order[: len(order) // 2]], table[order[len(order) // 2 :]]
        taus.append(kendalltau(first.mean(axis=0), second.mean(axis=0)).statistic)
    low, middle, high = np.quantile(taus, (0.025, 0.5, 0.975))
    return float(middle), float(low), float(high)


def page(truth: Ranked, simulated: list[Ranked]) -> str:
    """The page's text."""
    lines = [
        "# How real is the simulated service? The realism score",
        "",
        "Made by `scripts/verify_realism.py` (`make verify`). Every model with its default parameters is ranked by "
        f"NDCG@{K} after a split in time (the latest 20 % are the test). Kendall's tau is 1 where two rankings agree "
        "in every pair of models, 0 where they have nothing to do with each other, −1 where one is the other reversed.",
        "",
        "| rankings compared | models | Kendall's tau | 95 % interval | p-value of no relation |",
        "|---|---|---|---|---|",
    ]
    for ranking_only in (False, True):
        which = "made to rank" if ranking_only else "all"
        for one in simulated:
            agreed = agreement(truth, one, ranking_only=ranking_only)
            p_value = "< 0.0001" if agreed.p_value < 1e-4 else f"{agreed.p_value:.4f}"
            lines.append(
                f"| {one.name} against {truth.name} | {which}: {agreed.models} | {agreed.tau:.2f} | {agreed.low:.2f} "
                f"to {agreed.high:.2f} | {p_value} |"
            )
        middle, low, high = halves(truth, ranking_only=ranking_only)
        count = len(compared(truth, truth, ranking_only=ranking_only))
        lines.append(
            f"| two random halves of the viewers of {truth.name} | {which}: {count} | {middle:.2f} | {low:.2f} to "
            f"{high:.2f} | |"
        )
    lines += [
        "",
        "The interval comes from drawing viewers again in both datasets; the models stay as they were trained. For the "
        "halves, it holds the middle 95 % of splits: no simulation can be expected to agree better with real viewers "
        "than they do among themselves.",
        "",
        "Models that predict stars, and the random one, rank far below the others everywhere, and that alone makes a "
        "tau over all models high. The lines of the models made to rank are the harder test. Models that gave the same "
        "lists are counted once.",
        "",
    ]
    lines += [f"- **{one.name}**: {one.size}." for one in (truth, *simulated)]
    lines += [
        "",
        f"Of the real ratings, titles and then viewers with {CORE} ratings or more are kept (before the split). "
        "Ratings are what people took the trouble to write down; plays are what they did. A ranking of plays may "
        "differ from one of ratings on the same service, so both are shown.",
        "",
        "| model | " + " | ".join(f"{one.name}, NDCG@{K} (rank)" for one in (truth, *simulated)) + " |",
        "|---|" + "---|" * (1 + len(simulated)),
    ]
    for model in sorted(truth.ndcg, key=truth.mean, reverse=True):
        lines.append(
            f"| {models()[model].label} | " + " | ".join(_cell(one, model) for one in (truth, *simulated)) + " |"
        )
    for one in (truth, *simulated):
        lines += [f"\n{one.name}: {models()[model].label} was left out. {error}" for model, error in one.failed.items()]
    return "\n".join(lines) + "\n"


def _cell(ranked: Ranked, model: str) -> str:
    if model not in ranked.ndcg:
        return "–"
    place = 1 + sum(ranked.mean(other) > ranked.mean(model) for other in ranked.ndcg)
    return f"{ranked.mean(model):.4f} ({place})"


def main() -> int:
    """Rank, compare and write the page."""
    folder = os.environ.get("PRIMETIME_REAL_DATA")
    if not folder:
        print("PRIMETIME_REAL_DATA is not set, so the realism score was not taken anew.")
        return 0
    sample = Dataset.open(SAMPLE)
    text = page(
        rank(real(Path(folder)), "ratings", "real ratings (MovieTweetings)"),
        [rank(sample, "ratings", "simulated ratings"), rank(sample, "views", "simulated plays")],
    )
    FILE.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
