"""What the experiments page asks for: where the experiment comes from, and how to judge it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from analysis.data import Dataset
from analysis.experiments import archives, files, sources, viewing
from analysis.experiments.experiment import Experiment
from analysis.experiments.metrics import Ratio, Term
from analysis.experiments.plan import Guardrail, Plan
from analysis.experiments.report import ExperimentReport
from analysis.experiments.words import number, p_value, percent, plural
from ui import experiments_plans, state
from ui.glossary import define
from ui.story import Card, Story, Tone
from ui.text import count, escape

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

SOURCES = {"dataset": "This dataset", "upload": "A file", "typed": "Typed numbers"}
FORMS = {"successes": "Successes of units", "means": "Means and variances"}
CONFIDENCE = {0.9: "90 %", 0.95: "95 %", 0.99: "99 %"}
TONES: Mapping[str, Tone] = {"roll out": "better", "do not roll out": "worse"}
BADGES: Mapping[str, tuple[Any, str]] = {
    "roll out": ("blue", ":material/rocket_launch:"),
    "do not roll out": ("orange", ":material/block:"),
    "keep going": ("gray", ":material/hourglass_empty:"),
    "cannot say": ("gray", ":material/help:"),
}
NONE = "None"


def choose(story: Story) -> Experiment | None:
    """Ask where the experiment comes from, and read it; None where there is nothing to read yet, which is said."""
    source = st.segmented_control(
        "Where is the experiment?",
        list(SOURCES),
        format_func=SOURCES.get,
        default="dataset",
        required=True,
        key="experiments_source",
        bind="query-params",
    )
    if source != "dataset":
        st.caption("The dataset chosen in the sidebar plays no part here.")
    if source == "upload":
        return _upload(story)
    return _typed(story) if source == "typed" else _of_dataset(story)


def settings(experiment: Experiment) -> dict[str, Any]:
    """Ask how to judge it: the arguments of `analyse`, as the plan has them where there is one."""
    names = [metric.name for metric in experiment.metrics]
    plan = experiment.plan or Plan()
    # Each planned experiment has its own choice, so that one's primary metric is not carried to the next.
    key = f"experiments_primary_{experiment.name}" if experiment.plan else "experiments_primary"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = st.query_params.get(key)
        if asked is not None and asked not in names:
            st.warning(f"The link asks for the metric {escape(asked)}, which is not here. {escape(names[0])} is used.")
        primary = st.selectbox(
            "Metric that decides",
            names,
            index=names.index(plan.primary) if plan.primary in names else 0,
            key=key,
            bind="query-params",
            help="Choose it before you look: picking the best of many afterwards finds effects that are not there.",
        )
        confidence = st.segmented_control(
            "Confidence",
            list(CONFIDENCE),
            format_func=CONFIDENCE.get,
            default=0.95,
            required=True,
            key="experiments_confidence",
            bind="query-params",
            help=define("95 % interval"),
        )
        worth = st.number_input(
            "Smallest lift worth having (%)",
            min_value=0.0,
            max_value=100.0,
            value=0.0,
            step=0.5,
            key="experiments_worth",
            bind="query-params",
            help="Where even the best end of the interval is below this, the answer is no. 0 for any gain.",
        )
    if experiment.plan is None:
        plan = dataclasses.replace(plan, guardrails=_guardrails([name for name in names if name != primary]))
    return {"plan": plan, "primary": primary, "confidence": confidence, "worth": worth / 100}


def _guardrails(others: Sequence[str]) -> tuple[Guardrail, ...]:
    """Ask which metrics must not suffer, for an experiment that has no plan."""
    if not others:
        return ()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Guardrails",
            others,
            key="experiments_guardrails",
            help="Metrics that must not suffer, whatever the deciding one gains.",
        )
        margin = st.number_input(
            "Largest loss tolerated (%)",
            min_value=0.1,
            max_value=99.0,
            value=5.0,
            step=0.5,
            key="experiments_margin",
            help="A guardrail is kept when its whole interval stays above this loss.",
        )
    return tuple(Guardrail(name, margin / 100) for name in chosen)


def plan(story: Story, report: ExperimentReport) -> None:
    """What was written down beforehand, or that nothing was."""
    if report.plan.registered:
        story.heading("What was written down beforehand")
        story.text(" ".join(report.plan.sentences()))
    elif report.experiment.plan is not None:
        story.text("This departs from the plan, so it counts as not pre-registered.")


def as_of(experiment: Experiment, last: dt.date) -> dt.date | None:
    """Ask how far to look, as one would have on an earlier day; None for the end."""
    total = round(experiment.days or 0)
    if total < 3:
        return None
    day = st.slider(
        "Look after so many days",
        2,
        total,
        total,
        key=f"experiments_day_{experiment.name}",
        bind="query-params",
        help="What somebody would have seen on that day. A look that nobody planned gets the wider interval.",
    )
    return None if day == total else last - dt.timedelta(days=total - day)


def cards(report: ExperimentReport) -> list[Card]:
    """The health strip: effect, split, units, runtime."""
    experiment, comparison = report.experiment, report.reading.comparison
    effect, note = "unknown", None
    if comparison is not None and not comparison.problem:
        lift, difference = comparison.relative, comparison.absolute
        effect = percent(lift.estimate) if lift else number(difference.estimate)
        low, high = (
            (percent(lift.low), percent(lift.high)) if lift else (number(difference.low), number(difference.high))
        )
        note = f"{low} to {high}"
    split = "broken" if report.split.failed else "as planned"
    days = "unknown" if experiment.days is None else plural(round(experiment.days), "day")
    return [
        Card(report.primary.capitalize(), effect, define("95 % interval"), note),
        Card("Split", split, define("sample-ratio mismatch"), p_value(report.split.p_value)),
        Card("Units", count(sum(experiment.units.values())), None, plural(len(experiment.units), "variant")),
        Card("Runtime", days, "A whole week at least: people watch differently at weekends."),
    ]


def badge(report: ExperimentReport) -> None:
    """The decision as a badge."""
    colour, icon = BADGES[report.verdict.badge]
    st.badge(report.verdict.badge.capitalize(), icon=icon, color=colour)


def variants_table(report: ExperimentReport) -> pd.DataFrame:
    """The table per variant as the page shows it."""
    names = {
        "metric": "Metric",
        "variant": "Variant",
        "units": "Units",
        "numerator": "Sum",
        "denominator": "Over",
        "mean": "Mean",
        "mean_low": "From",
        "mean_high": "To",
        "missing": "Missing",
    }
    table = report.variants_frame()[list(names)].rename(columns=names)
    return table if table["Missing"].any() else table.drop(columns="Missing")


def code(report: ExperimentReport) -> str:
    """Python that reproduces the report."""
    if report.plan == report.experiment.plan:
        imports, how = "", ""
    else:
        given = {
            field.name: getattr(report.plan, field.name)
            for field in dataclasses.fields(report.plan)
            if getattr(report.plan, field.name) != field.default
        }
        imports = "from analysis.experiments.plan import Guardrail, Plan\n"
        how = f", plan=Plan({', '.join(f'{name}={value!r}' for name, value in given.items())})"
    show = "print(report.summary())\nprint(report.to_frame())\n"
    return f"{imports}{report.experiment.code}report = analyse(experiment{how})\n{show}"


@st.cache_resource(max_entries=64, ttl=3600, show_spinner="Joining assignments and views")
def _read(_dataset: Dataset, content: str, name: str, adjusted: bool, until: dt.date | None) -> Experiment:
    return viewing.read_experiment(_dataset, name, adjusted=adjusted, until=until)


@st.cache_resource(max_entries=64, ttl=3600, show_spinner=False)
def _last_day(_dataset: Dataset, content: str, name: str) -> dt.date:
    return viewing.last_day(_dataset, name)


@st.cache_resource(max_entries=16, ttl=3600, show_spinner=False)
def _list(_dataset: Dataset, content: str) -> viewing.ExperimentList:
    return viewing.list_experiments(_dataset)


def _of_dataset(story: Story) -> Experiment | None:
    dataset = story.dataset
    names = _list(dataset, dataset.content_hash).names if dataset.has("views") else ()
    if not names:
        story.empty(
            f"{escape(dataset.name)} holds no experiments (tables assignments and views).",
            "Bring a table of units or type numbers above, or choose another dataset in the sidebar.",
        )
        return None
    asked = st.query_params.get("experiments_name")
    if asked is not None and asked not in names:
        st.warning(f"The link asks for the experiment {escape(asked)}, which is not in this dataset.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Experiment", names, key="experiments_name", bind="query-params")
        adjusted = st.toggle(
            "Adjust for viewing before",
            key="experiments_adjusted",
            bind="query-params",
            help="CUPED: what a viewer watched in the 28 days before explains much of what they watch now. Taking it "
            "out narrows the interval and favours nobody.",
        )
    whole = _planned(_read(dataset, dataset.content_hash, name, adjusted, None))
    last = _last_day(dataset, dataset.content_hash, name)
    until = as_of(whole, last)
    st.session_state["experiments_until"] = until
    return whole if until is None else _planned(_read(dataset, dataset.content_hash, name, adjusted, until))


def _planned(experiment: Experiment) -> Experiment:
    """The experiment with the plan that the registry holds, where it has none of its own."""
    if experiment.plan is not None:
        return experiment
    plan = experiments_plans.planned(state.current_key(), experiment.name)
    names = {metric.name for metric in experiment.metrics}
    if plan is None or not {plan.primary, *(g.metric for g in plan.guardrails)} <= names:
        experiments_plans.registry().saw(state.current_key(), experiment.name)
        return experiment
    return dataclasses.replace(experiment, plan=plan)


def _typed(story: Story) -> Experiment | None:
    form = st.segmented_control(
        "What is known of each variant?",
        list(FORMS),
        format_func=FORMS.get,
        default="successes",
        required=True,
        key="experiments_form",
        bind="query-params",
    )
    numbers = ["successes"] if form == "successes" else ["mean", "standard_deviation"]
    rows = len(_EXAMPLE)
    start = pd.DataFrame({"variant": _EXAMPLE} | {c: [None] * rows for c in ["units", *numbers]})
    config = {
        "variant": st.column_config.TextColumn("Variant"),
        "units": st.column_config.NumberColumn("Units", min_value=1, step=1),
    }
    config |= {
        c: st.column_config.NumberColumn(c.replace("_", " ").capitalize(), min_value=0 if c != "mean" else None)
        for c in numbers
    }
    table = st.data_editor(
        start.astype(dict.fromkeys(["units", *numbers], "Float64")),
        key=f"experiments_table_{form}",
        column_config=config,
        num_rows="dynamic",
        hide_index=True,
        alt="Numbers of each variant, to be typed in",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        days = st.number_input("Days it ran", min_value=0.0, value=None, step=1.0, key="experiments_days")
        less = st.toggle("Less is better", key="experiments_less")
    filled = table.dropna(how="all", subset=["units", *numbers])
    if len(table.dropna(subset=["units", *numbers])) < 2:
        story.empty("Type the numbers of two variants at least.", "Add a row for each further variant.")
        return None
    return sources.experiment_of_summary(filled, days=days, lower_is_better=["outcome"] if less else [])


_EXAMPLE = ("control", "treatment")


@contextmanager
def _on_disk(uploads: Sequence[UploadedFile]) -> Iterator[list[Path]]:
    """Uploads as files for the engine, for as long as they are read."""
    with tempfile.TemporaryDirectory(prefix="primetime-") as folder:
        paths = [Path(folder) / Path(upload.name).name for upload in uploads]
        for upload, path in zip(uploads, paths, strict=True):
            path.write_bytes(upload.getbuffer())
        yield paths


@st.cache_resource(max_entries=8, ttl=3600, show_spinner="Reading the file")
def _proposals(ids: tuple[str, ...], _uploads: Sequence[UploadedFile]) -> list[files.Proposal]:
    with _on_disk(_uploads) as paths:
        return [files.propose(path) for path in paths]


@st.cache_resource(max_entries=4, ttl=3600, show_spinner="Reading the archive")
def _archive(ids: tuple[str, ...], layout: str, _uploads: Sequence[UploadedFile]) -> archives.Asos | archives.Upworthy:
    with _on_disk(_uploads) as paths:
        if layout == "asos":
            return archives.read_asos(paths[0])
        # Impressions are the larger numbers; by name they are the matrix n.
        clicks, impressions = sorted(paths, key=lambda path: path.name.lower().startswith("n"))
        return archives.read_upworthy(clicks, impressions)


@st.cache_resource(max_entries=16, ttl=3600, show_spinner="Reading the file")
def _units(
    ids: tuple[str, ...],
    outcomes: tuple[Term, ...],
    chosen: tuple[tuple[str, str | None], ...],
    less: tuple[str, ...],
    _uploads: Sequence[UploadedFile],
) -> Experiment:
    with _on_disk(_uploads) as paths:
        options: dict[str, Any] = dict(chosen)
        return sources.read_units(paths[0], outcomes=list(outcomes), lower_is_better=list(less), **options)


def _upload(story: Story) -> Experiment | None:
    uploads = st.file_uploader(
        "A table with one row a unit, an ASOS file, or Upworthy’s two matrices",
        type=["csv", "tsv", "txt", "parquet"],
        accept_multiple_files=True,
        key="experiments_files",
    )
    if not uploads:
        story.empty(
            "Drop a CSV or Parquet file above.",
            "One row a unit (a viewer, say), with a column that names its variant and a number column a metric.",
        )
        return None
    ids = tuple(upload.file_id for upload in uploads)
    proposals = _proposals(ids, uploads)
    layout = archives.layout_of(
        [(u.name, [c.name for c in p.columns]) for u, p in zip(uploads, proposals, strict=True)]
    )
    if layout != "units":
        found = _archive(ids, layout, uploads)
        names = found.experiments if isinstance(found, archives.Asos) else found.tests
        chosen = st.selectbox("Experiment", names, format_func=_dated, key=f"experiments_archive_{ids[0]}")
        return found.experiment(chosen)
    if len(uploads) > 1:
        story.empty("These files do not belong together.", "Bring one table of units, or Upworthy’s two matrices.")
        return None
    return _mapped(story, ids, uploads, proposals[0])


def _dated(name: str) -> str:
    """An Upworthy test with its day, other experiments as they are."""
    return f"{name} · {archives.created_at(name):%Y-%m-%d}" if len(name) == archives.ID_DIGITS else name


def _mapped(
    story: Story, ids: tuple[str, ...], uploads: Sequence[UploadedFile], proposal: files.Proposal
) -> Experiment | None:
    """Show which column is which, as guessed, for correction."""
    names = [column.name for column in proposal.columns]
    few = [c.name for c in proposal.columns if c.distinct <= files.MOST_VARIANTS] or names
    st.caption(f"{proposal.rows:,} rows. Check which column is which.")

    def pick(label: str, options: Sequence[str], guess: str | None, help: str) -> str | None:
        choices = [NONE, *options]
        place = choices.index(guess) if guess in choices else 0
        found = st.selectbox(label, choices, index=place, key=f"experiments_{label}_{ids[0]}", help=help)
        return None if found == NONE else found

    with st.grid(3, min_column_width=220):
        variant = pick("Variant", few, proposal.variant, "The column that names each unit’s variant.")
        values = proposal.column(variant).levels if variant else ()
        control = pick("Control", values, proposal.control, "How things are now; None to compare all pairs.")
        unit = pick("Unit", names, proposal.unit, "Checked for repeats and for units in two variants.")
        time = pick("Time of assignment", names, proposal.time, "From it the runtime follows.")
        covariate = pick("Known before", names, None, "A number from before the experiment, to adjust by (CUPED).")
        over = pick("Divide by", names, None, "For ratios such as minutes per play; None for means per unit.")
    outcomes = st.multiselect(
        "Outcomes", names, default=proposal.outcomes[:3], key=f"experiments_outcomes_{ids[0]}",
        help="Number columns; a column of 0 and 1 is a share of units. The first one decides unless you say otherwise.",
    )  # fmt: skip
    terms: tuple[Term, ...] = tuple(Ratio(o, over) if over and o != over else o for o in outcomes)
    labels = [f"{t.numerator} per {t.denominator}" if isinstance(t, Ratio) else t for t in terms]
    less = st.multiselect("Less is better for", labels, key=f"experiments_less_{ids[0]}")
    if not variant or not terms:
        story.empty("Choose the column that names the variant, and an outcome.", "Then the experiment is analysed.")
        return None
    chosen = {"variant": variant, "unit": unit, "control": control, "time": time, "covariate": covariate}
    return _units(ids, terms, tuple((k, v) for k, v in chosen.items() if v or k == "control"), tuple(less), uploads)


def of_dataset() -> bool:
    """Whether the experiment shown is one of the dataset's own."""
    return st.session_state.get("experiments_source", "dataset") == "dataset"
