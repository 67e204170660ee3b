"""The pages of sessions, titles and who comes back, as their visitors use them."""

import pytest
from streamlit.testing.v1 import AppTest

from analysis.workspace import ROOT


def open_page(name: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page(f"pages/explore/{name}.py")
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


@pytest.mark.parametrize(
    ("page", "parts"),
    [
        (
            "sessions",
            {
                "Devices": "used two devices or more", "Completion": "reach the end",
                "Binges": "three episodes or more", "Surfaces": "end without a choice",
            },
        ),
        (
            "titles",
            {
                "Release decay": "fall into the first 15", "Rising and fading": "beyond chance",
                "What follows what": "pairs of genres", "Watched together": "beyond chance",
            },
        ),
        ("retention", {"Silence and return": "silent for 14 days", "First week": "first week"}),
    ],
)  # fmt: skip
def test_every_part_answers(page: str, parts: dict[str, str]) -> None:
    app = open_page(page, **{f"{page}_part": next(iter(parts))})
    for part, says in parts.items():
        app.segmented_control(key=f"{page}_part").set_value(part).run()
        assert not app.exception
        assert not app.error
        assert says in app.header[0].value.replace("\\", "")
        assert 3 <= len(app.metric) <= 6


def test_a_link_may_name_the_segment_as_the_data_do() -> None:
    app = open_page("retention", retention_segment="plan")
    assert "groups by plan" in app.header[0].value
