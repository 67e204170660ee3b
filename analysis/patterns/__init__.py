"""Viewing patterns: when people watch, what, and whether it changes."""

from analysis.patterns.appetite import Appetite, appetite, planted
from analysis.patterns.clock import Clock, clock
from analysis.patterns.daily import DailyTrend, daily
from analysis.patterns.events import Events, events, zones
from analysis.patterns.filters import EmptySelection, Filters
from analysis.patterns.hours import HourGenre, HourTitles, hour_titles, hours, planted_hours
from analysis.patterns.look import AT_ONCE, Choices, Patterns, choices, look, prepare, prepared
from analysis.patterns.retention import SEGMENTS, Retention, retention
from analysis.patterns.seasons import MonthGenre, months

__all__ = [
    "AT_ONCE",
    "SEGMENTS",
    "Appetite",
    "Choices",
    "Clock",
    "DailyTrend",
    "EmptySelection",
    "Events",
    "Filters",
    "HourGenre",
    "HourTitles",
    "MonthGenre",
    "Patterns",
    "Retention",
    "appetite",
    "choices",
    "clock",
    "daily",
    "events",
    "hour_titles",
    "hours",
    "look",
    "months",
    "planted",
    "planted_hours",
    "prepare",
    "prepared",
    "retention",
    "zones",
]
