"""Cubes: exact against pandas, built once a part, safe with two builders at once."""

import dataclasses
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns import EmptySelection, Filters, audience, cells, coarse, counting, cubes, events
from analysis.patterns.cubes import CLOCK, DAILY, RELEASES, RHYTHM, RHYTHM_PLAIN, CubeSpec
from analysis.patterns.events import NO_GENRE
from analysis.workspace import Workspace
from tests.analysis.patterns.conftest import make_titles, make_viewers, make_views, on_disk


def plain_join(dataset: Dataset) -> pd.DataFrame:
    """Plays with kind, country and genres, by pandas."""
    views = dataset.frame("views").merge(dataset.frame("titles")[["title_id", "kind", "genres"]], how="left")
    views = views.merge(dataset.frame("viewers")[["viewer_id", "country"]], how="left")
    views["country"] = views["country"].fillna("unknown")
    views["local"] = views["started_local"]
    return views


def cube(dataset: Dataset, spec: CubeSpec, workspace: Workspace | None = None) -> cubes.Cube:
    return cubes.build(dataset, spec, events(dataset), workspace=workspace)


def test_hours_and_weekdays_are_those_of_pandas(service: Dataset) -> None:
    found = cube(service, CLOCK).totals(["weekday", "hour"])
    views = plain_join(service)
    wanted = views.groupby([views.local.dt.day_of_week + 1, views.local.dt.hour]).agg(
        events=("view_id", "size"), minutes=("minutes", "sum"), completion=("completion", "sum")
    )
    assert found["events"].to_numpy() == pytest.approx(wanted["events"].to_numpy())
    assert found["minutes"].to_numpy() == pytest.approx(wanted["minutes"].to_numpy())
    assert found["completion"].to_numpy() == pytest.approx(wanted["completion"].to_numpy())


@pytest.mark.parametrize("spec", [CLOCK, RHYTHM, RELEASES, DAILY], ids=lambda s: s.name)
@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(genre="Horror"),
        Filters(genre=NO_GENRE, device="tv"),
        Filters("2023-03", "2024-02", country="DE", kind="film"),
        Filters(first_month="2024-12", genre="Drama", device="phone", country="unknown"),
    ],
    ids=lambda f: f.describe(),
)
def test_every_filter_is_exact(service: Dataset, spec: CubeSpec, filters: Filters) -> None:
    views = plain_join(service)
    keep = pd.Series(True, index=views.index)
    if filters.genre is not None:
        listed = views["genres"].map(lambda g: list(g) or [NO_GENRE])
        keep &= listed.map(lambda g: filters.genre in g)
    for name, value in filters.equal.items():
        keep &= views[name] == value
    month = views.local.dt.strftime("%Y-%m")
    keep &= month >= (filters.first_month or "0000")
    keep &= month <= (filters.last_month or "9999")
    built = cube(service, spec)
    found = built.totals([d for d in built.dimensions if d not in cubes.SPLITS], filters)
    assert keep.any()
    if spec is RELEASES:
        weights = views["genres"].map(lambda g: 1 / max(len(g), 1)) if filters.genre else 1.0
        assert found["events_shared"].sum() == pytest.approx((keep * weights).sum())
    else:
        assert found["events"].sum() == keep.sum()
        assert found["minutes"].sum() == pytest.approx(views.loc[keep, "minutes"].sum())


def test_genres_share_a_play_by_one_over_k_and_count_fully_alone(service: Dataset) -> None:
    found = cube(service, RHYTHM_PLAIN).totals(["genre"]).set_index("genre")
    views = plain_join(service)
    views["genres"] = views["genres"].map(lambda g: list(g) or [NO_GENRE])
    views["k"] = views["genres"].map(len)
    each = views.explode("genres").groupby("genres")
    assert found["events"].to_dict() == each.size().to_dict()
    assert found["events_shared"].to_dict() == pytest.approx(each["k"].agg(lambda k: (1 / k).sum()).to_dict())
    assert found["events_shared"].sum() == pytest.approx(len(views))
    assert found["minutes_shared"].sum() == pytest.approx(views["minutes"].sum())


def test_repeated_and_blank_genres_and_titles_in_no_catalogue() -> None:
    dataset = Dataset.from_frames(
        views=pd.DataFrame(
            {
                "viewer_id": [1, 1, 1, 1],
                "title_id": [1, 2, 3, 99],
                "started_at": pd.to_datetime(["2024-02-29 12:00"] * 4),
            }
        ),
        titles=pd.DataFrame(
            {
                "title_id": [1, 2, 3],
                "name": ["a", "b", "c"],
                "kind": ["film", None, "series"],
                "genres": [["Drama", "Drama", " "], None, []],
            }
        ),
    )
    built = cube(dataset, DAILY)
    assert built.totals(["genre"]).set_index("genre")["events"].to_dict() == {"Drama": 1, NO_GENRE: 2}
    assert built.totals(["kind"]).set_index("kind")["events"].to_dict() == {"film": 1, "series": 1, "unknown": 1}
    assert built.left_out == {"unlisted": 1}
    assert built.values("date") == [pd.Timestamp("2024-02-29").date()]


def test_a_bucket_holds_whole_viewers(service: Dataset) -> None:
    found = cube(service, RHYTHM).totals(["bucket"])
    viewers = service.frame("views")["viewer_id"].value_counts()
    assert found["events"].sum() == viewers.sum()
    assert found["bucket"].between(0, 63).all()
    only = Dataset.from_frames(views=make_views(500, viewers=1))
    assert len(cube(only, RHYTHM).totals(["bucket"])) == 1


def test_disk_and_memory_agree(write: Callable[..., Dataset], tmp_path: Path) -> None:
    views = make_views(6000)
    memory = Dataset.from_frames(views=views, titles=make_titles(), viewers=make_viewers())
    disk = write(views=on_disk(views), titles=make_titles(), viewers=make_viewers())
    for spec in (CLOCK, RHYTHM, RELEASES, DAILY):
        by = [d for d in spec.dimensions if d not in ("device", "country")]
        a = cube(memory, spec).totals(by)
        b = cube(disk, spec, Workspace(tmp_path / "ws")).totals(by)
        pd.testing.assert_frame_equal(a, b)


def test_parts_add_up_and_a_new_part_builds_only_its_own_cube(write: Callable[..., Dataset], tmp_path: Path) -> None:
    views = on_disk(make_views(9000)).sort_values("started_at")
    early, middle, late = (views.iloc[i * 3000 : (i + 1) * 3000] for i in range(3))
    rest = {"titles": make_titles(), "viewers": make_viewers()}
    workspace = Workspace(tmp_path / "ws")
    cube(write("two", views=[early, middle], **rest), CLOCK, workspace)
    before = {f: f.stat().st_mtime_ns for f in workspace.cubes.rglob("*.parquet")}
    said: list[str] = []
    three = write("three", views=[early, middle, late], **rest)
    grown = cubes.build(three, CLOCK, events(three), workspace=workspace, progress=lambda _, text: said.append(text))
    assert sum("part" in text for text in said) == 1
    assert "part 3 of 3" in said[0]
    assert before.items() <= {f: f.stat().st_mtime_ns for f in workspace.cubes.rglob("*.parquet")}.items()
    whole = cube(write("one", views=views, **rest), CLOCK, Workspace(tmp_path / "other"))
    by = ["hour", "weekday", "month", "genre", "kind"]
    pd.testing.assert_frame_equal(grown.totals(by), whole.totals(by))
    assert not list(workspace.cubes.rglob("*.tmp"))


def test_a_cube_on_disk_is_read_and_not_built_again(write: Callable[..., Dataset], tmp_path: Path) -> None:
    dataset = write(views=on_disk(make_views(500)), titles=make_titles())
    workspace, what = Workspace(tmp_path / "ws"), events(dataset)
    first = cubes.build(dataset, RHYTHM_PLAIN, what, workspace=workspace)
    assert first.file is not None
    stamp = first.file.stat().st_mtime_ns
    for file in dataset.files("views"):
        file.unlink()
    assert cubes.build(dataset, RHYTHM_PLAIN, what, workspace=workspace) == first
    assert first.file.stat().st_mtime_ns == stamp
    assert pq.read_metadata(first.file).num_rows > 0


def test_other_genres_mean_another_cube(write: Callable[..., Dataset], tmp_path: Path) -> None:
    views, workspace = on_disk(make_views(500)), Workspace(tmp_path / "ws")
    a = cube(write("a", views=views, titles=make_titles()), CLOCK, workspace)
    b = cube(write("b", views=views, titles=make_titles(100)), CLOCK, workspace)
    assert a.file != b.file


def test_threads_that_ask_at_once_get_the_same_cube(write: Callable[..., Dataset], tmp_path: Path) -> None:
    dataset, workspace = write(views=on_disk(make_views(3000)), titles=make_titles()), Workspace(tmp_path / "ws")
    found: list[float] = []

    def ask() -> None:
        found.append(cube(dataset, CLOCK, workspace).totals(["hour"])["events"].sum())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [3000] * 8


def test_two_processes_at_once_leave_one_good_file(write: Callable[..., Dataset], tmp_path: Path) -> None:
    dataset = write(views=[on_disk(make_views(3000, seed=s)) for s in range(3)], titles=make_titles())
    script = (
        "from analysis.data import Dataset; from analysis.patterns import cubes, events\n"
        "from analysis.workspace import Workspace\n"
        f"d = Dataset.open({str(dataset.folder)!r}); w = Workspace({str(tmp_path / 'ws')!r})\n"
        "print(int(cubes.build(d, cubes.RHYTHM_PLAIN, events(d), workspace=w).totals(['bucket'])['events'].sum()))"
    )
    running = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [p.communicate()[0].strip() for p in running] == ["9000", "9000"]
    assert not list((tmp_path / "ws").rglob("*.tmp"))


def test_what_a_dataset_lacks_is_left_out() -> None:
    bare = Dataset.from_frames(views=make_views(200)[["viewer_id", "title_id", "started_at"]])
    assert events(bare).splits == ()
    built = cube(bare, CLOCK)
    assert built.dimensions == ("month", "weekday", "hour")
    assert built.totals(["month"])["minutes"].sum() == 0
    for filters in (Filters(genre="Drama"), Filters(device="tv")):
        with pytest.raises(EmptySelection, match="can't be filtered"):
            built.totals(["hour"], filters)


def test_nothing_left_is_said(service: Dataset) -> None:
    with pytest.raises(EmptySelection, match="Western"):
        cube(service, CLOCK).totals(["hour"], Filters(genre="Western"))
    assert cube(service, CLOCK).totals(["hour"], Filters(genre="Western"), empty=True).empty


def test_ratings_without_times_are_refused() -> None:
    dataset = Dataset.from_frames(ratings=pd.DataFrame({"viewer_id": [1], "title_id": [1], "stars": [4.0]}))
    with pytest.raises(DataError, match="no times"):
        cube(dataset, CLOCK)


def test_bad_specs_are_refused() -> None:
    with pytest.raises(ParameterError, match="minute"):
        CubeSpec("x", ("minute",))
    with pytest.raises(ParameterError, match="not finer"):
        CubeSpec("x", ("hour",), finer=RHYTHM_PLAIN)


def test_minutes_that_are_not_known_count_as_none() -> None:
    views = make_views(100)
    views.loc[views.index[::2], "minutes"] = np.nan
    found = cube(Dataset.from_frames(views=views), DAILY).totals(["date"])
    assert found["events"].sum() == 100
    assert found["minutes"].sum() == pytest.approx(views["minutes"].sum())


def test_weekend_and_night_stand_beside_the_whole(service: Dataset) -> None:
    found = cube(service, RHYTHM).totals(["month"], Filters(device="tv"), measures=["events", *cubes.OF_THE_WEEK])
    views = plain_join(service).query("device == 'tv'")
    month = views.local.dt.year * 100 + views.local.dt.month
    weekend, night = views.local.dt.day_of_week >= 5, views.local.dt.hour < 6
    assert found["weekend_events"].tolist() == weekend.groupby(month).sum().tolist()
    assert found["night_minutes"].to_numpy() == pytest.approx(views.minutes.where(night, 0).groupby(month).sum())


def test_pieces_and_rare_cells_make_the_same_cube(write: Callable[..., Dataset], tmp_path: Path, monkeypatch) -> None:
    parts = [on_disk(make_views(4000, seed=s)).assign(view_id=np.arange(4000) + 4000 * s) for s in (1, 2)]
    dataset = write(titles=make_titles(), viewers=make_viewers(), views=parts)
    specs = (RHYTHM, cubes.TITLES)
    whole = [cube(dataset, spec, Workspace(tmp_path / "whole")) for spec in specs]
    monkeypatch.setattr(counting, "AT_ONCE", 1500)
    monkeypatch.setattr(counting, "_DENSE", 100)
    monkeypatch.setattr(cells, "_DENSE", 100)
    for one in whole:
        other = cube(dataset, one.spec, Workspace(tmp_path / "pieces"))
        keys = [*one.dimensions, *one.spec.measures]
        assert len(one.rows(keys)) > 1000
        pd.testing.assert_frame_equal(one.rows(keys).to_pandas(), other.rows(keys).to_pandas())
    assert not list((tmp_path / "pieces").rglob("*.tmp"))


def test_ids_that_are_hashes_are_counted() -> None:
    views = make_views(300)
    views["viewer_id"] = views["viewer_id"] * 23_000_000_000_000_000 - 2**62
    views["title_id"] = views["title_id"] * 70_000_000_000_000_000
    found = cube(Dataset.from_frames(views=views), cubes.VIEWER_MONTHS).totals(["viewer_id"])
    assert found.set_index("viewer_id")["events"].to_dict() == views["viewer_id"].value_counts().to_dict()


def bad_views() -> pd.DataFrame:
    """Fifty good plays, and one each of what can't be counted."""
    views = make_views(57)
    views.loc[50, "started_at"] = pd.Timestamp("1989-12-31 23:59")
    views.loc[51, "started_at"] = pd.Timestamp.now("UTC").tz_localize(None) + pd.Timedelta(days=4)
    views.loc[52, "minutes"] = -3.0
    views.loc[53, "minutes"] = 2400.0
    views.loc[54:55, "title_id"] = 9999
    # Two mistakes in one row count once.
    views.loc[56, ["started_at", "minutes"]] = [pd.Timestamp("1970-01-01"), -1.0]
    return views


def test_what_can_not_be_is_counted_apart() -> None:
    dataset = Dataset.from_frames(views=bad_views(), titles=make_titles(), viewers=make_viewers())
    built = cube(dataset, CLOCK)
    assert built.left_out == {"ancient": 2, "future": 1, "negative": 1, "endless": 1, "unlisted": 2}
    assert built.totals(["hour"])["events"].sum() == 50
    assert cube(dataset, cubes.CLOCK_PLAIN).left_out == built.left_out
    counted = audience.audience(dataset, events(dataset)).days(Filters())
    assert counted["date"].min() >= pd.Timestamp("2023-01-01").date()


def test_a_coming_year_may_be_simulated(write: Callable[..., Dataset], tmp_path: Path) -> None:
    dataset = write(views=on_disk(make_views(100, start="2099-01-01")))
    planned = Dataset(dataclasses.replace(dataset.info, kind="simulated"), dataset.folder)
    assert cube(dataset, DAILY, Workspace(tmp_path / "a")).left_out == {"future": 100}
    assert cube(planned, DAILY, Workspace(tmp_path / "b")).left_out == {}


def test_coarse_cubes_are_those_of_the_fine_ones(write: Callable[..., Dataset], tmp_path: Path) -> None:
    good = on_disk(make_views(2000))
    spec = CubeSpec("coarse", ("month", "weekday", "hour"))
    for name, views, proven in (("good", good, True), ("bad", on_disk(bad_views()), False)):
        dataset = write(name, views=views, titles=make_titles())
        context = counting.Context.of(dataset, events(dataset))
        assert coarse.sound(dataset.files("views")[0], context) == proven
        found = cube(dataset, spec, Workspace(tmp_path / "ws"))
        fine = cube(dataset, CLOCK, Workspace(tmp_path / "ws"))
        keys = ["month", "weekday", "hour", "events", "minutes", "completion", "completion_known"]
        wanted = fine.totals(keys[:3])
        pd.testing.assert_frame_equal(found.totals(keys[:3])[keys], wanted[keys])
        assert found.left_out == fine.left_out
