"""The errors a person can meet. Each says what is wrong, names the file, column, row or value, and says what to do."""

from __future__ import annotations


class PrimetimeError(Exception):
    """A problem a person can mend.

    Attributes:
        problem: What is wrong, naming the thing at fault.
        remedy: What to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}".strip())
        self.problem = problem
        self.remedy = remedy


class DataError(PrimetimeError):
    """A file, table, column or value that does not fit the schema."""


class ParameterError(PrimetimeError):
    """A parameter outside of what it may be."""


class ModelError(PrimetimeError):
    """A recommender that can't do what it is asked, or whose output breaks the contract."""


class ExperimentError(PrimetimeError):
    """An experiment that can't be analysed as asked."""


class JobError(PrimetimeError):
    """A job that is unknown, or whose process ended before its work was done."""
