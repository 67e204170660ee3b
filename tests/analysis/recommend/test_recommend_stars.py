"""Rating models against Surprise called through its own reader, on whole and on half stars."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.recommend import (
    NMF,
    SVD,
    Bias,
    CoClustering,
    Interactions,
    KNNBaseline,
    Recommender,
    SlopeOne,
    SVDpp,
)

N_VIEWERS, N_TITLES = 30, 20


def ratings() -> pd.DataFrame:
    """Viewer 0 rates every title, so that the library's numbers, in order of first appearance, are ours."""
    rng = np.random.default_rng(2)
    pairs = [(0, title) for title in range(N_TITLES)]
    pairs += sorted({(viewer, title) for viewer, title in rng.integers(1, [N_VIEWERS, N_TITLES], (300, 2)).tolist()})
    frame = pd.DataFrame(pairs, columns=["viewer_id", "title_id"])
    return frame.assign(stars=rng.integers(1, 6, len(pairs)) * 1.0)


def surprises(make: Callable[[Any], Any], frame: pd.DataFrame) -> Callable[[int, int], float]:
    with warnings.catch_warnings():
        # Surprise's own reader assigns to a copy of a pandas frame.
        warnings.simplefilter("ignore")
        import surprise
    reader = surprise.Reader(rating_scale=(1, 5))
    library = make(surprise).fit(surprise.Dataset.load_from_df(frame, reader).build_full_trainset())
    return lambda viewer, title: library.predict(viewer, title).est


CASES: dict[type[Recommender], Callable[[Any], Any]] = {
    SVDpp: lambda s: s.SVDpp(n_epochs=6, random_state=4),
    NMF: lambda s: s.NMF(n_epochs=6, random_state=4),
    CoClustering: lambda s: s.CoClustering(random_state=4),
    KNNBaseline: lambda s: s.KNNBaseline(k=5, verbose=False),
    SlopeOne: lambda s: s.SlopeOne(),
    Bias: lambda s: s.BaselineOnly(verbose=False),
}
SETTINGS: dict[type[Recommender], dict[str, int]] = {
    SVDpp: {"epochs": 6},
    NMF: {"epochs": 6},
    KNNBaseline: {"neighbours": 5},
}


@pytest.mark.parametrize("model", CASES, ids=lambda model: model.name)
def test_predictions_are_surprises(model: type[Recommender]) -> None:
    frame = ratings()
    expected = surprises(CASES[model], frame)
    shuffled = frame.sample(frac=1, random_state=1, ignore_index=True)
    ours = model(model.Parameters(**SETTINGS.get(model, {})), seed=4)
    ours.fit(Interactions.from_dataset(Dataset.from_frames(ratings=shuffled)))
    known = sorted(set(frame["viewer_id"]))
    asked = [(viewer, title) for viewer in known for title in range(N_TITLES)]
    got = ours.predict([viewer for viewer, _ in asked], [title for _, title in asked])
    np.testing.assert_allclose(got, [expected(*pair) for pair in asked], rtol=1e-6)


@pytest.mark.parametrize("model", CASES, ids=lambda model: model.name)
def test_ranks_by_the_stars_it_predicts(model: type[Recommender]) -> None:
    data = Interactions.from_dataset(Dataset.from_frames(ratings=ratings()))
    ours = model(seed=4).fit(data)
    lists = ours.recommend(data.viewers, 5)
    for viewer, titles, scores in zip(lists.ids, lists.title_ids, lists.scores, strict=True):
        filled = titles >= 0
        stars = ours.predict(np.full(filled.sum(), viewer), titles[filled])
        np.testing.assert_allclose(np.clip(scores[filled], 1, 5), stars, rtol=1e-4)


@pytest.mark.parametrize("model", CASES, ids=lambda model: model.name)
def test_half_stars_are_half_stars(model: type[Recommender]) -> None:
    frame = ratings()
    halves = frame.assign(stars=frame["stars"] / 2)
    whole, half = (
        model(seed=4).fit(Interactions.from_dataset(Dataset.from_frames(ratings=one))) for one in (frame, halves)
    )
    asked = [(viewer, title) for viewer in sorted(set(frame["viewer_id"])) for title in range(N_TITLES)]
    viewers, titles = [viewer for viewer, _ in asked], [title for _, title in asked]
    if model in (SlopeOne, CoClustering, Bias):
        # These are linear in the stars: half the stars, half the prediction.
        np.testing.assert_allclose(half.predict(viewers, titles) * 2, whole.predict(viewers, titles), rtol=1e-6)
    else:
        assert np.corrcoef(half.predict(viewers, titles), whole.predict(viewers, titles))[0, 1] > 0.7


@pytest.mark.parametrize("model", [Bias, SlopeOne, KNNBaseline, NMF, SVDpp, CoClustering], ids=lambda m: m.name)
def test_strangers_get_a_sound_prediction(model: type[Recommender]) -> None:
    frame = ratings()
    people = pd.DataFrame({"viewer_id": [*range(N_VIEWERS), 999]})
    catalogue = pd.DataFrame({"title_id": [*range(N_TITLES), 888], "name": [f"T{n}" for n in range(N_TITLES + 1)]})
    data = Interactions.from_dataset(Dataset.from_frames(ratings=frame, viewers=people, titles=catalogue))
    ours = model(seed=4).fit(data)
    stars = ours.predict([999, 0, 999], [3, 888, 888])
    assert ((stars >= 1) & (stars <= 5)).all()
    mean = frame["stars"].mean()
    if model in (NMF, CoClustering, SlopeOne, KNNBaseline):
        assert stars[2] == pytest.approx(mean)


@pytest.mark.parametrize("model", [SVD, SVDpp, NMF, CoClustering])
def test_each_epoch_is_told_and_elsewhere_nothing_is_printed(
    model: type[Recommender], capsys: pytest.CaptureFixture[str]
) -> None:
    interactions = Interactions.from_dataset(Dataset.from_frames(ratings=ratings()))
    told: list[str] = []
    here = model(model.Parameters(epochs=4)).fit(interactions, lambda share, words: told.append(words))
    assert told == [f"{model.label}, epoch {epoch} of 4" for epoch in (1, 2, 3, 4)]
    fitted: list[Recommender] = []
    thread = threading.Thread(target=lambda: fitted.append(model(model.Parameters(epochs=4)).fit(interactions)))
    thread.start()
    thread.join()
    assert np.array_equal(here.predict([1, 2], [3, 4]), fitted[0].predict([1, 2], [3, 4]))
    assert capsys.readouterr().out == ""
