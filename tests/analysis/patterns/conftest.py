"""Small services for the tests of viewing patterns."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis.data import Dataset, DatasetWriter

GENRES = ("Drama", "Comedy", "Horror", "Family")


def make_titles(count: int = 120) -> pa.Table:
    """Titles with one or two of four genres; every tenth has none."""
    genres = [[] if i % 10 == 9 else list(dict.fromkeys((GENRES[i % 4], GENRES[(i // 4) % 4]))) for i in range(count)]
    return pa.table(
        {
            "title_id": list(range(count)),
            "name": [f"Title {i}" for i in range(count)],
            "kind": ["series" if i % 3 == 0 else "film" for i in range(count)],
            "genres": pa.array(genres, pa.list_(pa.string())),
        }
    )


def make_viewers(count: int = 400) -> pd.DataFrame:
    """Viewers of two countries; every seventh doesn't say."""
    country = [None if i % 7 == 0 else ("DE" if i % 2 else "US") for i in range(count)]
    return pd.DataFrame({"viewer_id": range(count), "country": country})


def make_views(
    count: int = 20_000, seed: int = 0, start: str = "2023-01-01", days: int = 730, viewers: int = 400
) -> pd.DataFrame:
    """Plays at random times, by viewers who are more or less active."""
    rng = np.random.default_rng(seed)
    weight = rng.gamma(0.5, size=viewers)
    at = pd.Timestamp(start) + pd.to_timedelta(rng.integers(0, days * 86_400, count), unit="s")
    return pd.DataFrame(
        {
            "viewer_id": rng.choice(viewers, count, p=weight / weight.sum()),
            "title_id": rng.integers(0, 120, count),
            "started_at": at,
            "minutes": rng.exponential(30, count).round(1),
            "completion": rng.random(count).round(3),
            "device": rng.choice(["tv", "phone", "tablet"], count, p=[0.6, 0.3, 0.1]),
        }
    )


@pytest.fixture(scope="session")
def service() -> Dataset:
    """Two years of plays without any pattern, in memory."""
    return Dataset.from_frames(views=make_views(), titles=make_titles(), viewers=make_viewers())


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Dataset]:
    """Write a dataset to disk; each table is a frame or a list of frames, one a part."""

    def writing(name: str = "service", **tables: object) -> Dataset:
        with DatasetWriter(tmp_path / name, name=name, source="made by a test") as writer:
            for table, parts in tables.items():
                for part in parts if isinstance(parts, list) else [parts]:
                    data = part if isinstance(part, pa.Table) else pa.Table.from_pandas(part, preserve_index=False)
                    writer.add(table, data)
        return Dataset.open(tmp_path / name)

    return writing


def on_disk(views: pd.DataFrame) -> pd.DataFrame:
    """Plays with all columns that a part file must have; the wall clock is UTC."""
    at = views["started_at"].astype("datetime64[us]")
    return views.assign(view_id=np.arange(len(views)), started_at=at, started_local=at)
