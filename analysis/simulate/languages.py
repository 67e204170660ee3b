"""Languages: what titles are in, what viewers speak, and how much a foreign title loses."""

from __future__ import annotations

import numpy as np

from analysis.simulate.calendars import COUNTRIES
from analysis.simulate.keyed import Floats, cumulate

LANGUAGES = ("en", "es", "de", "fr", "pt", "hi", "ko", "ja")
_OF_TITLES = (0.55, 0.11, 0.08, 0.08, 0.05, 0.07, 0.04, 0.02)
_OF_VIEWERS: dict[str, dict[str, float]] = {
    "US": {"en": 0.86, "es": 0.14},
    "GB": {"en": 0.96, "hi": 0.04},
    "DE": {"de": 0.92, "en": 0.08},
    "FR": {"fr": 0.94, "en": 0.06},
    "BR": {"pt": 0.97, "es": 0.03},
    "IN": {"hi": 0.62, "en": 0.38},
}


def of_titles() -> Floats:
    """Cumulative shares of the languages of titles."""
    return cumulate(np.array(_OF_TITLES))


def of_viewers() -> Floats:
    """Cumulative shares of viewers' languages, countries × languages."""
    shares = [[_OF_VIEWERS[country].get(language, 0.0) for language in LANGUAGES] for country in COUNTRIES]
    return cumulate(np.array(shares))


def penalty(foreign: float, english: float) -> Floats:
    """Log-odds that a title loses, the viewer's language × the title's: nothing in one's own, less in English."""
    lost = np.full((len(LANGUAGES), len(LANGUAGES)), foreign)
    lost[:, LANGUAGES.index("en")] = english
    np.fill_diagonal(lost, 0.0)
    return lost
