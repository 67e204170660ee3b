"""Train and compare: which model finds what viewers watch next, and how sure is that?"""

import datetime as dt

import streamlit as st

from analysis import recommend
from analysis.recommend import METRICS
from ui import jobs, state
from ui.charts import recommend as charts
from ui.glossary import define
from ui.story import Card, Story
from ui.text import count, escape, interval, share

KIND = "train"
NEWEST = "newest"
SIGNALS = {"views": "Plays", "ratings": "Ratings"}
MEANS = (
    "A model is worth trying on viewers when its interval lies clear of the baselines', popularity above all. A leader "
    "that can't be told apart from the second may be no better at all. Offline, a model is judged by what people found "
    "without it, so a better place here is a reason to run an experiment, and no proof."
)
COMPUTED = (
    "One moment splits everybody's history: models learn from what was before and are tested on what came after. Only "
    "titles new to the viewer count, titles watched before are left out of the lists, and every title of the catalogue "
    "competes (nothing is sampled). A play of less than a tenth of the running time is no hit; every rating is one. "
    "Intervals come from 2,000 resamples of viewers, the same for all models; pairs are compared viewer by viewer, "
    "with Holm's correction for the number of pairs. Coverage and Gini are of all lists together and have no interval."
)


def choose_and_train(expanded: bool) -> None:
    """The form that starts a training job."""
    known = recommend.models()
    with st.expander("Train models", expanded=expanded, icon=":material/model_training:"), st.form("recommend_form"):
        names = st.pills(
            "Models",
            list(known),
            selection_mode="multi",
            default=list(known),
            format_func=lambda name: known[name].label,
            key="recommend_models",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            signal = st.segmented_control(
                "Learn from",
                [name for name in SIGNALS if dataset.has(name)],
                format_func=SIGNALS.get,
                default=recommend.default_signal(dataset),
                required=True,
                key="recommend_signal",
                help=define("signal"),
            )
            tested = st.slider(
                "Test on the latest", 5, 50, 20, 5, format="%d %%", key="recommend_share", help=define("temporal split")
            )
            day = st.date_input(
                "Or from a day on", None, key="recommend_at", help="If given, it is used instead of the share.",
                min_value=dt.date(1970, 1, 1),
            )  # fmt: skip
            k = st.slider("Length of a list", 1, 50, 10, key="recommend_k", help="How many titles a viewer is shown.")
        pressed = st.form_submit_button("Train and compare", type="primary", icon=":material/play_arrow:")
        for model in known.values():
            needs = " Needs ratings." if model.predicts_ratings else ""
            settings = ", ".join(f"{doc.name} {doc.default}" for doc in recommend.parameter_docs(model))
            st.caption(f"**{model.label}.** {model.description}{needs} {f'Settings: {settings}.' if settings else ''}")
    if pressed and not names:
        st.warning("Choose at least one model.")
    elif pressed:
        split = ["--at", day.isoformat()] if day else ["--share", str(tested / 100)]
        jobs.start(
            ["train", "--data", state.current_key(), "--models", ",".join(names), "--signal", signal, "--k", k, *split],
            title=f"Train {len(names)} models on {dataset.name}",
            kind=KIND,
            dataset_hash=dataset.content_hash,
        )


def choose_run(kept: recommend.RunList) -> recommend.Run | None:
    """The run to show: the newest, or an older one by choice."""
    # A link holds what the box shows, so it shows the names of the runs themselves.
    described = {NEWEST: ""} | {
        run.id: f"{run.made_at:%Y-%m-%d %H:%M} UTC, {SIGNALS[run.signal].lower()}, {len(run.models)} models"
        for run in kept.runs
    }
    if len(described) == 1:
        return recommend.newest_run(state.workspace(), dataset)
    asked = st.query_params.get("recommend_run")
    if asked is not None and asked not in described:
        st.warning(f"The link names a run that is not here: {escape(asked)}. The newest is shown instead.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Run", list(described), key="recommend_run", bind="query-params")
        run_id = kept.runs[0].id if chosen == NEWEST else chosen
        st.button("Delete this run", icon=":material/delete:", on_click=delete, args=(run_id,), key="recommend_delete")
    st.caption(f"Kept on {described[run_id]}.")
    if chosen == NEWEST:
        return recommend.newest_run(state.workspace(), dataset)
    return recommend.load_run(state.workspace(), chosen)


def delete(run_id: str) -> None:
    recommend.delete_run(state.workspace(), run_id)
    st.session_state["recommend_run"] = NEWEST


def show(run: recommend.Run) -> None:
    """The run as a story: sentence, cards, charts, table."""
    board = run.leaderboard
    sure = bool(board.comparisons) and board.comparisons[0].told_apart
    story.verdict(board.summary(), "better" if sure else "unsure")
    for entry in board.entries:
        if entry.error:
            st.warning(f"{escape(entry.label)} has no result: {escape(entry.error)}")
    if not board.finished:
        return
    best, tested = board.finished[0], board.counts
    ndcg = best.estimates["ndcg"]
    cold = tested["viewers left out: no training history"]
    story.metrics(
        [
            Card("Best model", best.label, recommend.models()[best.model].description),
            Card(f"NDCG@{board.k}", f"{ndcg.value:.4f}", define("NDCG"), interval(ndcg.low, ndcg.high, digits=4)),
            Card("Viewers tested", count(tested["viewers tested"]), define("viewer"), f"{cold:,} new ones left out"),
            Card(
                "Out of reach", share(board.unlearnable_share),
                "Share of the titles to find that nobody had watched in training, so that no list could hold them.",
            ),
        ]
    )  # fmt: skip
    story.chart(charts.whiskers(board), key="recommend_whiskers", alt=board.summary())
    variety = charts.accuracy_and_coverage(board)
    story.chart(variety, key="recommend_variety", alt=variety.layout.title.text)
    story.heading("Leaderboard")
    hidden = {f"{name}_{end}": None for name in METRICS for end in ("low", "high")} | {"model": None, "error": None}
    shown = {
        name: st.column_config.NumberColumn(charts.label(name, board.k), help=metric.doc, format="%.4f")
        for name, metric in METRICS.items()
    }
    seconds = {
        "fit_seconds": st.column_config.NumberColumn("Fit, s", format="%.2f"),
        "recommend_seconds": st.column_config.NumberColumn("Lists, s", format="%.2f"),
    }
    story.table(
        board.to_frame(), key="recommend_table", alt="All metrics of all models", columns=hidden | shown | seconds
    )
    if board.comparisons:
        story.heading("Which models can be told apart?")
        story.table(board.pairs_frame(), key="recommend_pairs", alt=f"Pairs of models on NDCG@{board.k}")
    story.text(
        f"{tested[f'training {board.signal}']:,} {board.signal} before {board.split_at[:10]} were learnt from, "
        f"{tested[f'test {board.signal}']:,} after it were the test; "
        f"{tested[f'test {board.signal} left out: title already watched in training']:,} of them were of titles "
        "watched before and do not count."
    )


story = Story.begin(
    "Train & compare", "Which model finds what viewers watch next, and how sure is that?", needs=("views", "ratings")
)
dataset = story.dataset
runs = recommend.list_runs(state.workspace(), dataset.content_hash)
latest = recommend.newest_run(state.workspace(), dataset)
choose_and_train(expanded=latest is None)
working = jobs.panel(KIND, dataset_hash=dataset.content_hash)
if latest is None:
    if not working:
        story.empty("No model has been trained on this dataset yet.", "Press “Train and compare”; it takes a minute.")
    st.stop()
run = choose_run(runs)
if run is not None:
    show(run)
    story.explain(MEANS, COMPUTED)
    with st.expander("This run as Python code", icon=":material/code:"):
        st.code(run.leaderboard.recipe(), language="python")
    story.end(run.leaderboard.to_frame())
