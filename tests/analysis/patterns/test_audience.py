"""Distinct viewers: exact under every filter, by pandas."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.patterns import Filters, audience, counting, events
from analysis.workspace import Workspace
from tests.analysis.patterns.conftest import make_titles, make_viewers, make_views, on_disk
from tests.analysis.patterns.test_cubes import plain_join

FILTERS = [
    Filters(),
    Filters(device="tv"),
    Filters(device="tablet", kind="series", country="DE"),
    Filters("2023-05", "2023-06", kind="film"),
    Filters(country="unknown", last_month="2023-12"),
]


def by_pandas(dataset: Dataset, filters: Filters) -> tuple[pd.Series, pd.Series]:
    views = plain_join(dataset)
    for name, value in filters.equal.items():
        views = views[views[name] == value]
    month = views.local.dt.strftime("%Y-%m")
    views = views[(month >= (filters.first_month or "0")) & (month <= (filters.last_month or "9"))]
    date, hour = views.local.dt.date, views.local.dt.hour
    days = views.groupby(date)["viewer_id"].nunique()
    hours = views.groupby([date, hour])["viewer_id"].nunique()
    weekday = pd.to_datetime(hours.index.get_level_values(0)).day_of_week + 1
    return days, hours.groupby([weekday, hours.index.get_level_values(1)]).sum()


@pytest.mark.parametrize("filters", FILTERS, ids=lambda f: f.describe())
def test_viewers_are_exact(service: Dataset, filters: Filters, monkeypatch: pytest.MonkeyPatch) -> None:
    found = audience.audience(service, events(service))
    days, hours = by_pandas(service, filters)
    assert found.days(filters)["viewers"].tolist() == days.tolist()
    assert found.hours(filters)["viewers"].tolist() == hours.tolist()
    # Viewers that are active more than once a day must be there, or the test can't tell counts from distinct counts.
    assert days.sum() < hours.sum()


def test_chunks_and_parts_change_nothing(
    write: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = on_disk(make_views(6000, days=60))
    # Parts that share all of their days: every viewer is in several.
    dataset = write(views=[views.iloc[i::3] for i in range(3)], titles=make_titles(), viewers=make_viewers())
    monkeypatch.setattr(counting, "AT_ONCE", 1000)
    found = audience.audience(dataset, events(dataset), workspace=Workspace(tmp_path / "ws"))
    for filters in (Filters(), Filters(device="phone", country="US")):
        days, hours = by_pandas(dataset, filters)
        assert found.days(filters)["viewers"].tolist() == days.tolist()
        assert found.hours(filters)["viewers"].tolist() == hours.tolist()


def test_a_new_part_counts_only_itself_and_the_days_it_shares(write: Callable[..., Dataset], tmp_path: Path) -> None:
    views = on_disk(make_views(4000, days=40)).sort_values("started_at", ignore_index=True)
    parts, rest = [views.iloc[i * 1000 : (i + 1) * 1000] for i in range(4)], {"titles": make_titles()}
    workspace = Workspace(tmp_path / "ws")
    before = write("three", views=parts[:3], **rest)
    audience.audience(before, events(before), workspace=workspace)
    old = {file: file.stat().st_mtime_ns for file in (workspace.cubes / "audience").iterdir()}
    after = write("four", views=parts, **rest)
    found = audience.audience(after, events(after), workspace=workspace)
    new = {file: file.stat().st_mtime_ns for file in (workspace.cubes / "audience").iterdir()}
    assert old.items() <= new.items()
    # By day and by hour: the new part, the old last one without the day it now shares, the shared days, the whole.
    assert len(new) - len(old) == 8
    assert (
        found.days(Filters())["viewers"].tolist()
        == views.groupby(views.started_local.dt.date)["viewer_id"].nunique().tolist()
    )


def test_a_genre_is_not_answered(service: Dataset) -> None:
    found = audience.audience(service, events(service))
    assert found.days(Filters(genre="Drama")) is None
    assert found.hours(Filters(genre="Drama")) is None


def test_too_many_devices_are_not_told_apart() -> None:
    views = make_views(2000)
    views["device"] = [f"device {i % 70}" for i in range(2000)]
    dataset = Dataset.from_frames(views=views)
    found = audience.audience(dataset, events(dataset))
    assert found.days(Filters(device="device 3")) is None
    assert (
        found.days(Filters())["viewers"].sum() == views.groupby(views.started_at.dt.date)["viewer_id"].nunique().sum()
    )
