"""How often tuning claims a gain where there is none, and what stopping early costs (`make verify`).

    python scripts/verify_tuning.py --worlds 400

Chance: in simulated worlds a model is tuned whose lists are drawn anew for every setting and every fit, so that no
setting is better than another. Seeds are fixed: 2001, 2002, … (those below were used while the script was made).
Stopping early: settings of models that learn in iterations are fitted on a quarter of the viewers and on all of them.
Writes docs/recommenders-tuning.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.data import Dataset
from analysis.data.writer import write_text
from analysis.recommend import (
    Interactions,
    Recommender,
    Settings,
    TemporalSplit,
    Trial,
    TunedModel,
    model,
    number,
    tune,
)
from analysis.recommend.compare import bootstrap_ratios, interval
from analysis.recommend.goals import goal_of
from analysis.recommend.search import Search
from analysis.recommend.tune import part_of_viewers
from analysis.workspace import ROOT, Workspace

FIRST_SEED = 2001
TRIALS = 20
VIEWERS, TITLES, PLAYS = 400, 120, 8_000
STOPPED = ("als", "bpr", "svd")
SETTINGS = 12

TARGET = ROOT / "docs" / "recommenders-tuning.md"


@dataclass(frozen=True)
class Dial(Settings):
    """A parameter that does nothing but draw other lists."""

    turn: float = number(0.5, 0.0, 1.0)
    """Any number."""


class Chance(Recommender):
    """Lists drawn by chance, others for every setting and every training period."""

    name, label, description, source = "chance", "Chance", "Lists drawn by chance.", "scripts/verify_tuning.py"
    cold_viewers = True
    Parameters = Dial

    def _fit(self, train: Interactions, progress: Any) -> None:
        draw = np.random.default_rng([self.seed, int(1e6 * self.parameters.turn), len(train)])
        self.scores_ = draw.random((train.n_viewers, train.n_titles), dtype=np.float32)

    def _score(self, viewers: Any) -> Any:
        return self.scores_[viewers]


def world(seed: int) -> Dataset:
    """A year of plays of titles some of which are more popular than others."""
    rng = np.random.default_rng(seed)
    appeal = (0.1 + rng.random(TITLES) ** 2) ** 2
    start = np.datetime64("2025-01-01", "us") + rng.integers(0, 365 * 86_400, PLAYS).astype("timedelta64[s]")
    views = {
        "viewer_id": rng.integers(0, VIEWERS, PLAYS),
        "title_id": rng.choice(TITLES, PLAYS, p=appeal / appeal.sum()),
        "started_at": start,
    }
    return Dataset.from_frames(name=f"world {seed}", views=pd.DataFrame(views))


def believed(dataset: Dataset, found: TunedModel, seed: int) -> bool:
    """Whether the validation period, where the setting was chosen, would have been taken for proof."""
    part = TemporalSplit().split(TemporalSplit().split(Interactions.from_dataset(dataset)).train)
    assert found.best is not None
    best, default = (
        goal_of(Chance(Dial(**trial.parameters), seed=seed), part, "ndcg", 10) for trial in (found.best, found.default)
    )
    draws = bootstrap_ratios((best - default)[:, None], np.ones((len(best), 1)), seed)
    return interval(draws)[0] > 0


def chance(worlds: int) -> list[str]:
    """The table of claims where there is nothing to claim."""
    claims, flattered, gains, shown = 0, 0, [], []
    for seed in range(FIRST_SEED, FIRST_SEED + worlds):
        dataset = world(seed)
        (found,) = tune(dataset, [Chance], trials=TRIALS, seed=seed).models
        if found.gain is None:
            continue  # The defaults looked best, and nothing is claimed.
        claims += found.verdict in ("better", "worse")
        flattered += believed(dataset, found, seed)
        gains.append(found.gain.difference)
        shown.append(found.validation_gain)
    return [
        "## Where no setting is better than another",
        "",
        f"{worlds} worlds of {VIEWERS} viewers, {TITLES} titles and {PLAYS:,} plays; {TRIALS} trials of a model whose "
        "lists are drawn",
        "by chance, others for every setting. A claim is false whatever it says; at 95 % confidence 5 in 100 are due.",
        "",
        "| judged on | false claims | mean gain of NDCG@10 |",
        "|---|---|---|",
        f"| the validation period, where the setting was chosen | {flattered} of {worlds} | {np.mean(shown):+.4f} |",
        f"| the test period, as the page does | {claims} of {worlds} | {np.mean(gains):+.4f} |",
        "",
    ]


def stopping(data: str) -> list[str]:
    """The table of what a quarter of the viewers says of all."""
    dataset = Workspace().dataset(data)
    validation = TemporalSplit().split(TemporalSplit().split(Interactions.from_dataset(dataset)).train)
    early = part_of_viewers(validation, seed=0)
    assert early is not None
    rows = []
    for name in STOPPED:
        kind = model(name)
        search, values, seconds = Search(kind, seed=0), [], []
        for place in range(SETTINGS):
            proposal = search.next() if place else search.defaults()
            assert proposal is not None
            setting = kind.Parameters(**proposal.parameters)
            begun = time.process_time()
            first = float(goal_of(kind(setting), early, "ndcg", 10).mean())
            between = time.process_time()
            whole = float(goal_of(kind(setting), validation, "ndcg", 10).mean())
            seconds.append((between - begun, time.process_time() - between))
            values.append((first, whole))
            search.learn(proposal, Trial(place, proposal.parameters, "done", whole))
        quarter, full = np.array(values).T
        likeness = float(np.corrcoef(pd.Series(quarter).rank(), pd.Series(full).rank())[0, 1])
        place = int((quarter > quarter[full.argmax()]).sum()) + 1
        cost = np.sum(seconds, axis=0)
        rows.append(
            f"| `{name}` | {likeness:.2f} | {place} of {SETTINGS} | {cost[0] / cost[1]:.0%} |".replace("%", " %")
        )
    return [
        "## Stopping early",
        "",
        f"{SETTINGS} settings a model on {dataset.name}, fitted on a quarter of the viewers "
        f"({len(early.viewers):,} tested) and on all ({len(validation.viewers):,}",
        "tested). A setting goes no further when it is behind the median there, so the best one is lost where its "
        "place is",
        f"beyond {SETTINGS // 2}.",
        "",
        "| model | rank correlation | place of the best setting on the quarter | time of the quarter |",
        "|---|---|---|---|",
        *rows,
        "",
    ]


def main() -> None:
    """Run both and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=400)
    parser.add_argument("--data", default="sample", help="dataset on which settings are stopped early")
    options = parser.parse_args()
    head = [
        "# How far tuning can be trusted",
        "",
        "Written by `scripts/verify_tuning.py`; how it is computed is in [recommenders.md](recommenders.md).",
        "",
    ]
    lines = [*head, *chance(options.worlds), *stopping(options.data)]
    write_text(TARGET, "\n".join(lines).rstrip() + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
