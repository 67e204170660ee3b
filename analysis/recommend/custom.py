"""Models of one's own: a Python file with a class, named on the command line or put into the workspace's `models/`.

A page only reads such a file (its names, from the syntax tree); its code runs in a job or on the command line.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt

from analysis.errors import ModelError
from analysis.recommend.base import Recommender
from analysis.recommend.interactions import Index, Interactions
from analysis.recommend.measure import at_most
from analysis.recommend.parameters import ParameterDoc, number
from analysis.recommend.registry import models
from analysis.results import Progress

_NEEDED = ("name", "label", "description", "source")


@dataclass(frozen=True)
class CustomModel:
    """A model found in a file, not run.

    Attributes:
        name: Short name.
        label: Name as shown.
        description: One sentence on what it recommends.
        spec: `path/to/file.py:Class`, as `--model` takes it.
        problem: Why it can't be used, or empty.
        parameters: Its parameters, where its file declares them by `number(…)` with plain numbers.
    """

    name: str
    label: str
    description: str
    spec: str
    problem: str = ""
    parameters: tuple[ParameterDoc, ...] = ()


def discover(folder: Path) -> tuple[CustomModel, ...]:
    """Models in the Python files of a folder, by their class attributes; no code is run."""
    found: list[CustomModel] = []
    for file in sorted(folder.glob("*.py")):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError) as error:
            found.append(CustomModel(file.stem, file.name, "", str(file), f"{file.name} can't be read: {error}."))
            continue
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.bases:
                said = _said(node)
                if "name" in said:
                    spec = f"{file}:{node.name}"
                    label, description = said.get("label", node.name), said.get("description", "")
                    found.append(
                        CustomModel(said["name"], label, description, spec, parameters=_parameters(tree, node))
                    )
    return tuple(found)


def own_class(folder: Path, name: str) -> type[Recommender]:
    """The model of that name in the Python files of a folder; its file is run.

    Raises:
        ModelError: There is none, or its file can't be used.
    """
    for found in discover(folder):
        if found.name == name:
            if found.problem:
                raise ModelError(found.problem, "Mend the file.")
            return load_class(found.spec)
    raise ModelError(
        f"There is no model {name!r} in the program or in the workspace's folder models.",
        "Put its file back into the folder, or choose another model.",
    )


class Unusable(Recommender):
    """Stands for a model of one's own whose file can't be used: it says why when it is fitted."""

    description, source = "", ""
    reason: ClassVar[ModelError]

    def _fit(self, train: Interactions, progress: Progress) -> None:
        raise self.reason

    def _score(self, viewers: Index) -> npt.NDArray[Any]:
        raise self.reason


def from_home(found: CustomModel, limit_seconds: float | None = None) -> type[Recommender]:
    """The class of a model that `discover` found, or one that says why it can't be used; its file is run.

    Args:
        found: The model.
        limit_seconds: Time that running its file may take; only in a process's main thread.
    """
    try:
        with at_most(limit_seconds, f"The file of {found.label}"):
            return load_class(found.spec)
    except ModelError as error:
        names = {"name": found.name, "label": found.label, "reason": error}
        return type("Unusable", (Unusable,), names)


def load_class(spec: str) -> type[Recommender]:
    """The class that `path/to/file.py:Class` names; its file is run.

    Raises:
        ModelError: There is no such file or class, the file fails, or the class breaks the contract.
    """
    path, _, class_name = spec.rpartition(":")
    file = Path(path)
    if not path or not file.is_file():
        raise ModelError(f"There is no model file {path or spec!r}.", "Write it as my_model.py:MyModel.")
    module_name = f"_primetime_model_{file.stem}"
    found = importlib.util.spec_from_file_location(module_name, file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    # Dataclasses look their module up by name.
    sys.modules[module_name] = module
    try:
        found.loader.exec_module(module)
    except Exception as error:
        raise ModelError(f"{file.name} stops with {type(error).__name__}: {error}.", "Mend the file.") from error
    model = getattr(module, class_name, None)
    if not (isinstance(model, type) and issubclass(model, Recommender)):
        raise ModelError(f"{file.name} has no model {class_name!r}.", "Name a class that derives from Recommender.")
    missing = [name for name in _NEEDED if not isinstance(getattr(model, name, None), str)]
    if missing or getattr(model, "__abstractmethods__", None):
        lacks = [*missing, *sorted(getattr(model, "__abstractmethods__", ()))]
        raise ModelError(f"{class_name} in {file.name} lacks {', '.join(lacks)}.", "See docs/recommenders.md.")
    if not model.name.isidentifier() or model.name in models():
        raise ModelError(
            f"{class_name} in {file.name} is called {model.name!r}.",
            "Give it a name of letters, digits and underscores that no model of the program has.",
        )
    return model


def _parameters(tree: ast.Module, model: ast.ClassDef) -> tuple[ParameterDoc, ...]:
    """The numbers that the class named by `Parameters = …` declares, read from the syntax tree."""
    named = [
        statement.value.id
        for statement in model.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Name)
        and any(isinstance(target, ast.Name) and target.id == "Parameters" for target in statement.targets)
    ]
    declared = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name in named), None)
    found = []
    for statement, after in pairwise([*declared.body, None] if declared else []):
        if not (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(statement.value, ast.Call)
        ):
            continue
        try:
            given = [ast.literal_eval(value) for value in statement.value.args]
            more = {word.arg: ast.literal_eval(word.value) for word in statement.value.keywords if word.arg}
            field = number(*given, **more)
        except (ValueError, TypeError):
            continue
        says = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        doc = inspect.cleandoc(str(after.value.value)) if says else ""  # type: ignore[union-attr]
        found.append(ParameterDoc(statement.target.id, field.default, doc, field.metadata["space"]))
    return tuple(found)


def _said(node: ast.ClassDef) -> dict[str, str]:
    """The words that a class body assigns to single names."""
    said = {}
    for statement in node.body:
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            pairs = [(target, statement.value)]
            if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
                pairs = list(zip(target.elts, statement.value.elts, strict=False))
            for left, right in pairs:
                if isinstance(left, ast.Name) and isinstance(right, ast.Constant) and isinstance(right.value, str):
                    said[left.id] = right.value
    return said
