"""Words and numbers as the pages show them."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|$~<>:])")


def escape(text: object) -> str:
    r"""Text from data made safe for Markdown: nothing in it becomes a heading, a link, an icon or a formula.

    >>> print(escape("[x](http://y) $a$"))
    \[x\]\(http\://y\) \$a\$
    """
    return _SPECIAL.sub(r"\\\1", together(str(text).replace("\n", " ")))


def together(text: str) -> str:
    """A number and its percent sign kept on one line.

    >>> together("39.1 % of plays").split(" ")[1:]
    ['of', 'plays']
    """
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def count(value: float) -> str:
    """A count that fits on a card.

    >>> count(812), count(64_250), count(1_204_000)
    ('812', '64,250', '1.2 M')
    """
    if abs(value) >= 1e9:
        return f"{value / 1e9:,.1f} bn"
    return f"{value / 1e6:,.1f} M" if abs(value) >= 1e6 else f"{value:,.0f}"


def share(value: float, digits: int = 1) -> str:
    """A share as a percentage.

    >>> share(0.391)
    '39.1 %'
    """
    return f"{value * 100:.{digits}f} %"


def interval(low: float, high: float, *, percent: bool = False, digits: int = 1) -> str:
    """An interval in words.

    >>> interval(0.384, 0.398, percent=True)
    '38.4 % to 39.8 %'
    """
    if percent:
        return f"{share(low, digits)} to {share(high, digits)}"
    return f"{low:,.{digits}f} to {high:,.{digits}f}"
