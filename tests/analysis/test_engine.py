"""The engine: what a person may set about it."""

import pytest

from analysis import engine
from analysis.errors import ParameterError


@pytest.fixture
def fresh(monkeypatch):
    """As a new process: no database is open yet."""
    monkeypatch.setattr(engine, "_ROOTS", {})


def test_a_size_of_memory_that_is_none_is_named(fresh, monkeypatch):
    monkeypatch.setenv("PRIMETIME_MEMORY", "banana")
    with pytest.raises(ParameterError, match=r"PRIMETIME_MEMORY is 'banana'.*4GB"), engine.reading():
        pass


def test_the_size_of_memory_is_what_was_set(fresh, monkeypatch):
    monkeypatch.setenv("PRIMETIME_MEMORY", "512MiB")
    with engine.reading() as cursor:
        assert cursor.duckdb.sql("SELECT current_setting('memory_limit')").fetchall() == [("512.0 MiB",)]
