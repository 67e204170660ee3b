"""The HTML report stands alone, shows what it is given, and lets no data become markup."""

import re

import pandas as pd

from ui import report
from ui.charts import theme

EVIL = '<script>alert("x")</script>'


def test_report_needs_nothing_from_the_network() -> None:
    figure = theme.figure("A finding", subtitle="Local time").add_bar(x=["a"], y=[1])
    page = report.to_html("Title", "Origin", [report.Chart(figure, "A bar"), report.Chart(figure, "Again")])
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"']?http", page)
    assert page.count("A finding") == 2
    # The library is inlined once, not once a chart: it is almost five megabytes.
    assert 4_000_000 < len(page) < 7_000_000


def test_data_never_becomes_markup() -> None:
    figure = theme.figure(EVIL).add_bar(x=[EVIL], y=[1])
    blocks = [
        report.Text(EVIL),
        report.Text(EVIL, level=2),
        report.Numbers(((EVIL, EVIL),)),
        report.Frame(pd.DataFrame({EVIL: [EVIL]})),
        report.Chart(figure, EVIL),
    ]
    page = report.to_html(EVIL, EVIL, blocks)
    assert EVIL not in page
    assert page.count("&lt;script&gt;") >= 8


def test_long_tables_are_cut_and_say_so() -> None:
    page = report.to_html("T", "O", [report.Frame(pd.DataFrame({"n": range(report.TABLE_ROWS + 5)}))])
    assert f"The first {report.TABLE_ROWS} of {report.TABLE_ROWS + 5} rows" in page
    assert page.count("<tr>") == report.TABLE_ROWS + 1


def test_numbers_in_tables_are_aligned_and_readable() -> None:
    page = report.to_html("T", "O", [report.Frame(pd.DataFrame({"n": [1234567], "x": [0.123456], "w": ["word"]}))])
    large = report.to_html("T", "O", [report.Frame(pd.DataFrame({"x": [121300.4, -1e6]}))])
    assert '<td class="n">1,234,567</td>' in page
    assert '<td class="n">0.1235</td>' in page
    assert "<td>word</td>" in page
    assert '<td class="n">121,300</td>' in large
    assert '<td class="n">-1,000,000</td>' in large
