"""How times are written where a visitor lives: 12 or 24 hours, and the day with which a week begins."""

from __future__ import annotations

import streamlit as st

from analysis.patterns.words import WEEKDAYS, Habits

# After Unicode's CLDR (supplemental data, weekData and timeData), for territories; elsewhere Monday and 24 hours.
_SUNDAY = (
    " AG AS BD BR BS BT BW BZ CA CO DM DO ET GT GU HK HN ID IL IN IS JM JP KE KH KR LA MH MM MO MT MX MZ NI NP PA PE "
    "PH PK PR PT PY SA SG SV TH TT TW UM US VE VI WS YE ZA ZW "
)
_SATURDAY = " AE AF BH DJ DZ EG IQ IR JO KW LY OM QA SD SY "
_TWELVE = (
    " AE AG AU BB BD BH BM BS CA CO CY DM DZ EG FJ FM GD GH GM GR GU GY IN IQ JM JO KH KN KR KW KY LB LC LR LS LY MH "
    "MP MW MY NA NZ OM PG PH PK PR PW QA SA SB SD SG SL SS SY SZ TC TO TT UM US VC VE VG VI VU WS YE ZM "
)
_STARTS = (0, 6, 5)


def of_locale(locale: str | None) -> Habits:
    """The habits of a browser's language tag, such as `en-US`; without a territory, Monday and 24 hours.

    >>> of_locale("en-US")
    Habits(first_day=6, twelve_hours=True)
    >>> of_locale("de-DE"), of_locale("fr")
    (Habits(first_day=0, twelve_hours=False), Habits(first_day=0, twelve_hours=False))
    """
    territory = next((part for part in (locale or "").replace("_", "-").split("-")[1:] if len(part) == 2), "").upper()
    word = f" {territory} "
    first = 6 if word in _SUNDAY else 5 if word in _SATURDAY else 0
    return Habits(first, word in _TWELVE)


def choose() -> Habits:
    """Those of the visitor's browser, or as chosen on the page; the choice is in the link."""
    usual = of_locale(st.context.locale)
    with st.popover("Clock and week", icon=":material/schedule:"):
        hours = st.segmented_control(
            "Hours", ("24 h", "12 h"), default="12 h" if usual.twelve_hours else "24 h", required=True,
            key="patterns_hours", bind="query-params",
        )  # fmt: skip
        start = st.segmented_control(
            "Week begins on", [WEEKDAYS[day] for day in _STARTS], default=WEEKDAYS[usual.first_day], required=True,
            key="patterns_week", bind="query-params",
        )  # fmt: skip
    return Habits(WEEKDAYS.index(start or WEEKDAYS[0]), hours == "12 h")
