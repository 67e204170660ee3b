"""How the room writes numbers: signs, percentages, p-values, and how sure a word may be."""

from __future__ import annotations

import math


def number(value: float, digits: int = 3) -> str:
    """A number with about `digits` figures that matter.

    >>> number(1234.567), number(0.012345), number(12.0), number(float("nan"))
    ('1,235', '0.0123', '12', 'unknown')
    """
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    places = min(12, max(0, digits - 1 - math.floor(math.log10(abs(value)))))
    text = f"{abs(value):,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"−{text}" if value < 0 else text


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign.

    >>> signed(0.5), signed(-0.25), signed(0.0)
    ('+0.5', '−0.25', '0')
    """
    text = number(value, digits)
    return text if value <= 0 or math.isnan(value) else f"+{text}"


def percent(value: float, sign: bool = True) -> str:
    """A share as a percentage, by default with its sign.

    >>> percent(0.0312), percent(-0.5), percent(0.2, sign=False)
    ('+3.1 %', '−50 %', '20 %')
    """
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return f"{number(value)} %"
    size = abs(100 * value)
    places = 2 if size < 1 else 1 if size < 10 else 0
    text = f"{size:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    if text == "0":
        return "0 %"
    return f"{'−' if value < 0 else '+' if sign else ''}{text} %"


def p_value(p: float) -> str:
    """A p-value in words; below one in a thousand only that is said.

    >>> p_value(0.0123), p_value(1e-9), p_value(0.5)
    ('p = .012', 'p < .001', 'p = .50')
    """
    if math.isnan(p):
        return "p unknown"
    if p < 0.001:
        return "p < .001"
    if p > 0.995:
        return "p > .99"
    return f"p = {p:.{3 if p < 0.1 else 2}f}".replace("0.", ".")


def level(confidence: float) -> str:
    """A confidence level.

    >>> level(0.95), level(0.999)
    ('95 %', '99.9 %')
    """
    return f"{100 * confidence:.4g} %"


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "unit"), plural(1200, "unit")
    ('1 unit', '1,200 units')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
