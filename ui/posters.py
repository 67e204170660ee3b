"""Posters for titles that have none: drawn from the title's name and genre, the same picture every time."""

from __future__ import annotations

import hashlib
import html
import math
import textwrap
from collections.abc import Sequence
from functools import lru_cache

WIDTH, HEIGHT = 200, 300

SCHEMES: tuple[tuple[str, str, str], ...] = (
    ("#0b2545", "#13497b", "#8dc6ff"),
    ("#3b0d2e", "#7a1f4f", "#ffb3c7"),
    ("#10312b", "#1d5c4d", "#a5e3cf"),
    ("#40210f", "#86431c", "#ffc999"),
    ("#221a4c", "#45379b", "#c6bcff"),
    ("#3a3208", "#756414", "#f5e27a"),
    ("#152b3c", "#2f5876", "#b9def2"),
    ("#441414", "#8c2a2a", "#ffb9ad"),
)
"""Dark, middle and light tone. White text on the dark tone has a contrast of at least 7 to 1."""

MARGIN = 8
"""Empty space around a poster, so that posters in a row do not touch."""

_WIDE, _NARROW, _LINES = 13, 17, 5
"""Characters of a line in large and in small letters, and the most lines."""


def poster(name: str, genres: Sequence[str] = (), *, note: str = "") -> str:
    """A poster as an SVG document of 200 × 300.

    The first genre chooses the motif and the colours, the name its arrangement, so titles of a genre look related.
    Everything from data is escaped.

    >>> poster("Nightfall & Co", ("Drama",)) == poster("Nightfall & Co", ("Drama",))
    True
    >>> "<b>" in poster("<b>bold</b>")
    False
    """
    return _draw(_printable(name), _printable(genres[0]) if genres else "", _printable(note))


@lru_cache(maxsize=2048)
def _draw(name: str, genre: str, note: str) -> str:
    of_genre, of_name = _numbers(f"genre {genre}"), _numbers(f"name {name}")
    dark, middle, light = SCHEMES[of_genre[0] % len(SCHEMES)]
    motif = _MOTIFS[of_genre[1] % len(_MOTIFS)](of_name, middle, light)
    lines, size = _lines(name)
    top = HEIGHT - 52 - size * 1.15 * (len(lines) - 1)
    title = "".join(
        f'<text x="14" y="{top + i * size * 1.15:.0f}" font-size="{size}" font-weight="700" fill="#fff">'
        f"{html.escape(line)}</text>"
        for i, line in enumerate(lines)
    )
    foot = (
        f'<text x="14" y="{HEIGHT - 18}" font-size="16" fill="#fff">{html.escape(_cut(genre or "No genre", 20))}</text>'
    )
    box = f"{-MARGIN} {-MARGIN} {WIDTH + 2 * MARGIN} {HEIGHT + 2 * MARGIN}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="Helvetica, Arial, sans-serif">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="{dark}"/>'
        f'<clipPath id="c"><rect width="{WIDTH}" height="{HEIGHT}" rx="10"/></clipPath>'
        f'<g clip-path="url(#c)">{motif}'
        f'<rect y="{top - size - 14:.0f}" width="{WIDTH}" height="{HEIGHT}" fill="{dark}"/></g>'
        f"{title}{foot}{_note(note, light, dark)}</svg>"
    )


def _note(note: str, light: str, dark: str) -> str:
    """A small flag in the upper corner, such as "Watched"."""
    if not note:
        return ""
    width = 20 + 9 * len(note)
    return (
        f'<rect x="{WIDTH - width - 8:.0f}" y="8" width="{width:.0f}" height="28" rx="14" fill="{light}"/>'
        f'<text x="{WIDTH - width / 2 - 8:.0f}" y="28" font-size="16" font-weight="700" text-anchor="middle" '
        f'fill="{dark}">{html.escape(note)}</text>'
    )


def _lines(name: str) -> tuple[list[str], int]:
    """The name broken into lines, and the size of its letters: smaller where it is long."""
    lines, size = textwrap.wrap(name, _WIDE), 23
    if len(lines) > 3 or any(len(word) > _WIDE for word in name.split()):
        lines, size = textwrap.wrap(name, _NARROW), 18
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], _cut(lines[_LINES - 1] + "…", _NARROW)]
    return lines or ["Untitled"], size


def _printable(text: str) -> str:
    """Without what XML can't hold, such as control characters."""
    return "".join(character if character.isprintable() else " " for character in text)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _numbers(text: str) -> bytes:
    """Thirty-two fixed numbers from 0 to 255 for a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _circles(n: bytes, middle: str, light: str) -> str:
    """A moon behind hills."""
    x, y, r = 40 + n[0] % 120, 50 + n[1] % 50, 26 + n[2] % 22
    hill = 150 + n[3] % 30
    return (
        f'<circle cx="{x}" cy="{y}" r="{r}" fill="{light}"/>'
        f'<ellipse cx="{n[4] % 120}" cy="{hill + 60}" rx="{120 + n[5] % 40}" ry="80" fill="{middle}"/>'
        f'<ellipse cx="{120 + n[6] % 80}" cy="{hill + 80}" rx="110" ry="80" fill="{middle}" opacity="0.7"/>'
    )


def _stripes(n: bytes, middle: str, light: str) -> str:
    """Slanted light."""
    angle = -35 + n[0] % 70
    bars = "".join(
        f'<rect x="{-60 + i * 44 + n[i + 1] % 14}" y="-60" width="{8 + n[i + 9] % 20}" height="420" '
        f'fill="{light if i == n[20] % 7 else middle}"/>'
        for i in range(7)
    )
    return f'<g transform="rotate({angle} 100 150)">{bars}</g>'


def _skyline(n: bytes, middle: str, light: str) -> str:
    """A town with one lit window."""
    houses = []
    for i in range(8):
        height = 50 + n[i] % 110
        houses.append(f'<rect x="{i * 25}" y="{220 - height}" width="24" height="{height + 90}" fill="{middle}"/>')
    lit = n[8] % 8
    top = 220 - (50 + n[lit] % 110)
    return "".join(houses) + f'<rect x="{lit * 25 + 8}" y="{top + 14}" width="8" height="11" fill="{light}"/>'


def _rays(n: bytes, middle: str, light: str) -> str:
    """A sun with rays."""
    x, y, count = 60 + n[0] % 80, 70 + n[1] % 40, 9 + n[2] % 8
    rays = "".join(
        f'<line x1="{x}" y1="{y}" x2="{x + 240 * math.cos(2 * math.pi * i / count):.0f}" '
        f'y2="{y + 240 * math.sin(2 * math.pi * i / count):.0f}" stroke="{middle}" stroke-width="{5 + n[3] % 8}"/>'
        for i in range(count)
    )
    return f'{rays}<circle cx="{x}" cy="{y}" r="{22 + n[4] % 16}" fill="{light}"/>'


def _waves(n: bytes, middle: str, light: str) -> str:
    """A sea under a small light."""
    waves = []
    for i in range(5):
        y, lift = 80 + i * 28, 10 + n[i] % 22
        path = f"M0 {y} Q50 {y - lift} 100 {y} T200 {y} V320 H0 Z"
        waves.append(f'<path d="{path}" fill="{middle}" opacity="{0.35 + i * 0.15:.2f}"/>')
    return f'<circle cx="{30 + n[6] % 140}" cy="{32 + n[7] % 24}" r="{9 + n[8] % 10}" fill="{light}"/>{"".join(waves)}'


def _tiles(n: bytes, middle: str, light: str) -> str:
    """A mosaic."""
    tiles = []
    for i in range(20):
        fill = light if i == n[31] % 20 else middle
        x, y = (i % 4) * 50, (i // 4) * 44
        tiles.append(f'<rect x="{x + 4}" y="{y + 4}" width="42" height="36" rx="{n[i] % 18}" fill="{fill}"/>')
    return "".join(tiles)


_MOTIFS = (_circles, _stripes, _skyline, _rays, _waves, _tiles)
