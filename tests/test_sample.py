"""The shipped sample carries a run of its own, and that run is what its data gives."""

import pytest

from analysis.data import Dataset
from analysis.recommend import TemporalSplit, evaluate, reference_run
from analysis.workspace import SAMPLE


def test_the_run_that_comes_with_the_sample_is_of_this_sample() -> None:
    sample = Dataset.open(SAMPLE)
    run = reference_run(sample)
    assert run is not None, "the sample changed without its run: make sample"
    board = run.leaderboard
    assert not [entry for entry in board.entries if entry.error]
    assert board.dataset_hash == sample.content_hash

    again = evaluate(
        sample,
        ["popularity", "recent_popularity"],
        signal=board.signal,
        split=TemporalSplit(board.share),
        k=board.k,
        seed=0,
    )
    kept = {entry.model: entry.estimates for entry in board.entries}
    for entry in again.entries:
        for name, estimate in entry.estimates.items():
            assert estimate.value == pytest.approx(kept[entry.model][name].value, rel=1e-6), (entry.model, name)
            assert estimate.low == pytest.approx(kept[entry.model][name].low, rel=1e-6, nan_ok=True)
