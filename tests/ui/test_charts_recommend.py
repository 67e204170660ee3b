"""Charts of the recommenders and the posters, drawn from results with known numbers."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.recommend import METRICS, Comparison, Entry, Estimate, Leaderboard, SegmentScore
from ui import posters
from ui.charts import recommend as charts


def entry(model: str, ndcg: float, coverage: float, error: str = "") -> Entry:
    estimates = {
        "ndcg": Estimate(ndcg, ndcg - 0.01, ndcg + 0.02),
        "coverage": Estimate(coverage),
    }
    return Entry(model, model.upper(), {}, 0, {} if error else estimates, 1.0, 1.0, error)


@pytest.fixture
def board() -> Leaderboard:
    pair = Comparison("als", "knn", "ndcg", 0.1, 0.05, 0.15, 0.4, 0.001, 0.002)
    return Leaderboard(
        dataset="d",
        dataset_folder="d",
        dataset_hash="h",
        signal="views",
        share=0.2,
        split_at="2026-01-01T00:00:00",
        k=7,
        seed=0,
        entries=(entry("als", 0.3, 0.1), entry("knn", 0.2, 0.5), entry("bad", 0, 0, error="It broke.")),
        comparisons=(pair,),
        counts={"viewers tested": 1234},
        unlearnable_share=0.1,
        made_at="2026-02-01T00:00:00",
    )


def test_whiskers_show_each_models_value_and_interval(board: Leaderboard) -> None:
    figure = charts.whiskers(board)
    drawn = {trace.y[0]: trace for trace in figure.data}
    assert list(drawn) == ["KNN", "ALS"]
    assert drawn["ALS"].x[0] == 0.3
    assert drawn["ALS"].error_x.array[0] == pytest.approx(0.02)
    assert drawn["ALS"].error_x.arrayminus[0] == pytest.approx(0.01)
    assert drawn["ALS"].marker.color != drawn["KNN"].marker.color
    assert figure.layout.meta["title"] == "ALS is ahead of KNN"
    assert "1,234 viewers" in figure.layout.meta["subtitle"]
    assert figure.layout.xaxis.title.text == "NDCG@7"


def test_the_title_does_not_claim_what_is_not_known(board: Leaderboard) -> None:
    unsure = dataclasses.replace(board, comparisons=(dataclasses.replace(board.comparisons[0], p_holm=0.3),))
    assert charts.whiskers(unsure).layout.meta["title"] == "ALS and KNN can't be told apart"
    alone = dataclasses.replace(board, entries=board.entries[:1], comparisons=())
    assert "nothing to be compared with" in charts.whiskers(alone).layout.meta["title"]
    none = dataclasses.replace(board, entries=board.entries[2:], comparisons=())
    assert len(charts.whiskers(none).data) == 0
    assert charts.trade_off(none).layout.meta["title"] == "No model could be evaluated"


def test_variety_is_drawn_where_it_is(board: Leaderboard) -> None:
    figure = charts.trade_off(board)
    assert list(figure.data[0].x) == [0.3, 0.2]
    assert list(figure.data[0].y) == [0.1, 0.5]
    assert figure.layout.meta["title"] == "ALS is the most accurate, KNN has the highest coverage@7: 50 %"


def test_the_matrix_shows_each_pair_both_ways(board: Leaderboard) -> None:
    figure = charts.pair_matrix(board)
    assert list(figure.data[0].x) == list(figure.data[0].y) == ["ALS", "KNN"]
    assert [list(row) for row in figure.data[0].z] == [[None, 0.1], [-0.1, None]]
    assert [list(row) for row in figure.data[0].text] == [["", "+10"], ["−10", ""]]
    assert figure.layout.meta["title"] == "All 1 pairs of models can be told apart"
    unsure = dataclasses.replace(board, comparisons=(dataclasses.replace(board.comparisons[0], p_holm=0.3),))
    assert charts.pair_matrix(unsure).data[0].text[0][1] == "≈"
    assert charts.pair_matrix(unsure).layout.meta["title"] == "1 of 1 pairs of models can't be told apart"
    alone = dataclasses.replace(board, comparisons=(), entries=board.entries[:1])
    assert charts.pair_matrix(alone).layout.meta["title"] == "There is nothing to compare"


def test_segments_have_a_panel_a_model_on_one_scale(board: Leaderboard) -> None:
    scores = tuple(
        SegmentScore("device", name, model, 40, value, value - 0.05, value + 0.1)
        for name, value in (("tv", 0.2), ("<phone>", 0.3))
        for model in ("als", "knn")
    )
    cut = dataclasses.replace(board, segments=(*scores, SegmentScore("country", "DE", "als", 50, 0.9, 0.8, 1.0)))
    figure = charts.segments(cut, "device")
    assert [list(trace.y) for trace in figure.data] == [["tv", "‹phone›"]] * 2
    assert list(figure.data[0].x) == [0.2, 0.3]
    assert figure.data[0].error_x.arrayminus[0] == pytest.approx(0.05)
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range
    assert figure.layout.meta["title"] == "ALS does best for <phone> and worst for tv"
    assert charts.segments(board, "device").layout.meta["title"] == "No segment has enough viewers"


@pytest.mark.parametrize("against", ["diversity", "calibration", "personalization", "novelty"])
def test_accuracy_against_any_kind_of_variety(board: Leaderboard, against: str) -> None:
    entries = tuple(
        dataclasses.replace(one, estimates={**one.estimates, against: Estimate(value)})
        for one, value in zip(board.entries[:2], (0.7, 0.2), strict=True)
    )
    figure = charts.trade_off(dataclasses.replace(board, entries=entries), against)
    assert list(figure.data[0].y) == [0.7, 0.2]
    leader = "KNN" if METRICS[against].better == "lower" else "ALS"
    assert leader in figure.layout.meta["title"].partition("most accurate")[2] or leader == "ALS"


def test_a_label_from_a_model_file_is_no_markup(board: Leaderboard) -> None:
    evil = dataclasses.replace(board.entries[0], label='<a href="x">click</a> and a name that goes on and on')
    assert "<" not in charts.short(evil)
    assert len(charts.short(evil)) <= charts.LABEL_CHARACTERS


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_a_label(metric: str) -> None:
    assert "@k" not in charts.label(metric, 5)


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(max_size=120),
    genre=st.text(max_size=40),
    note=st.sampled_from(["", "Watched", "<b>&"]),
    variant=st.integers(0, 20),
)
def test_a_poster_is_sound_whatever_the_title(name: str, genre: str, note: str, variant: int) -> None:
    svg = posters.poster(name, (genre,), note=note, variant=variant)
    root = ET.fromstring(svg)
    tags = {element.tag.split("}")[1] for element in root.iter()}
    assert tags <= {
        *("svg", "rect", "clipPath", "g", "text", "circle", "ellipse", "line", "path", "linearGradient", "stop")
    }
    assert not any(attribute.startswith("on") for element in root.iter() for attribute in element.attrib)


def test_posters_of_titles_differ_and_of_one_title_do_not() -> None:
    names = [f"Title {i}" for i in range(200)]
    assert len({posters.poster(name, ("Drama",)) for name in names}) == 200
    assert posters.poster("A", ("Drama", "Crime")) == posters.poster("A", ["Drama", "Crime"], variant=0)
    assert posters.poster("A", ("Drama",)) != posters.poster("A", ("Drama",), note="Watched")


def test_the_artworks_of_a_title_differ_and_stress_what_they_show() -> None:
    pictures = [posters.poster("A", ("Drama", "Crime"), variant=variant) for variant in range(6)]
    assert len(set(pictures)) == 6
    for genre, picture in (("Drama", pictures[0]), ("Crime", pictures[1]), ("Drama", pictures[2])):
        assert f">{genre} · " in picture
        assert posters.scheme(genre)[0] in picture
    shown = posters.poster("A", ("Drama",), variant=1, shows="Crime")
    assert ">Crime · Drama<" in shown
    assert posters.scheme("Crime")[0] in shown


@pytest.mark.parametrize("genre", [*posters.HUES, "", *(f"Genre {n}" for n in range(40))])
def test_posters_can_be_read(genre: str) -> None:
    dark, _, light = posters.scheme(genre)
    assert contrast("#ffffff", dark) >= 7
    assert contrast(light, dark) >= 7


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, success criterion 1.4.3."""
    first, second = sorted((luminance(one), luminance(other)), reverse=True)
    return (first + 0.05) / (second + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
