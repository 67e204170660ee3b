"""Every metric beyond accuracy against a slow textbook version of itself."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.data import Dataset
from analysis.recommend import Interactions, RecommendationTable, metrics, variety

K = 4
GENRES = [["Drama"], ["Drama", "Crime"], ["Crime"], ["War"], [], ["Drama", "War", "Crime"], ["War"], ["Drama"]]
HISTORIES = [[0, 1], [2], [3, 4, 5], [4], [6, 7, 0, 2, 3]]
Lists = list[list[int]]


@functools.cache
def world() -> Interactions:
    """Five viewers with a history each, eight titles with genres; viewer v has id 100 + v, title t id 50 + t."""
    rows = [(100 + v, 50 + t, c) for v, titles in enumerate(HISTORIES) for c, t in enumerate(titles)]
    frame = pd.DataFrame(rows, columns=["viewer_id", "title_id", "stars"])
    frame["rated_at"] = pd.Timestamp("2025-01-01")
    titles = pd.DataFrame({"title_id": np.arange(50, 58), "name": "T", "genres": GENRES})
    return Interactions.from_dataset(Dataset.from_frames(ratings=frame.astype({"stars": float}), titles=titles))


def table(lists: Lists) -> RecommendationTable:
    titles = np.full((len(lists), K), -1, dtype=np.int64)
    scores = np.full((len(lists), K), np.nan, dtype=np.float32)
    for v, ranked in enumerate(lists):
        titles[v, : len(ranked)] = [50 + t for t in ranked]
        scores[v, : len(ranked)] = -np.arange(len(ranked))
    return RecommendationTable("viewer_id", 100 + np.arange(len(lists)), titles, scores)


ranked_lists = st.lists(st.lists(st.integers(0, 7), max_size=K, unique=True), min_size=5, max_size=5)


def share(title: int) -> dict[str, float]:
    return {genre: 1 / len(GENRES[title]) for genre in GENRES[title]}


def cosine(one: int, other: int) -> float:
    a, b = share(one), share(other)
    product = sum(a[g] * b.get(g, 0) for g in a)
    return product / math.sqrt(sum(x * x for x in a.values()) * sum(x * x for x in b.values()))


@settings(max_examples=60, deadline=None)
@given(lists=ranked_lists)
def test_diversity(lists: Lists) -> None:
    shares = variety.genre_shares(world())
    assert shares is not None
    fast = variety.diversity(table(lists), variety.places(table(lists), world()), shares)
    for value, ranked in zip(fast, lists, strict=True):
        pairs = list(itertools.combinations([t for t in ranked if GENRES[t]], 2))
        if not pairs:
            assert math.isnan(value)
        else:
            assert value == pytest.approx(np.mean([1 - cosine(a, b) for a, b in pairs]), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(lists=st.lists(st.permutations(range(8)).map(lambda p: list(p[:K])), min_size=2, max_size=6))
def test_personalization(lists: Lists) -> None:
    shown = np.bincount(np.concatenate(lists), minlength=8)
    slow = np.mean([1 - len(set(a) & set(b)) / K for a, b in itertools.combinations(lists, 2)])
    assert variety.personalization(shown, len(lists)) == pytest.approx(slow)


@settings(max_examples=60, deadline=None)
@given(lists=ranked_lists, expected=ranked_lists, wanted=st.lists(st.sets(st.integers(0, 7)), min_size=5, max_size=5))
def test_serendipity(lists: Lists, expected: Lists, wanted: list[set[int]]) -> None:
    hits = np.array([[i < len(r) and r[i] in w for i in range(K)] for r, w in zip(lists, wanted, strict=True)])
    fast = variety.serendipity(hits, table(lists), table(expected))
    slow = [len((set(r) & w) - set(e)) / K for r, w, e in zip(lists, wanted, expected, strict=True)]
    np.testing.assert_allclose(fast, slow)


@settings(max_examples=60, deadline=None)
@given(lists=ranked_lists)
def test_popularity(lists: Lists) -> None:
    crowd = [sum(t in history for history in HISTORIES) for t in range(8)]
    lifted = table(lists)
    listed, known = variety.popularity_of(lifted, variety.places(lifted, world()), np.arange(5), world())
    np.testing.assert_allclose(listed, [np.mean([crowd[t] for t in r]) if r else 0 for r in lists])
    np.testing.assert_allclose(known, [np.mean([crowd[t] for t in h]) for h in HISTORIES])


def mix(titles: list[int]) -> dict[str, float]:
    total: dict[str, float] = {}
    for title in titles:
        for genre, part in share(title).items():
            total[genre] = total.get(genre, 0) + part
    return {genre: part / sum(total.values()) for genre, part in total.items()}


@settings(max_examples=60, deadline=None)
@given(lists=ranked_lists)
def test_calibration(lists: Lists) -> None:
    shares = variety.genre_shares(world())
    assert shares is not None
    shown = table(lists)
    fast = variety.calibration(shown, variety.places(shown, world()), np.arange(5), world(), shares)
    for value, ranked, history in zip(fast, lists, HISTORIES, strict=True):
        p, q = mix(history), mix(ranked)
        if not p or not q:
            assert math.isnan(value)
            continue
        slow = sum(part * math.log(part / (0.99 * q.get(g, 0) + 0.01 * part)) for g, part in p.items())
        assert value == pytest.approx(slow, abs=1e-9)
    same = table([[0, 1], [2], [3, 4, 5], [4], [6, 7, 0, 2]])
    assert variety.calibration(same, variety.places(same, world()), np.arange(5), world(), shares)[:3].max() < 1e-9


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([1.0, 2.5, 3.0]), st.sampled_from([1, 2, 3, 5])),
        min_size=1,
        max_size=20,
    )
)
def test_concordance(rows: list[tuple[int, float, int]]) -> None:
    viewer, predicted, stars = (np.array(column) for column in zip(*rows, strict=True))
    names, right, wrong = variety.concordance(viewer, predicted, stars.astype(float))
    assert names.tolist() == sorted(set(viewer.tolist()))
    for name, good, bad in zip(names, right, wrong, strict=True):
        mine = [(p, s) for v, p, s in rows if v == name]
        pairs = [(a, b) for a, b in itertools.permutations(mine, 2) if a[1] > b[1]]
        assert good == sum(a[0] > b[0] for a, b in pairs)
        assert bad == sum(a[0] <= b[0] for a, b in pairs)


def test_without_genres_there_is_no_mix() -> None:
    frame = pd.DataFrame({"viewer_id": [1], "title_id": [2], "stars": [3.0]})
    assert variety.genre_shares(Interactions.from_dataset(Dataset.from_frames(ratings=frame))) is None
    assert math.isnan(variety.personalization(np.array([3, 0]), 1))


def test_exposure_and_lists_agree() -> None:
    shown = metrics.exposure(table([[0, 1], [1], [], [], [7]]), world())
    assert shown.tolist() == [1, 2, 0, 0, 0, 0, 0, 1]
