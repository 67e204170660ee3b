"""Single numbers of viewers: how long they stay, and how language, country and artwork move what they choose.

Intervals are clustered by household, since profiles of one household share a home, a language and a purse.
"""

from analysis.measures.choice import (
    artwork_clicks,
    genre_by_country,
    genre_in_school_holidays,
    own_language_clicks,
    own_language_share,
)
from analysis.measures.loyalty import churn_ratio, monthly_churn, returns_among_additions

__all__ = [
    "artwork_clicks",
    "churn_ratio",
    "genre_by_country",
    "genre_in_school_holidays",
    "monthly_churn",
    "own_language_clicks",
    "own_language_share",
    "returns_among_additions",
]
