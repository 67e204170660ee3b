"""Charts of tuning and of learning curves: what was tried, what it is worth on the test, how much history it takes."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from analysis.recommend import LearningCurve, Trial, TunedModel, Tuning, goal_label
from ui.charts import theme
from ui.charts.recommend import LABEL_CHARACTERS, ROW, plain_text

WIDE = 20
"""Ratio of largest to smallest value of a parameter from which on its axis is logarithmic."""

DASHES = ("solid", "dash", "dot")


def gains(tuning: Tuning) -> go.Figure:
    """Each tuned model's gain: hollow on the validation period, filled and with its interval on the test period."""
    shown = [one for one in tuning.models if one.gain is not None]
    shown.sort(key=lambda one: one.sign * one.gain.difference if one.gain else 0.0)
    sign = shown[0].sign if shown else 1
    figure = theme.figure(
        _flattered(shown),
        subtitle=f"Change of {tuning.goal_label} from default to tuned settings. Hollow: on the validation period, "
        "where the settings were chosen, so it flatters. Filled: on the test period, with its 95 % interval over "
        f"{tuning.counts['test viewers']:,} viewers.",
        height=130 + ROW * max(len(shown), 2),
    )
    names = [_short(one.label) for one in shown]
    figure.add_scatter(
        x=[one.validation_gain for one in shown],
        y=names,
        mode="markers",
        name="Validation period",
        marker={"size": 13, "symbol": "circle-open", "color": theme.UNSURE, "line": {"width": 2}},
        hovertemplate="%{y}: %{x:+.4f} on the validation period<extra></extra>",
    )
    pairs = [one.gain for one in shown if one.gain is not None]
    for verdict, words in (("better", "Test period: better"), ("worse", "worse"), ("unsure", "can't be told")):
        these = [
            (name, pair)
            for name, pair in zip(names, pairs, strict=True)
            if verdict == (("better" if sign * pair.difference > 0 else "worse") if pair.told_apart else "unsure")
        ]
        if not these:
            continue
        figure.add_scatter(
            x=[pair.difference for _, pair in these],
            y=[name for name, _ in these],
            error_x=theme.whiskers(
                [pair.low for _, pair in these],
                [pair.difference for _, pair in these],
                [pair.high for _, pair in these],
            ),
            mode="markers",
            name=words if words.startswith("Test") else f"Test period: {words}",
            marker={"size": 12, "color": {"better": theme.BETTER, "worse": theme.WORSE}.get(verdict, theme.UNSURE)},
            customdata=[[pair.low, pair.high] for _, pair in these],
            hovertemplate="%{y}: %{x:+.4f} on the test period<br>95 % interval %{customdata[0]:+.4f} to "
            "%{customdata[1]:+.4f}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": theme.UNSURE, "width": 1})
    figure.update_xaxes(title=f"Change of {tuning.goal_label}", tickformat="+.3~f")
    figure.update_yaxes(type="category", showgrid=True, categoryorder="array", categoryarray=names)
    return figure


def history(one: TunedModel, k: int) -> go.Figure:
    """Trial against its value on the validation period, the best so far, and the line of the defaults."""
    figure = theme.figure(
        _found(one),
        subtitle=f"{goal_label(one.goal, k)} on the validation period, trial by trial; trial 0 is the default "
        "settings. A value here is what the search saw, and no result: that is the test period's.",
    )
    done = [trial for trial in one.trials if trial.state == "done"]
    if not done:
        return figure
    low, high = min(trial.value for trial in done), max(trial.value for trial in done)
    floor = low - 0.12 * ((high - low) or 0.1 * high or 0.1)
    best = -math.inf
    steps = []
    for trial in one.trials:
        best = max(best, one.sign * trial.value) if trial.state == "done" else best
        steps.append(one.sign * best if best > -math.inf else None)
    figure.add_scatter(
        x=[trial.number for trial in one.trials], y=steps, mode="lines", name="Best so far",
        line={"shape": "hv", "color": theme.BETTER, "width": 2}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=[trial.number for trial in done], y=[trial.value for trial in done], mode="markers", name="Tried",
        marker={"size": 9, "color": theme.UNSURE},
        customdata=[_setting(trial) for trial in done],
        hovertemplate="Trial %{x}: %{y:.4f}<br>%{customdata}<extra></extra>",
    )  # fmt: skip
    if one.default.state == "done":
        figure.add_hline(y=one.default.value, line={"color": theme.AMBER, "dash": "dash", "width": 2})
        # A line across the chart has no place in the legend; an empty trace gives it one.
        figure.add_scatter(
            x=[None], y=[None], mode="lines", name="Default settings", line={"color": theme.AMBER, "dash": "dash"}
        )
    for state, name, symbol, colour in (
        ("stopped", "Stopped early", "triangle-down-open", theme.UNSURE),
        ("failed", "Failed", "x", theme.WORSE),
    ):
        these = [trial for trial in one.trials if trial.state == state]
        if these:
            figure.add_scatter(
                x=[trial.number for trial in these], y=[floor] * len(these), mode="markers", name=name,
                marker={"size": 9, "symbol": symbol, "color": colour},
                customdata=[[_setting(trial), _why(trial)] for trial in these],
                hovertemplate="Trial %{x}: %{customdata[1]}<br>%{customdata[0]}<extra></extra>",
            )  # fmt: skip
    figure.update_xaxes(title="Trial", rangemode="tozero", tick0=0, dtick=math.ceil(len(one.trials) / 10))
    figure.update_yaxes(title=f"{goal_label(one.goal, k)}, validation")
    return figure


def settings(one: TunedModel, k: int) -> go.Figure:
    """What was tried of each parameter, and how that did on the validation period; a panel a parameter."""
    done = [trial for trial in one.trials if trial.state == "done"]
    names = [name for name in one.default.parameters if len({trial.parameters[name] for trial in done}) > 1]
    columns = 2 if len(names) == 4 else min(len(names), 3) or 1
    rows = math.ceil(len(names) / columns) or 1
    figure = theme.figure(
        f"Which settings of {one.label} did well",
        subtitle=f"Each dot is a finished trial; {'up' if one.sign > 0 else 'down'} is a better "
        f"{goal_label(one.goal, k)} on the validation period. The others vary too, so a pattern here is a hint.",
        height=90 + 240 * rows,
    )
    figure.set_subplots(rows, columns, shared_yaxes=True, horizontal_spacing=0.04, vertical_spacing=0.28 / rows)
    marked = (
        ("Tried", [trial for trial in done if trial.number and trial is not one.best], theme.UNSURE, "circle"),
        ("Default", [trial for trial in done if not trial.number], theme.AMBER, "diamond"),
        ("Best", [one.best] if one.best and one.best.number else [], theme.BETTER, "star"),
    )
    for place, name in enumerate(names):
        row, column = place // columns + 1, place % columns + 1
        for label, trials, colour, symbol in marked:
            figure.add_scatter(
                x=[trial.parameters[name] for trial in trials],
                y=[trial.value for trial in trials],
                mode="markers",
                name=label,
                legendgroup=label,
                showlegend=place == 0 and bool(trials),
                marker={"size": 13 if label == "Best" else 9, "color": colour, "symbol": symbol},
                customdata=[_setting(trial) for trial in trials],
                hovertemplate="%{y:.4f}<br>%{customdata}<extra></extra>",
                row=row,
                col=column,
            )
        values = [trial.parameters[name] for trial in done]
        wide = min(values) > 0 and max(values) / min(values) > WIDE
        figure.update_xaxes(title=name.replace("_", " "), type="log" if wide else "linear", row=row, col=column)
        if wide:
            figure.update_xaxes(dtick=1, exponentformat="none", tickformat="~g", row=row, col=column)
    figure.update_yaxes(title=goal_label(one.goal, k), col=1)
    return figure


def setbacks(one: TunedModel, k: int) -> go.Figure:
    """What is lost when one tuned parameter alone goes back to its default."""
    shown = sorted(one.setbacks, key=lambda back: back.loss)
    names = [f"{back.parameter.replace('_', ' ')}: {back.tuned:g} → {back.default:g}" for back in shown]
    figure = theme.figure(
        _matters(one),
        subtitle="From the best setting, one parameter alone is put back to its default: how much worse "
        f"{goal_label(one.goal, k)} becomes on the validation period, with its 95 % interval over viewers. Parameters "
        "work together, so the losses don't add up.",
        height=110 + ROW * max(len(shown), 2),
    )
    # A trace a colour: bars take the colour of their trace, not of their marker.
    for colour in (theme.BETTER, theme.WORSE, theme.UNSURE):
        these = [
            (name, back)
            for name, back in zip(names, shown, strict=True)
            if theme.direction(back.low, back.high) == colour
        ]
        figure.add_scatter(
            x=[back.loss for _, back in these],
            y=[name for name, _ in these],
            error_x=theme.whiskers(
                [back.low for _, back in these], [back.loss for _, back in these], [back.high for _, back in these]
            ),
            mode="markers",
            marker={"size": 12, "color": colour},
            customdata=[[back.low, back.high] for _, back in these],
            hovertemplate="%{y}: %{x:.4f}<br>95 % interval %{customdata[0]:.4f} to %{customdata[1]:.4f}<extra></extra>",
            showlegend=False,
        )
    figure.add_vline(x=0, line={"color": theme.UNSURE, "width": 1})
    figure.update_xaxes(title=f"Loss of {goal_label(one.goal, k)}")
    figure.update_yaxes(type="category", showgrid=True, categoryorder="array", categoryarray=names)
    return figure


def learning(curve: LearningCurve) -> go.Figure:
    """NDCG@k against days of history, or viewers learnt from, a line a model with 95 % intervals."""
    days = curve.by == "days"
    figure = theme.figure(
        _learnt(curve),
        subtitle=f"NDCG@{curve.k} on one and the same test: {curve.viewers:,} viewers, from {curve.split_at[:10]} on. "
        + ("Models learn from the last days before it only. " if days else "Models learn from more and more viewers. ")
        + "Bars are 95 % intervals.",
        height=440,
    )
    for place, name in enumerate(curve.names):
        points = curve.of(name)
        if not points:
            continue
        colour = theme.PALETTE[place % len(theme.PALETTE)]
        # A little to the side of each other, so that the bars of close models can be told apart.
        shift = 1 + 0.02 * (place - (len(curve.names) - 1) / 2)
        figure.add_scatter(
            x=[point.size * shift for point in points],
            y=[point.ndcg for point in points],
            error_y={**theme.whiskers(*zip(*[(p.low, p.ndcg, p.high) for p in points], strict=True)), "thickness": 1.5},
            mode="lines+markers",
            name=_short(points[0].label),
            line={"color": colour, "dash": DASHES[place // len(theme.PALETTE) % len(DASHES)], "width": 2.5},
            marker={"size": 8},
            customdata=[[point.size, point.low, point.high, point.interactions] for point in points],
            hovertemplate=f"%{{fullData.name}}, %{{customdata[0]:,}} {curve.by}: %{{y:.4f}}<br>95 % interval "
            f"%{{customdata[1]:.4f}} to %{{customdata[2]:.4f}}<br>%{{customdata[3]:,}} {curve.signal}<extra></extra>",
        )
    ticks = list(curve.sizes)
    title = "Days of history before the test" if days else "Viewers learnt from"
    figure.update_xaxes(title=title, type="log", tickvals=ticks, ticktext=[f"{size:,}" for size in ticks])
    figure.update_yaxes(title=f"NDCG@{curve.k}", rangemode="tozero")
    return figure


def _short(label: str) -> str:
    text = plain_text(label)
    return text if len(text) <= LABEL_CHARACTERS else text[: LABEL_CHARACTERS - 1] + "…"


def _setting(trial: Trial) -> str:
    return "<br>".join(
        f"{name} {value:g}" for name, value in trial.parameters.items() if isinstance(value, int | float)
    )


def _why(trial: Trial) -> str:
    if trial.state == "stopped":
        return f"stopped at {trial.early:.4f} on a quarter of the viewers"
    return plain_text(trial.error)[:120]


def _flattered(shown: list[TunedModel]) -> str:
    """How much of the gains on validation is there on the test."""
    if not shown:
        return "No model did better than its defaults on the validation period"
    kept = sum(one.gain is not None and one.sign * (one.gain.difference - one.validation_gain) >= 0 for one in shown)
    if len(shown) == 1:
        one = shown[0]
        assert one.gain is not None
        more = "more" if one.sign * (one.gain.difference - one.validation_gain) >= 0 else "less"
        return f"{one.label} gains {more} on the test period than on the validation period"
    return f"{len(shown) - kept} of {len(shown)} models gain less on the test period than where they were tuned"


def _found(one: TunedModel) -> str:
    best = one.best
    if best is None:
        return f"No trial of {one.label} came to an end"
    if not one.changed:
        return f"None of {len(one.trials) - 1} other settings of {one.label} beat its defaults on validation"
    return f"{one.label}: trial {best.number} of {len(one.trials) - 1} did best on validation"


def _matters(one: TunedModel) -> str:
    sure = [back for back in one.setbacks if back.low > 0]
    if not sure:
        return f"Of {one.label}, no parameter alone can be said to matter"
    named = " and ".join(back.parameter.replace("_", " ") for back in sure[:2])
    return f"Of {one.label}, {named} {'matters' if len(sure) == 1 else 'matter'} most"


def _learnt(curve: LearningCurve) -> str:
    best = curve.leader
    if best is None:
        return "The curve so far" if not curve.complete else "No model could learn"
    falling = curve.better_with_less()
    if falling:
        labels = {point.model: point.label for point in curve.points}
        worse = [labels[pair.first] for pair in curve.doublings if pair.told_apart and pair.difference < 0]
        named = worse[0] if len(worse) == 1 else f"{len(worse)} of {len(curve.names)} models"
        does = "does" if len(worse) == 1 else "do"
        return f"{named} {does} better with half of {'the history' if curve.by == 'days' else 'the viewers'}"
    amount = "the whole history" if curve.by == "days" else "all viewers"
    return f"{best.label} leads with {amount}"
