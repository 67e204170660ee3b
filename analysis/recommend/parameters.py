"""Parameters of models: one declaration gives default, limits, the range to search, and what a form explains."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from dataclasses import dataclass
from typing import Any, ClassVar

from analysis.errors import ParameterError


@dataclass(frozen=True)
class Space:
    """Where a parameter may lie, and where tuning looks for it.

    Attributes:
        least: Smallest value that is accepted.
        low: Smallest value that tuning tries.
        high: Largest value that tuning tries.
        log: Whether tuning tries as many values from 1 to 10 as from 10 to 100.

    """

    least: float = 0
    low: float = 0
    high: float = 1
    log: bool = False


def number(default: float, low: float, high: float, *, least: float = 0, log: bool = False) -> Any:
    """A field of a parameters dataclass that holds a number; tuning looks from `low` to `high`."""
    return dataclasses.field(default=default, metadata={"space": Space(least, low, high, log)})


@dataclass(frozen=True)
class Settings:
    """Base of the parameters of a model: a frozen dataclass with a docstring under each field.

    Raises:
        ParameterError: A value is not what its field accepts; the model, the field and the value are named.
    """

    model: ClassVar[str] = "The model"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            space: Space = field.metadata.get("space", Space())
            value = getattr(self, field.name)
            known = isinstance(value, int | float) and not isinstance(value, bool)
            whole = isinstance(field.default, int)
            if not (known and space.least <= value < float("inf") and (not whole or float(value).is_integer())):
                raise ParameterError(
                    f"{self.model}: {field.name} is {value!r}.",
                    f"It must be a {'whole ' if whole else ''}number of {space.least:g} or more.",
                )
            if whole:
                object.__setattr__(self, field.name, int(value))


@dataclass(frozen=True)
class NoParameters(Settings):
    """A model without parameters."""


@dataclass(frozen=True)
class ParameterDoc:
    """What a person should know about one parameter.

    Attributes:
        name: Its name.
        default: Its default value.
        doc: What it does, with its unit.
        space: What it accepts, and where tuning looks.
    """

    name: str
    default: Any
    doc: str
    space: Space


def parameter_docs(parameters: type[Any]) -> tuple[ParameterDoc, ...]:
    """The fields of a parameters dataclass with their defaults, spaces and the docstring under each."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(parameters))).body[0]
    assert isinstance(tree, ast.ClassDef)
    docs: dict[str, str] = {}
    for statement, after in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
        ):
            docs[statement.target.id] = inspect.cleandoc(str(after.value.value))
    return tuple(
        ParameterDoc(f.name, f.default, docs.get(f.name, ""), f.metadata.get("space", Space()))
        for f in dataclasses.fields(parameters)
    )
