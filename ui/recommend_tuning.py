"""Tuning on the page: the form that starts it, how it goes on, and what came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from analysis import recommend
from analysis.data import Dataset
from analysis.recommend import LearningCurve, TunedModel, Tuning
from analysis.recommend.custom import discover
from analysis.recommend.tuning import signed
from ui import jobs, state
from ui.charts import recommend_tuning as charts
from ui.glossary import define
from ui.recommend import SIGNALS
from ui.story import PLOTLY_CONFIG, Card, Story, guard
from ui.text import count, escape

KIND = "tune"
"""Kind of the jobs that tune models."""

NEWEST = "newest"
FIRST = ("recent_popularity", "item_knn", "ease", "als")
"""Models chosen at first: a baseline and three quick ones."""

LOOK_SECONDS = 2.0
"""Time between two looks at what a running job has found so far."""


def tuning_form(dataset: Dataset, *, expanded: bool) -> None:
    """The form that explains what can be tuned and starts a job; what is changed in it redraws only the form."""
    with st.expander("Tune models", expanded=expanded, icon=":material/tune:"):
        st.fragment(guard(partial(_form, dataset)))()


def _form(dataset: Dataset) -> None:
    labels = model_labels(tunable=True)
    names = model_pills(labels, FIRST, "tuning_models", "Models without parameters have nothing to tune.")
    signal, when, k = period_inputs(dataset, "tuning")
    goal = _goal(names, dataset, k)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        trials = st.slider(
            "Trials a model", 5, 100, 20, 5, key="tuning_trials",
            help="The first is the model's default settings. Every model gets as many, the baselines too.",
        )  # fmt: skip
        minutes = st.slider(
            "Minutes a model at most", 1, 120, 15, key="tuning_minutes",
            help="Whatever comes first, the trials or the time. Where time ran out, the same seed may give more trials "
            "on another machine.",
        )  # fmt: skip
        validating = st.slider(
            "Validate on the latest", 5, 50, 20, 5, format="%d %%", key="tuning_validation",
            help="Share of the training period on which settings are judged. The test period is not looked at.",
        )  # fmt: skip
        prune = st.toggle(
            "Stop early what falls behind", True, key="tuning_prune",
            help="Models that learn in iterations or epochs are first fitted on a quarter of the viewers; a setting "
            "behind the median of the finished ones goes no further. Quicker, at the risk of missing a late bloomer.",
        )  # fmt: skip
    if goal is None:
        return
    if st.button("Tune", type="primary", icon=":material/play_arrow:", key="tuning_start"):
        if not names:
            st.warning("Choose at least one model.")
            return
        budget = ["--trials", str(trials), "--limit-minutes", str(minutes), "--validation-share", str(validating / 100)]
        jobs.start(
            ["tune", "--data", state.current_key(), "--models", ",".join(names), "--signal", signal, "--k", str(k)]
            + when + budget + ([] if goal == recommend.GOALS[0] else ["--goal", goal])
            + ([] if prune else ["--no-prune"]),
            title=f"Tune {len(names)} model{'' if len(names) == 1 else 's'} on {dataset.name}",
            kind=KIND,
            dataset_hash=dataset.content_hash,
        )  # fmt: skip
        st.rerun()


def _goal(names: Sequence[str], dataset: Dataset, k: int) -> str | None:
    """What is made better; None where the chosen models can't be tuned for it, which is said."""
    goals = [goal for goal in recommend.GOALS if goal not in recommend.OF_STARS or dataset.has("ratings")]
    goal = st.selectbox(
        "Make better",
        goals,
        format_func=lambda goal: recommend.goal_label(goal, k),
        key="tuning_goal",
        width=320,
        help="What a setting is judged by, on the validation period and on the test. A small error of predicted stars "
        "is no good ranking: tune for it only where the stars themselves are wanted.",
    )
    st.caption(recommend.METRICS[goal].doc)
    known = recommend.models()
    blind = [known[name].label for name in names if name in known and not known[name].predicts_ratings]
    if goal in recommend.OF_STARS and blind:
        st.warning(
            f"{recommend.goal_label(goal, k)} is measured on predicted stars, which these don't make: "
            f"{', '.join(blind)}. Leave them out, or choose another goal.",
            icon=":material/warning:",
        )
        return None
    return goal


def model_labels(*, tunable: bool) -> dict[str, str]:
    """Labels of the program's models, of all or of those with something to tune, and of the workspace's own."""
    known = recommend.models().items()
    found = {name: model.label for name, model in known if not tunable or recommend.spaces(model)}
    own = discover(state.workspace().home / "models")
    return found | {model.name: model.label for model in own if not model.problem}


def model_pills(labels: dict[str, str], default: Sequence[str], key: str, words: str) -> list[str]:
    """The choice of models."""
    return st.pills(
        "Models",
        list(labels),
        selection_mode="multi",
        default=[name for name in default if name in labels],
        format_func=labels.get,
        key=key,
        help=f"{words} Your own from the workspace's folder models come last.",
    )


def period_inputs(dataset: Dataset, prefix: str) -> tuple[str, list[str], int]:
    """What is learnt from, the command line's words for the test period, and the length of a list."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        signal = st.segmented_control(
            "Learn from",
            [name for name in SIGNALS if dataset.has(name)],
            format_func=SIGNALS.get,
            default=recommend.default_signal(dataset),
            required=True,
            key=f"{prefix}_signal",
            help=define("signal"),
        )
        tested = st.slider(
            "Test on the latest", 5, 50, 20, 5, format="%d %%", key=f"{prefix}_share", help=define("temporal split")
        )
        day = st.date_input(
            "Or from a day on", None, min_value=dt.date(1970, 1, 1), key=f"{prefix}_at",
            help="If given, it is used instead of the share.",
        )  # fmt: skip
        k = st.slider("Length of a list", 1, 50, 10, key=f"{prefix}_k", help="How many titles a viewer is shown.")
    return signal or "views", ["--at", day.isoformat()] if day else ["--share", str(tested / 100)], k


def choose_study(dataset: Dataset, kind: str, key: str) -> tuple[str, Tuning | LearningCurve] | None:
    """The study to show: the newest, or a kept one by choice, which can be deleted; None where there is none."""
    kept = recommend.list_studies(state.workspace(), kind, dataset.content_hash).studies
    if not kept:
        return None
    names = {NEWEST: kept[0]} | {study.id: study for study in kept}
    asked = st.query_params.get(key)
    if asked is not None and asked not in names:
        st.warning(f"The link names a study that is not here: {escape(asked)}. The newest is shown instead.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        info = names[st.selectbox("Study", list(names), key=key, bind="query-params")]
        st.button(
            "Delete this study", icon=":material/delete:", on_click=_delete, args=(info.id, key), key=f"{key}_delete"
        )
    labels = model_labels(tunable=False)
    models = ", ".join(labels.get(name, name) for name in info.models)
    st.caption(escape(f"Begun on {info.made_at:%Y-%m-%d %H:%M} UTC: {models}."))
    return info.id, recommend.load_study(state.workspace(), info.id)


def _delete(study_id: str, key: str) -> None:
    recommend.delete_study(state.workspace(), study_id)
    st.session_state[key] = NEWEST


def going_on(dataset: Dataset, kind: str) -> None:
    """What the running job has found so far, looked at anew every other second."""
    st.fragment(guard(partial(_so_far, dataset.content_hash, kind)), run_every=LOOK_SECONDS)()


def _so_far(content: str, kind: str) -> None:
    kept = recommend.list_studies(state.workspace(), kind, content).studies
    if not kept or kept[0].complete:
        return
    study = recommend.load_study(state.workspace(), kept[0].id)
    if isinstance(study, LearningCurve):
        figure = charts.learning(study)
    elif study.models and study.models[-1].trials:
        figure = charts.history(study.models[-1], study.k)
    else:
        return
    title = figure.layout.meta["title"]
    st.subheader(escape(title), anchor=False)
    st.plotly_chart(figure, key=f"{kind}_growing", alt=title, config=PLOTLY_CONFIG)


@st.cache_resource(max_entries=64, ttl=3600, show_spinner=False)
def _drawn(_tuning: Tuning, study: str, trials: int, complete: bool, kind: str, model: str) -> go.Figure:
    if kind == "gains":
        return charts.gains(_tuning)
    one = next(one for one in _tuning.models if one.model == model)
    return {"history": charts.history, "settings": charts.settings, "setbacks": charts.setbacks}[kind](one, _tuning.k)


def show_tuning(story: Story, study: str, tuning: Tuning) -> None:
    """A tuning as a story: did it help, how sure is that, what was tried, and what to do with it."""

    def chart(kind: str, model: str = "") -> None:
        trials = sum(len(one.trials) for one in tuning.models)
        figure = _drawn(tuning, study, trials, tuning.complete, kind, model)
        story.chart(figure, key=f"tuning_{kind}", alt=figure.layout.meta["title"])

    verdicts = {one.verdict for one in tuning.models} & {"better", "worse"}
    sure = verdicts.pop() if len(verdicts) == 1 else "unsure"
    story.verdict(tuning.summary(), sure if tuning.complete else "neutral")  # type: ignore[arg-type]
    for one in tuning.models:
        if one.error:
            st.warning(f"{escape(one.label)} has no result: {escape(one.error)}")
        elif one.ended == "time":
            st.info(f"{escape(one.label)} ran out of time after {len(one.trials)} of {tuning.trials} trials.")
    if not tuning.complete:
        _go_on(study, tuning)
    if not any(one.best for one in tuning.models):
        return
    _cards(story, tuning)
    if any(one.gain for one in tuning.models):
        chart("gains")
    if leaders := tuning.leaders():
        story.text(leaders + " Whether the order of models is more than chance, Train & compare says.")
    story.heading("Default and tuned, validation and test")
    story.table(
        tuning.models_frame(),
        key="tuning_table",
        alt=f"Default and tuned {tuning.goal_label} of each model",
        columns=_columns(tuning.complete),
    )
    _carry(tuning)
    _closer(story, tuning, chart)


def _go_on(study: str, tuning: Tuning) -> None:
    """Go on with a tuning that was stopped, where it ended."""
    words = "Goes on where it was stopped, with the same settings; no trial is made twice."
    if st.button("Continue", icon=":material/resume:", type="primary", key="tuning_continue", help=words):
        jobs.start(
            ["tune", "--continue", study],
            title=f"Go on tuning {len(tuning.asked)} model{'' if len(tuning.asked) == 1 else 's'} on {tuning.dataset}",
            kind=KIND,
            dataset_hash=tuning.dataset_hash,
        )
        st.rerun()


def _cards(story: Story, tuning: Tuning) -> None:
    gained = [one for one in tuning.models if one.gain is not None]
    most = max(gained, key=lambda one: one.sign * one.gain.difference if one.gain else 0.0, default=None)
    trials = [trial for one in tuning.models for trial in one.trials]
    ended = {state: sum(trial.state == state for trial in trials) for state in ("stopped", "failed")}
    notes = [f"{number} {words}" for words, number in (("stopped early", ended["stopped"]), ("failed", ended["failed"]))
             if number]  # fmt: skip
    cards = [Card("Trials", count(len(trials)), define("trial"), ", ".join(notes) or None)]
    if most is not None and most.gain is not None:
        gain = most.gain
        cards += [
            Card(
                f"Largest gain, test: {most.label}", signed(gain.difference), recommend.METRICS[tuning.goal].doc,
                f"{signed(gain.low)} to {signed(gain.high)}",
            ),
            Card("The same on validation", signed(most.validation_gain), define("validation period"), "chosen there"),
        ]  # fmt: skip
    cards.append(
        Card("Viewers tested", count(tuning.counts["test viewers"]), define("viewer"),
             f"{tuning.counts['validation viewers']:,} on validation")
    )  # fmt: skip
    story.metrics(cards)


def _columns(tested: bool) -> dict[str, object]:
    if not tested:
        return dict.fromkeys(("test_default", "test_tuned", "gain", "gain_low", "gain_high", "p_holm"))
    number = partial(st.column_config.NumberColumn, format="%.4f")
    return {
        "validation_default": number("Validation, default", help="On the validation period, where tuning looks."),
        "validation_tuned": number("Validation, tuned", help="The best of the trials, and flattered for that."),
        "test_default": number("Test, default"),
        "test_tuned": number("Test, tuned", help="Both are fitted on the whole training period and tested once."),
        "gain": number("Gain on the test"),
        "gain_low": number("Low"),
        "gain_high": number("High"),
        "p_holm": st.column_config.NumberColumn("p, corrected", format="%.2g", help=define("p-value")),
    }


def _carry(tuning: Tuning) -> None:
    """Train with what was found, so that the tuned models stand in a leaderboard and on the other pages."""
    names = [one.model for one in tuning.models if one.best is not None and one.model in model_labels(tunable=False)]
    pressed = st.button(
        "Train the tuned models and compare them",
        icon=":material/leaderboard:",
        key="tuning_carry",
        disabled=not names,
        help="Starts a run with these settings on the same split; it is then on Train & compare and Recommendations.",
    )
    if pressed:
        words = ["--signal", tuning.signal, "--at", tuning.split_at, "--k", str(tuning.k), "--seed", str(tuning.seed)]
        given = [word for setting in tuning.settings() if setting.partition(".")[0] in names
                 for word in ("--set", setting)]  # fmt: skip
        jobs.start(
            ["train", "--data", state.current_key(), "--models", ",".join(names), *words, *given],
            title=f"Train {len(names)} tuned model{'' if len(names) == 1 else 's'} on {tuning.dataset}",
            kind="train",
            dataset_hash=tuning.dataset_hash,
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("They are being trained. The leaderboard comes here:")
            st.page_link("pages/recommend/train.py", label="Train & compare", icon=":material/leaderboard:")


def _closer(story: Story, tuning: Tuning, chart: partial[None]) -> None:
    """One model's search."""
    tried = {one.model: one for one in tuning.models if len(one.trials) > 1}
    if not tried:
        return
    name = st.selectbox(
        "Look closer at", list(tried), format_func=lambda name: tried[name].label, key="tuning_model", width=320
    )
    one: TunedModel = tried[name]
    chart("history", name)
    if one.setbacks:
        chart("setbacks", name)
    if sum(trial.state == "done" for trial in one.trials) > 2:
        chart("settings", name)
    with st.expander("All trials as a table", icon=":material/table:"):
        frame = tuning.to_frame()
        shown = frame[frame["model"] == one.label].drop(columns="model")
        story.table(shown, key="tuning_trials_table", alt=f"All trials of {one.label}")
