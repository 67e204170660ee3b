"""Viewing patterns: when people watch, what, and whether it changes."""

from analysis.patterns.anomalies import Anomaly, Holiday, SpecialDays, special_days
from analysis.patterns.appetite import Appetite, appetite, planted
from analysis.patterns.calendar_map import CalendarMap, calendar_map
from analysis.patterns.clock import Clock, clock
from analysis.patterns.daily import DailyTrend, daily
from analysis.patterns.decompose import Decomposition, decompose
from analysis.patterns.events import Events, events, zones
from analysis.patterns.filters import EmptySelection, Filters
from analysis.patterns.forecast import Forecast, forecast
from analysis.patterns.forecast_shares import GenreForecast, forecast_genres
from analysis.patterns.hours import HourGenre, HourTitles, hour_titles, hours, planted_hours
from analysis.patterns.look import AT_ONCE, Choices, Patterns, choices, look, prepare, prepared
from analysis.patterns.reasons import DayTitles, titles_of_day
from analysis.patterns.retention import SEGMENTS, Retention, retention
from analysis.patterns.seasons import MonthGenre, months

__all__ = [
    "AT_ONCE",
    "SEGMENTS",
    "Anomaly",
    "Appetite",
    "CalendarMap",
    "Choices",
    "Clock",
    "DailyTrend",
    "DayTitles",
    "Decomposition",
    "EmptySelection",
    "Events",
    "Filters",
    "Forecast",
    "GenreForecast",
    "Holiday",
    "HourGenre",
    "HourTitles",
    "MonthGenre",
    "Patterns",
    "Retention",
    "SpecialDays",
    "appetite",
    "calendar_map",
    "choices",
    "clock",
    "daily",
    "decompose",
    "events",
    "forecast",
    "forecast_genres",
    "hour_titles",
    "hours",
    "look",
    "months",
    "planted",
    "planted_hours",
    "prepare",
    "prepared",
    "retention",
    "special_days",
    "titles_of_day",
    "zones",
]
