"""The pages of sessions, titles and who comes back, as their visitors use them, on a small service."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from analysis.data import DatasetWriter
from analysis.workspace import ROOT, Workspace

GENRES = ["Drama", "Comedy", "Horror"]
PARTS = {
    "sessions": {
        "Sessions": "plays on average", "Devices": "used two devices or more", "Completion": "reach the end",
        "Binges": "three episodes or more", "Surfaces": "end without a choice",
    },
    "titles": {
        "Concentration": "watched alike", "Release decay": "fall into the first 15",
        "Rising and fading": "beyond chance", "What follows what": "pairs of genres",
        "Watched together": "beyond chance",
    },
    "retention": {
        "Staying": "still subscribed", "Silence and return": "silent for 14 days", "First week": "first week",
    },
}  # fmt: skip


def service(workspace: Workspace) -> None:
    """300 days of 200 viewers, a third of whom leave; forty titles that come out one after the other."""
    rng = np.random.default_rng(1)
    start, size = np.datetime64("2025-01-01T00:00:00", "us"), 4_000
    title, viewer = rng.integers(0, 40, size), rng.integers(0, 200, size)
    released = np.arange(40) * 5
    at = start + ((released[title] + rng.random(size) * (300 - released[title])) * 86_400e6).astype("timedelta64[us]")
    running = rng.choice([30.0, 45.0, 90.0], 40)
    completion = np.where(rng.random(size) < 0.3, 0.95, rng.random(size) * 0.9).round(3)
    views = {
        "view_id": range(size), "viewer_id": viewer, "title_id": title, "started_at": at, "started_local": at,
        "episode": pa.array(rng.integers(1, 5, size), mask=title % 2 == 0), "completion": completion,
        "minutes": (completion * running[title]).round(1), "device": rng.choice(["tv", "phone"], size),
        "surface": rng.choice(["row", "search"], size), "session_id": viewer * 1_000 + rng.integers(0, 9, size),
    }  # fmt: skip
    titles = {
        "title_id": range(40), "name": [f"Title <b>{i}" for i in range(40)], "kind": ["film", "series"] * 20,
        "genres": pa.array([[GENRES[i % 3]] for i in range(40)]), "episodes": [1, 4] * 20, "minutes": running,
        "released_on": (start + released * np.timedelta64(86_400_000_000, "us")).astype("datetime64[D]"),
    }  # fmt: skip
    joined = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 90, 200), unit="D")
    left = (joined + pd.to_timedelta(rng.integers(20, 150, 200), unit="D")).where(rng.random(200) < 0.4)
    viewers = {
        "viewer_id": range(200), "joined_on": pa.array(joined.date), "plan": ["basic", "plus"] * 100,
        "left_on": pa.array([None if pd.isna(day) else day.date() for day in left], pa.date32()),
    }  # fmt: skip
    searches = {"viewer_id": [1, 2], "searched_at": at[:2], "query": ["a", "b"], "title_id": [None, 1]}
    with DatasetWriter(workspace.datasets / "small", name="Small", source="a test") as writer:
        for name, table in (("views", views), ("titles", titles), ("viewers", viewers), ("searches", searches)):
            writer.add(name, pa.table(table))


def open_page(name: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page(f"pages/explore/{name}.py")
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


@pytest.mark.parametrize("page", PARTS)
def test_every_part_answers_from_its_link_or_when_chosen(page: str, workspace: Workspace) -> None:
    service(workspace)
    app = open_page(page, data="small", **{f"{page}_part": list(PARTS[page])[-1]})
    for part, says in reversed(PARTS[page].items()):
        app.segmented_control(key=f"{page}_part").set_value(part).run()
        assert not app.exception
        assert not app.error
        assert says in app.header[0].value.replace("\\", "")
        assert 2 <= len(app.metric) <= 6
    if page == "retention":
        linked = open_page("retention", data="small", retention_segment="plan")
        assert "groups by plan" in linked.header[0].value


def test_large_datasets_are_counted_by_a_job(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    service(workspace)
    monkeypatch.setattr("ui.patterns_kept.AT_ONCE", 1_000)
    app = open_page("titles", data="small")
    assert "has not been counted yet" in app.info[0].value
    assert app.button(key="insights_concentration").label == "Count concentration"
    assert not app.metric


def test_personal_clocks_are_told_where_viewers_have_enough_sittings(workspace: Workspace) -> None:
    service(workspace)
    late = np.arange(60 * 40) % 60 < 36
    hour = np.where(late, 21, 9) + np.random.default_rng(2).integers(0, 3, len(late))
    at = np.datetime64("2025-01-01", "us") + ((np.arange(len(late)) // 10) * 24 + hour) * np.timedelta64(3_600_000_000)
    views = {"view_id": range(len(at)), "viewer_id": np.arange(len(at)) % 60, "title_id": [1] * len(at),
             "started_at": at, "started_local": at}  # fmt: skip
    with DatasetWriter(workspace.datasets / "clocks", name="Clocks", source="a test") as writer:
        writer.add("views", pa.table(views))
    app = open_page("sessions", data="small", sessions_part="Personal clocks")
    assert not app.exception
    assert "groups need 40" in app.info[0].value
    app.selectbox(key="data").select("clocks").run()
    assert not app.exception
    assert "60 viewers fall into 2 groups" in app.header[0].value
    assert [card.label for card in app.metric][:2] == ["Groups", "Viewers"]
