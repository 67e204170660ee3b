"""What clock, seasons and days begin with: a selection of a dataset's rows, and the cubes that are read under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.data import Dataset
from analysis.errors import ParameterError
from analysis.patterns import cubes
from analysis.patterns.audience import Audience, audience
from analysis.patterns.cells import Cells
from analysis.patterns.events import Events, events
from analysis.patterns.filters import EmptySelection, Filters
from analysis.results import Progress
from analysis.workspace import Workspace

Measure = Literal["events", "minutes"]
MEASURES: tuple[Measure, ...] = ("events", "minutes")


@dataclass(frozen=True)
class Selection:
    """Rows of a dataset, and what is counted of them.

    Attributes:
        dataset: The dataset.
        what: What one row is, and on whose clock it counts.
        filters: Which rows count.
        measure: What shares and trends are of.
        workspace: Where cubes are kept; the default workspace if None.
        progress: Told about the building of cubes.
    """

    dataset: Dataset
    what: Events
    filters: Filters
    measure: Measure
    workspace: Workspace | None
    progress: Progress | None

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        filters: Filters | None,
        zone: str | None,
        measure: Measure,
        workspace: Workspace | None,
        progress: Progress | None,
    ) -> Selection:
        """The selection, checked.

        Raises:
            ParameterError: Unknown zone or measure, or minutes are asked of a dataset that has none.
        """
        what = events(dataset, zone)
        check_measure(measure, what)
        return cls(dataset, what, filters or Filters(), measure, workspace, progress)

    def cube(self, spec: cubes.CubeSpec) -> cubes.Cube:
        """The smallest cube of that grain which answers the filters, built where it is not there yet."""
        wanted = cubes.for_filters(spec, self.filters)
        return cubes.build(self.dataset, wanted, self.what, workspace=self.workspace, progress=self.progress)

    def audience(self) -> Audience:
        """Distinct viewers, counted where that has not been done yet."""
        return audience(self.dataset, self.what, workspace=self.workspace, progress=self.progress)

    def some(self, cells: Cells) -> Cells:
        """The same cells.

        Raises:
            EmptySelection: There are none.
        """
        if len(cells):
            return cells
        raise EmptySelection(
            f"Nothing is left to count with these filters: {self.filters.describe()}.",
            "Widen the months or take a filter away.",
        )


def check_measure(measure: str, what: Events) -> None:
    """Refuse a measure that there isn't.

    Raises:
        ParameterError: It is unknown, or minutes are asked of a dataset that has none.
    """
    if measure not in MEASURES:
        raise ParameterError(f"There is no measure {measure!r}.", f"Choose one of: {', '.join(MEASURES)}.")
    if measure == "minutes" and not what.has_minutes:
        raise ParameterError("This dataset has no minutes watched.", "Count plays or ratings (measure events).")
