"""A self-contained HTML report of what stands on a page: text, numbers, charts and tables, mailable as one file."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from ui.text import together

TABLE_ROWS = 200
"""Longer tables are cut in the report, which says so; the CSV has all rows."""


@dataclass(frozen=True)
class Text:
    """A paragraph, or with `level` a heading."""

    text: str
    level: int = 0


@dataclass(frozen=True)
class Numbers:
    """A row of cards: label and value each."""

    cards: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Chart:
    """A figure with the words that replace it for those who can't see it."""

    figure: go.Figure
    alt: str


@dataclass(frozen=True)
class Frame:
    """A table."""

    frame: pd.DataFrame


Block = Text | Numbers | Chart | Frame

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 "Source Sans 3", "Source Sans Pro", "Helvetica Neue", Arial, sans-serif; color: #17202a;
       background: #fff; max-width: 60rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 2rem; margin: 0 0 .25rem; } h2 { font-size: 1.35rem; margin: 2rem 0 .5rem; } h3 { font-size: 1.1rem; }
.from { color: #56606b; margin: 0 0 1.5rem; }
.cards { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; }
.card { border: 1px solid #d7dce2; border-radius: .6rem; padding: .7rem 1rem; flex: 1 1 9rem; }
.card b { display: block; font-size: 1.5rem; font-weight: 600; } .card span { color: #56606b; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; margin: .75rem 0; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid #e3e7ec; text-align: left; white-space: nowrap; }
th { color: #56606b; font-weight: 600; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; }
"""


def to_html(title: str, origin: str, blocks: Sequence[Block]) -> str:
    """The report as one HTML document that needs nothing from the network.

    >>> page = to_html("Findings <1>", "Sample", [Text("All is well.")])
    >>> "Findings &lt;1&gt;" in page and "All is well." in page
    True
    """
    body: list[str] = []
    script = True
    for block in blocks:
        if isinstance(block, Chart):
            body.append(_chart(block, script))
            script = False
        else:
            body.append(_words(block))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f'<body><main><h1>{html.escape(title)}</h1><p class="from">{html.escape(origin)}</p>'
        f"{''.join(body)}</main></body></html>\n"
    )


def _chart(block: Chart, with_script: bool) -> str:
    figure = go.Figure(block.figure)  # a copy: the original may be on other screens
    title, subtitle = figure.layout.meta["title"], figure.layout.meta["subtitle"]
    figure.update_layout(meta=None, paper_bgcolor="white", plot_bgcolor="white", font={"color": "#17202a"})
    drawn = pio.to_html(
        figure,
        full_html=False,
        include_plotlyjs="inline" if with_script else False,
        config={"displaylogo": False, "responsive": True},
    )
    return (
        f"<h2>{html.escape(title)}</h2><p class='from'>{html.escape(subtitle)}</p>"
        f'<figure role="img" aria-label="{html.escape(block.alt, quote=True)}">{drawn}</figure>'
    )


def _words(block: Text | Numbers | Frame) -> str:
    if isinstance(block, Text):
        tag = f"h{block.level}" if block.level else "p"
        return f"<{tag}>{html.escape(together(block.text))}</{tag}>"
    if isinstance(block, Numbers):
        cards = (
            f'<div class="card"><span>{html.escape(label)}</span><b>{html.escape(value)}</b></div>'
            for label, value in block.cards
        )
        return f'<div class="cards">{"".join(cards)}</div>'
    return _table(block.frame)


def _table(frame: pd.DataFrame) -> str:
    shown = frame.head(TABLE_ROWS)
    head = "".join(f"<th>{html.escape(str(column))}</th>" for column in shown.columns)
    rows = ("".join(_cell(value) for value in row) for row in shown.itertuples(index=False))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    cut = f"<p class='from'>The first {len(shown)} of {len(frame):,} rows.</p>" if len(frame) > len(shown) else ""
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{cut}'


def _cell(value: object) -> str:
    if isinstance(value, float):
        # Four digits are enough, but never an exponent where the number can be read without one.
        shown = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
        return f'<td class="n">{shown}</td>'
    if isinstance(value, int) and not isinstance(value, bool):
        return f'<td class="n">{value:,}</td>'
    return f"<td>{html.escape(str(value))}</td>"
