"""Train and compare: which model finds what viewers watch next, and how sure is that?"""

import plotly.graph_objects as go
import streamlit as st

from analysis import recommend
from analysis.recommend import METRICS
from ui import jobs, state
from ui.charts import recommend as charts
from ui.glossary import define
from ui.recommend import KIND, choose_run, training_form
from ui.story import Card, Story
from ui.text import count, escape, interval, share

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


@st.cache_resource(max_entries=32, ttl=3600, show_spinner=False)
def drawn(_run: recommend.Run, run_id: str, content: str) -> tuple[go.Figure, go.Figure]:
    return charts.whiskers(_run.leaderboard), charts.accuracy_and_coverage(_run.leaderboard)


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
    best, tested = board.finished[0].estimates, board.counts
    ndcg, hit = best["ndcg"], best["hit_rate"]
    cold = tested["viewers left out: no training history"]
    story.metrics(
        [
            Card(f"NDCG@{board.k}", f"{ndcg.value:.4f}", define("NDCG"), interval(ndcg.low, ndcg.high, digits=4)),
            Card(
                f"Hit rate@{board.k}", share(hit.value), define("hit rate"), interval(hit.low, hit.high, percent=True)
            ),
            Card("Viewers tested", count(tested["viewers tested"]), define("viewer"), f"{cold:,} new ones left out"),
            Card(
                "Out of reach", share(board.unlearnable_share),
                "Share of the titles to find that nobody had watched in training, so that no list could hold them.",
            ),
        ]
    )  # fmt: skip
    whiskers, variety = drawn(run, run.id, board.dataset_hash)
    story.chart(whiskers, key="recommend_whiskers", alt=board.summary())
    story.chart(variety, key="recommend_variety", alt=variety.layout.meta["title"])
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
has_run = recommend.newest_run(state.workspace(), dataset) is not None
training_form(dataset, expanded=not has_run)
working = jobs.panel(KIND, dataset_hash=dataset.content_hash)
if not has_run and not working:
    story.empty("No model has been trained on this dataset yet.", "Press “Train and compare”; it takes a minute.")
run = choose_run(dataset) if has_run else None
if run is not None:
    show(run)
    story.explain(MEANS, COMPUTED)
    with st.expander("This run as Python code", icon=":material/code:"):
        st.code(run.leaderboard.recipe(), language="python")
    story.end(run.to_frame())
