"""What every page keeps: it opens from `app.py` without an error, has a title and answers, or says what is missing."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from analysis.data import DatasetWriter
from analysis.workspace import ROOT, Workspace

SCRIPTS = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "pages").glob("*/*.py"))
EMPTY = "Nothing to show yet"
FAILED = "Something went wrong"


def ratings_only(folder: Path) -> None:
    """A small dataset with ratings of 60 viewers, titles' names, and nothing else."""
    rng = np.random.default_rng(20260101)
    rows = 1500
    pairs = rng.choice(60 * 80, size=rows, replace=False)
    seconds = np.sort(rng.integers(0, 200 * 86400, rows))
    with DatasetWriter(folder, name="Ratings only", source="a test", time_zone="Europe/Berlin") as writer:
        writer.add(
            "ratings",
            pa.table(
                {
                    "viewer_id": pairs // 80,
                    "title_id": pairs % 80,
                    "rated_at": np.datetime64("2026-01-01T00:00:00", "us") + seconds * np.timedelta64(1_000_000, "us"),
                    "stars": rng.integers(1, 11, rows) / 2,
                }
            ),
        )
        names = [f"Title [{n}](x) *of* $a$" for n in range(80)]
        writer.add("titles", pa.table({"title_id": np.arange(80), "name": names, "kind": ["film"] * 80}))


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory) -> Path:
    """One workspace for all pages, so that what one of them computes is there for the next."""
    home = tmp_path_factory.mktemp("contract")
    ratings_only(Workspace(home).datasets / "ratings-only")
    return home


@pytest.fixture
def home(shared_home, monkeypatch) -> Path:
    monkeypatch.setenv("PRIMETIME_HOME", str(shared_home))
    return shared_home


def open_page(script: str, **query: str) -> AppTest:
    # Each script's name is the word in its address, so that it is found without a run of the first page before.
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page(script)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def keys(app: AppTest) -> list[str]:
    """Keys of the widgets that are on the page."""
    kinds = ("selectbox", "multiselect", "segmented_control", "pills", "radio", "slider", "select_slider", "checkbox")
    kinds += ("toggle", "number_input", "text_input", "date_input", "text_area")
    return [widget.key for kind in kinds for widget in app.get(kind) if widget.key]


def check(app: AppTest) -> None:
    assert not app.exception, app.exception[0].value
    assert not [error.value for error in app.error if FAILED in error.value]
    assert len(app.title) == 1
    assert app.title[0].value
    assert verdicts(app) or empty(app), "neither a verdict nor an empty state"


def verdicts(app: AppTest) -> list[str]:
    found = [box for box in app.get("container") if str(getattr(box, "key", "") or "").startswith("verdict_")]
    return [heading.value for box in found for heading in box.header]


def empty(app: AppTest) -> bool:
    return any(EMPTY in (getattr(info.proto, "title", "") or "") for info in app.info)


@pytest.mark.parametrize("script", SCRIPTS)
def test_on_the_sample(script, home):
    app = open_page(script)
    check(app)
    assert verdicts(app) or "recommend" in script, (
        "the sample has something for every page; models must be fitted first"
    )
    assert all(sentence.rstrip().endswith((".", "?")) for sentence in verdicts(app))


@pytest.mark.parametrize("script", SCRIPTS)
def test_with_ratings_only(script, home):
    app = open_page(script, data="ratings-only")
    check(app)
    assert app.selectbox(key="data").value == "ratings-only"


@pytest.mark.parametrize("script", SCRIPTS)
def test_in_an_empty_workspace(script, workspace):
    check(open_page(script))


@pytest.mark.parametrize("script", SCRIPTS)
def test_with_nonsense_in_the_address(script, home):
    names = keys(open_page(script))
    app = open_page(script, **dict.fromkeys(["data", "unknown", *names], "%00-no-such-thing[]<b>"))
    check(app)
    assert any("no\\-such\\-thing" in warning.value for warning in app.warning), "a bad dataset is dropped in silence"


def test_every_script_is_in_the_menu(home):
    # `switch_page` refuses a script that `app.py` does not know.
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    for script in SCRIPTS:
        app.switch_page(script)
