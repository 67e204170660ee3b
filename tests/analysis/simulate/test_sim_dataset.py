import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset, schema
from analysis.errors import DataError
from analysis.simulate import simulate, tables, writing
from analysis.workspace import ROOT


def test_the_same_seed_gives_the_same_content_whatever_the_chunks(tiny, tmp_path, monkeypatch):
    first = simulate(tmp_path / "one", config=tiny, seed=5)
    monkeypatch.setattr(writing, "CHUNK", 17)
    second = simulate(tmp_path / "two", config=tiny, seed=5)
    other = simulate(tmp_path / "three", config=tiny, seed=6)
    assert first.content_hash == second.content_hash != other.content_hash
    truths = [(tmp_path / name / "truth.json").read_bytes() for name in ("one", "two", "three")]
    assert truths[0] == truths[1] != truths[2]


def test_every_table_and_column_of_the_schema_is_filled(dataset):
    assert set(dataset.tables) == set(schema.TABLES)
    # What only importers know: ids of the source, names of people and of episodes.
    absent = {"titles": {"source_id"}, "viewers": {"source_id", "name"}, "views": {"season", "episode_name"}}
    for name, table in schema.TABLES.items():
        frame = dataset.frame(name)
        wanted = {column.name for column in table.columns} - absent.get(name, set())
        assert set(frame.columns) == wanted, name
        for column in table.columns:
            if column.name not in frame:
                continue
            values = frame[column.name].dropna()
            if column.low is not None:
                assert values.min() >= column.low, (name, column.name)
            if column.high is not None:
                assert values.max() <= column.high, (name, column.name)
            if column.choices:
                assert set(values.unique()) <= set(column.choices), (name, column.name)
        if table.key:
            assert not frame.duplicated(list(table.key)).any(), name


def test_events_belong_to_known_viewers_and_titles_that_are_out(dataset):
    titles = dataset.frame("titles").set_index("title_id")
    viewers = dataset.frame("viewers").set_index("viewer_id")
    views = dataset.frame("views")
    for table in ("views", "impressions", "ratings", "searches"):
        frame = dataset.frame(table)
        assert frame["viewer_id"].isin(viewers.index).all()
        assert frame["title_id"].dropna().isin(titles.index).all()
    released = pd.to_datetime(views["title_id"].map(titles["released_on"]))
    assert (views["started_local"] >= released).all()
    assert (views["started_local"] >= pd.to_datetime(views["viewer_id"].map(viewers["joined_on"]))).all()
    series = views["title_id"].map(titles["kind"]) == "series"
    assert views.loc[~series, "episode"].isna().all()
    assert (views.loc[series, "episode"] <= views.loc[series, "title_id"].map(titles["episodes"])).all()
    assert (views["minutes"] <= views["title_id"].map(titles["minutes"]) + 0.2).all()


def test_views_are_in_the_order_of_time_and_on_the_viewers_wall_clock(dataset):
    views = dataset.frame("views")
    assert views["started_at"].is_monotonic_increasing
    assert (views["view_id"].to_numpy() == np.arange(1, len(views) + 1)).all()
    zones = dataset.frame("viewers").set_index("viewer_id")["time_zone"]
    for zone, group in views.groupby(views["viewer_id"].map(zones)):
        local = group["started_at"].dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
        assert (local == group["started_local"]).all(), zone


def test_nobody_watches_two_things_at_once(dataset):
    views = dataset.frame("views").sort_values(["viewer_id", "started_at"], kind="stable")
    ends = views["started_at"] + pd.to_timedelta(views["minutes"] * 60 - 1, unit="s")
    following = views.groupby("viewer_id")["started_at"].shift(-1)
    assert not (following < ends).any()


def test_a_repeat_was_begun_before_and_a_first_play_was_not(dataset, config):
    """Where a viewer joined within the data, all of their history is in it."""
    views = dataset.frame("views")
    joined = dataset.frame("viewers").set_index("viewer_id")["joined_on"]
    new = views[pd.to_datetime(views["viewer_id"].map(joined)) >= pd.Timestamp(config.starts_on)].copy()
    new["episode"] = new["episode"].fillna(0)
    before = new.groupby(["viewer_id", "title_id", "episode"]).cumcount() > 0
    assert len(new) > 100
    assert not (new["is_repeat"] & ~before).any()
    # What was begun before and is no repeat was taken up where it was left.
    resumed = new[before & ~new["is_repeat"]]
    assert (resumed["surface"] != "notification").mean() > 0.9


def test_clicked_impressions_and_plays_from_rows_are_the_same_sessions(dataset):
    impressions, views = dataset.frame("impressions"), dataset.frame("views")
    since = impressions["shown_at"].min()
    clicked = set(zip(*impressions.loc[impressions["clicked"], ["session_id", "title_id"]].T.to_numpy(), strict=True))
    rows = views[(views["surface"] == "row") & (views["started_at"] > since + pd.Timedelta(days=1))]
    played = set(zip(*rows[["session_id", "title_id"]].T.to_numpy(), strict=True))
    assert len(played) > 100
    assert played <= clicked
    assert (impressions.loc[~impressions["clicked"], "minutes"] == 0).all()
    assert (impressions.loc[impressions["clicked"], "minutes"] > 0).mean() > 0.99


def test_assignments_come_with_the_first_session_of_the_experiments_time(dataset):
    assignments = dataset.frame("assignments")
    truth = {e["experiment_id"]: e for e in dataset.truth()["experiments"]}
    assert set(assignments["experiment_id"]) == set(truth)
    assert not assignments.duplicated(["experiment_id", "viewer_id"]).any()
    views = dataset.frame("views")
    for name, group in assignments.groupby("experiment_id"):
        start = pd.Timestamp(truth[name]["starts_on"])
        assert (group["assigned_at"] > start - pd.Timedelta(hours=14)).all()
        during = views[(views["started_local"] >= start + pd.Timedelta(hours=12))]
        during = during[during["started_local"] < pd.Timestamp(truth[name]["ends_on"])]
        assert set(during["viewer_id"]) <= set(group["viewer_id"])


def test_views_only_writes_what_patterns_need(tiny, tmp_path):
    simulate(tmp_path / "views", config=replace(tiny, views_only=True), seed=5)
    assert set(Dataset.open(tmp_path / "views").tables) == {"titles", "title_links", "viewers", "views", "calendar"}


@pytest.mark.parametrize("moment", ["during the days", "while writing"])
def test_an_interrupted_run_leaves_nothing_or_the_old_dataset(tiny, tmp_path, monkeypatch, moment):
    target = tmp_path / "kept"
    old = simulate(target, config=tiny, seed=5)

    def stop(share=0.0, words=""):
        if moment == "while writing" or share > 0.3:
            raise KeyboardInterrupt

    if moment == "while writing":
        monkeypatch.setattr(tables, "viewers_table", lambda *_: stop())
    progress = stop if moment == "during the days" else None
    for folder in (target, tmp_path / "fresh"):
        with pytest.raises(KeyboardInterrupt):
            simulate(folder, config=tiny, seed=6, replace=True, progress=progress)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]
    assert Dataset.open(target).content_hash == old.content_hash


def test_a_full_disk_is_told_in_words_and_leaves_nothing(tiny, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables.pq, "ParquetWriter", full)
    with pytest.raises(DataError, match="No space left on device"):
        simulate(tmp_path / "full", config=tiny)
    assert not list(tmp_path.iterdir())


SMALL_FILES = """
import resource, sys
from analysis import cli
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(cli.main(["simulate", sys.argv[1], "--small", "--viewers", "100", "--to", "2025-09-05", "--replace"]))
"""


def test_a_disk_that_takes_no_more_ends_the_run_in_words_and_keeps_the_old_dataset(tiny, tmp_path):
    """The system itself refuses to let files grow, as a full disk would, in the middle of the writing."""
    target = tmp_path / "kept"
    old = simulate(target, config=tiny, seed=5)
    ended = subprocess.run(
        [sys.executable, "-c", SMALL_FILES, str(target)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert f"could not be written to {target}: File too large" in ended.stderr
    assert "Nothing was kept. Make room" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert Dataset.open(target).content_hash == old.content_hash


def test_a_folder_that_cannot_be_is_told_in_words(tiny, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"could not be written to .*Make room or choose another folder"):
        simulate(tmp_path / "file" / "inside", config=tiny)


SLOW_WRITING = """
import sys, time
from pathlib import Path
from analysis.simulate import simulate, small, tables
made = tables.titles_table
def titles_table(world):
    print("in the middle", flush=True)
    time.sleep(60)
    return made(world)
tables.titles_table = titles_table
from dataclasses import replace
import datetime as dt
simulate(Path(sys.argv[1]), config=replace(small(), viewers=50, ends_on=dt.date(2025, 9, 5)), replace=True)
"""


def test_a_killed_run_leaves_the_old_dataset_and_the_next_one_clears_up(tiny, tmp_path):
    target = tmp_path / "kept"
    old = simulate(target, config=tiny, seed=5)
    worker = subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITING, str(target)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert worker.stdout.readline() == "in the middle\n"
        begun = [path for path in tmp_path.iterdir() if path != target]
        assert len(begun) == 1
        assert list(begun[0].glob("views/*.parquet"))
        worker.kill()
        worker.wait(10)
    finally:
        worker.kill()
        worker.stdout.close()
    assert Dataset.open(target).content_hash == old.content_hash
    simulate(tmp_path / "other", config=tiny, seed=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "other"]


HASH = """
import datetime as dt, sys
from dataclasses import replace
from pathlib import Path
from analysis.simulate import simulate, small
config = replace(small(), viewers=200, titles=400, starts_on=dt.date(2025, 10, 1), ends_on=dt.date(2025, 10, 21))
print(simulate(Path(sys.argv[1]), config=config, seed=7).content_hash)
"""


def test_another_processor_and_other_thread_counts_give_the_same_content(tmp_path):
    """An old processor is played by forbidding numpy and OpenBLAS the instructions that newer ones have."""
    newer = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
    machines = {
        "one thread": {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        "old": {"OPENBLAS_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": newer},
    }
    found = {}
    for name, settings in machines.items():
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", HASH, str(tmp_path / name)],
            cwd=ROOT,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        found[name] = ended.stdout
    assert len(found["old"].strip()) == 64
    assert found["old"] == found["one thread"]


def test_an_existing_dataset_is_not_replaced_unasked(dataset, tiny):
    with pytest.raises(DataError, match="exists already"):
        simulate(dataset.folder, config=tiny)


def test_progress_rises_to_one(tiny, tmp_path):
    seen = []
    result = simulate(tmp_path / "p", config=tiny, progress=lambda share, words: seen.append(share))
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == 1
    assert f"{result.rows['views']:,} views" in result.summary()
    assert result.to_frame()["rows"].sum() == sum(result.rows.values())


def test_the_truth_names_parameters_and_what_estimates_should_recover(dataset, config):
    truth = json.loads((dataset.folder / "truth.json").read_text(encoding="utf-8"))
    assert truth["parameters"]["viewers"] == config.viewers
    assert truth["parameters"]["behaviour"]["click"] == config.behaviour.click
    for estimand in truth["estimands"]:
        assert {"name", "definition", "formula", "value", "unit", "function"} <= set(estimand)
        assert estimand["value"] is not None
    assert len({estimand["name"] for estimand in truth["estimands"]}) == len(truth["estimands"])
