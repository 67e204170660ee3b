"""All experiments of a dataset at a glance: one verdict each, from its primary metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.data import Dataset
from analysis.errors import PrimetimeError
from analysis.experiments.report import ExperimentReport, analyse
from analysis.experiments.viewing import list_experiments, read_experiment
from analysis.experiments.words import level, percent, plural
from analysis.results import Progress, Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Portfolio(Result):
    """The experiments of a dataset, each analysed by itself.

    Nothing is corrected for the number of experiments: each is a decision of its own, and at the 5 % level one in
    twenty changes without any effect is told apart from none.

    Attributes:
        reports: Those that could be analysed, by name.
        failures: Name and problem of those that could not.
    """

    reports: tuple[ExperimentReport, ...]
    failures: tuple[tuple[str, str], ...]

    def to_frame(self) -> pd.DataFrame:
        """One row an experiment: badge, and the primary metric's comparison."""
        import pandas as pd

        rows = []
        for report in self.reports:
            found = report.reading.comparison
            numbers = found.row() if found else {}
            rows.append(
                {"experiment": report.experiment.name, "verdict": report.verdict.badge, "why": report.verdict.why}
                | {name: numbers.get(name) for name in ("metric", "treatment", "lift", "lift_low", "lift_high")}
            )
        rows += [{"experiment": name, "verdict": "cannot say", "why": problem} for name, problem in self.failures]
        return pd.DataFrame(rows)

    def count(self, badge: str) -> int:
        """Number of experiments with that verdict; those that could not be analysed count as `cannot say`."""
        failed = len(self.failures) if badge == "cannot say" else 0
        return failed + sum(report.verdict.badge == badge for report in self.reports)

    def summary(self) -> str:
        """How many experiments should be rolled out, and the largest clear gain with its interval."""
        total = len(self.reports) + len(self.failures)
        if not total:
            return "There are no experiments."
        gains = [
            (report.reading.comparison.relative, report)
            for report in self.reports
            if report.verdict.badge == "roll out" and report.reading.comparison and report.reading.comparison.relative
        ]
        counts = (
            f"Of {plural(total, 'experiment')}, {self.count('roll out')} can be rolled out, "
            f"{self.count('do not roll out')} should not be, {self.count('keep going')} should keep going and "
            f"{self.count('cannot say')} can’t settle it."
        )
        if not gains:
            return counts
        lift, best = max(gains, key=lambda gain: gain[0].estimate)
        return (
            f"{counts} The largest clear gain is {best.experiment.name}: {best.primary} {percent(lift.estimate)} "
            f"({level(best.confidence)} interval {percent(lift.low)} to {percent(lift.high)})."
        )


def portfolio(dataset: Dataset, *, progress: Progress | None = None) -> Portfolio:
    """Analyse every experiment that a dataset's `assignments` and `views` hold.

    An experiment that can't be analysed is kept with its problem; the others are not held up by it.
    """
    reports: list[ExperimentReport] = []
    failures: list[tuple[str, str]] = []
    names = list_experiments(dataset).names
    for done, name in enumerate(names):
        if progress:
            progress(done / len(names), name)
        try:
            reports.append(analyse(read_experiment(dataset, name)))
        except PrimetimeError as error:
            failures.append((name, error.problem))
    return Portfolio(tuple(reports), tuple(failures))
