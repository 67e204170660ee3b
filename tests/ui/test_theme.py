"""The palette can be told apart and read on both backgrounds."""

import itertools
import tomllib
from pathlib import Path

import pytest

from ui.charts import theme

CONFIG = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_streamlit_and_plotly_share_one_palette() -> None:
    assert tuple(CONFIG["theme"]["chartCategoricalColors"]) == theme.PALETTE


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_and_buttons_have_enough_contrast(mode: str) -> None:
    colours = CONFIG["theme"][mode]
    for surface in (colours["backgroundColor"], colours["secondaryBackgroundColor"]):
        assert _contrast(colours["textColor"], surface) >= 7
        assert _contrast(colours["linkColor"], surface) >= 4.5
    assert _contrast("#FFFFFF", colours["primaryColor"]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("colour", [theme.BETTER, theme.WORSE, theme.UNSURE])
def test_marks_that_carry_meaning_stand_out(mode: str, colour: str) -> None:
    # WCAG 1.4.11 asks 3:1 of graphics that are needed to understand the content.
    assert _contrast(colour, CONFIG["theme"][mode]["backgroundColor"]) >= 3


def test_palette_is_distinct() -> None:
    assert len({*theme.PALETTE}) == 6
    assert all(one != other for one, other in itertools.combinations(theme.PALETTE, 2))


def test_direction_says_unsure_when_zero_is_inside() -> None:
    assert theme.direction(-0.01, 0.2) == theme.UNSURE
    assert theme.direction(0.001, 0.2) == theme.BETTER
    assert theme.direction(-0.2, -0.001) == theme.WORSE
    assert theme.direction(1.1, 1.3, zero=1) == theme.BETTER
