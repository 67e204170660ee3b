"""Posters for titles that have none: drawn from the title's name, genre and artwork variant, the same every time."""

from __future__ import annotations

import colorsys
import hashlib
import html
import math
import textwrap
from collections.abc import Sequence
from functools import lru_cache

WIDTH, HEIGHT = 200, 300

HUES: dict[str, int] = {
    "Action": 8, "Adventure": 32, "Animation": 190, "Anime": 320, "Biography": 48, "Comedy": 44, "Crime": 222,
    "Documentary": 150, "Drama": 262, "Family": 172, "Fantasy": 285, "Film-Noir": 210, "History": 24, "Horror": 352,
    "Kids": 180, "Music": 305, "Musical": 312, "Mystery": 240, "Reality": 90, "Romance": 338, "Sci-Fi": 202,
    "Science fiction": 202, "Short": 70, "Sport": 118, "Talk-Show": 60, "Thriller": 230, "War": 80, "Western": 28,
}  # fmt: skip
"""Hue of common genres, in degrees; those that are watched most lie apart. Other genres get one by their name."""

MARGIN = 8
"""Empty space around a poster, so that posters in a row do not touch."""

_WIDE, _NARROW, _LINES = 13, 16, 5
"""Characters of a line in large and in small letters, and the most lines."""

_FOOT = 20
"""Characters of the line of genres."""


def poster(name: str, genres: Sequence[str] = (), *, variant: int = 0, shows: str = "", note: str = "") -> str:
    """A poster as an SVG document of 200 × 300.

    The genre that the artwork stresses chooses the colours, the name the arrangement, the variant another motif, so
    that titles of a genre look related and the variants of one title differ. Everything from data is escaped.

    >>> poster("Nightfall & Co", ("Drama",)) == poster("Nightfall & Co", ("Drama",))
    True
    >>> "<b>" in poster("<b>bold</b>")
    False

    Args:
        name: The title's name.
        genres: Its genres, the most fitting first.
        variant: Which of its artworks, from 0.
        shows: Genre that the artwork stresses; by default the variant's among the genres.
        note: A few words on a flag in the corner.
    """
    stressed = shows or (genres[variant % len(genres)] if genres else "")
    others = [genre for genre in genres if genre != stressed]
    both = " · ".join([stressed, *others[:1]])
    foot = (both if len(both) <= _FOOT else stressed) or "No genre"
    return _draw(_printable(name), _printable(stressed), _printable(foot), variant, _printable(note))


def scheme(genre: str) -> tuple[str, str, str]:
    """Dark, middle and light tone of a genre; white and the light tone can be read on the dark one.

    >>> scheme("Drama") == scheme("Drama") != scheme("Comedy")
    True
    """
    hue = HUES.get(genre, 360 * _numbers(f"genre {genre}")[0] // 256)
    return _tone(hue, 0.55, 0.13), _tone(hue + 6, 0.48, 0.34), _tone(hue + 20, 0.85, 0.82)


def _tone(hue: float, saturation: float, lightness: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(hue % 360 / 360, lightness, saturation)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


@lru_cache(maxsize=2048)
def _draw(name: str, genre: str, foot: str, variant: int, note: str) -> str:
    numbers = _numbers(f"name {name}") if not variant else _numbers(f"name {name} {variant}")
    dark, middle, light = scheme(genre)
    motif = _MOTIFS[(_numbers(f"name {name}")[31] + variant) % len(_MOTIFS)](numbers, middle, light)
    lines, size = _lines(name)
    top = HEIGHT - 54 - size * 1.12 * (len(lines) - 1)
    title = "".join(
        f'<text x="14" y="{top + i * size * 1.12:.0f}" font-size="{size}" font-weight="700" fill="#fff">'
        f"{html.escape(line)}</text>"
        for i, line in enumerate(lines)
    )
    below = f'<text x="14" y="{HEIGHT - 18}" font-size="17" fill="{light}">{html.escape(_cut(foot, _FOOT))}</text>'
    box = f"{-MARGIN} {-MARGIN} {WIDTH + 2 * MARGIN} {HEIGHT + 2 * MARGIN}"
    ground = top - size - 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="Helvetica, Arial, sans-serif">'
        f'<linearGradient id="s" x2="0" y2="1"><stop stop-color="{middle}" stop-opacity="0.75"/>'
        f'<stop offset="0.75" stop-color="{dark}"/></linearGradient>'
        f'<clipPath id="c"><rect width="{WIDTH}" height="{HEIGHT}" rx="10"/></clipPath>'
        f'<g clip-path="url(#c)"><rect width="{WIDTH}" height="{HEIGHT}" fill="{dark}"/>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#s)"/>{motif}'
        f'<rect y="{ground:.0f}" width="{WIDTH}" height="{HEIGHT}" fill="{dark}"/></g>'
        f"{title}{below}{_note(note, light, dark)}</svg>"
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
    lines, size = textwrap.wrap(name, _WIDE), 24
    if len(lines) > 3 or any(len(word) > _WIDE for word in name.split()):
        lines, size = textwrap.wrap(name, _NARROW), 19
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


def _mountains(n: bytes, middle: str, light: str) -> str:
    """Peaks with snow."""
    peaks = []
    for i in range(3):
        x, top, half = 20 + i * 70 + n[i] % 30, 60 + n[i + 4] % 60, 60 + n[i + 8] % 30
        cap = half * 26 / (300 - top)
        peaks.append(
            f'<path d="M{x - half} 300 L{x} {top} L{x + half} 300 Z" fill="{middle}" opacity="{0.7 + i * 0.15:.2f}"/>'
            f'<path d="M{x - cap:.0f} {top + 26} L{x} {top} L{x + cap:.0f} {top + 26} Z" fill="{light}"/>'
        )
    return "".join(peaks)


def _planet(n: bytes, middle: str, light: str) -> str:
    """A planet with a ring among stars."""
    x, y, r = 80 + n[0] % 40, 95 + n[1] % 30, 34 + n[2] % 20
    stars = "".join(
        f'<circle cx="{n[i + 3] * 200 // 256}" cy="{n[i + 12] * 200 // 256}" r="{1 + n[i] % 2}" fill="{light}"/>'
        for i in range(9)
    )
    return (
        f'{stars}<circle cx="{x}" cy="{y}" r="{r}" fill="{middle}"/>'
        f'<ellipse cx="{x}" cy="{y}" rx="{r * 1.7:.0f}" ry="{r * 0.34:.0f}" fill="none" stroke="{light}" '
        f'stroke-width="4" transform="rotate({-30 + n[29] % 60} {x} {y})"/>'
    )


def _portrait(n: bytes, middle: str, light: str) -> str:
    """Two people before a light."""
    x = 70 + n[0] % 60
    figures = []
    for i, place in enumerate((x - 34 - n[1] % 16, x + 34 + n[2] % 16)):
        head, top = 19 + n[3 + i] % 7, 92 + n[5 + i] % 30
        figures.append(
            f'<circle cx="{place}" cy="{top}" r="{head}" fill="{middle}"/>'
            f'<ellipse cx="{place}" cy="{top + 96}" rx="{head * 2}" ry="74" fill="{middle}"/>'
        )
    return f'<circle cx="{x}" cy="{96 + n[7] % 20}" r="{56 + n[8] % 18}" fill="{light}" opacity="0.8"/>' + "".join(
        figures
    )


_MOTIFS = (_circles, _stripes, _skyline, _rays, _waves, _tiles, _mountains, _planet, _portrait)
