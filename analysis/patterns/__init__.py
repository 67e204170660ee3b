"""Viewing patterns: when people watch, what, and whether it changes."""

from analysis.patterns.clock import Clock, clock
from analysis.patterns.daily import DailyTrend, daily
from analysis.patterns.events import Events, events, zones
from analysis.patterns.filters import EmptySelection, Filters
from analysis.patterns.seasons import MonthGenre, months

__all__ = [
    "Clock",
    "DailyTrend",
    "EmptySelection",
    "Events",
    "Filters",
    "MonthGenre",
    "clock",
    "daily",
    "events",
    "months",
    "zones",
]
