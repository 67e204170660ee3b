"""Invented names that read like titles, each given once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from analysis.simulate import words
from analysis.simulate.keyed import Stream

_Pick = Callable[[Sequence[str]], str]

_COMMON = (
    "the_noun",
    "the_adjective_noun",
    "adjective_noun",
    "noun_of_abstract",
    "person",
    "place",
    "noun_and_abstract",
)
_SERIES = ("possessive", "pair", "place_noun", "the_adjective_noun", "plain_abstract_place", "the_family")


def title_name(stream: Stream, title: int, genre: str, kind: str, christmas: bool, taken: set[str]) -> str:
    """A name for the title that is not in `taken` (and is put there)."""
    shapes = (_COMMON, _COMMON + _SERIES)[kind == "series"]
    for attempt in range(10_000):
        luck = iter(stream.uniform(title, attempt, np.arange(8)).tolist())

        def pick(options: Sequence[str], luck: Iterator[float] = luck) -> str:
            return options[int(next(luck) * len(options))]

        name = _compose(pick(shapes), genre, pick)
        if christmas:
            name = pick(
                (f"Christmas in {pick(words.PLACES)}", f"A {name.removeprefix('The ')} Christmas", f"{name} Noel")
            )
        if name not in taken:
            taken.add(name)
            return name
    raise AssertionError("the word lists make far more names than there may be titles")


def _compose(shape: str, genre: str, pick: _Pick) -> str:
    noun, adjective = pick(words.NOUNS[genre]), pick(words.ADJECTIVES[genre])
    if shape == "the_noun":
        return f"The {noun} of {pick(words.PLACES)}"
    if shape == "the_adjective_noun":
        return f"The {adjective} {noun}"
    if shape == "adjective_noun":
        return f"{adjective} {noun}"
    if shape == "noun_of_abstract":
        return f"{noun} of {pick(words.ABSTRACTS)}"
    if shape == "person":
        return f"{pick(words.FIRST_NAMES)} and the {noun}"
    if shape == "place":
        return f"{adjective} {noun} in {pick(words.PLACES)}"
    if shape == "noun_and_abstract":
        return f"{pick(words.ABSTRACTS)} and {pick(words.ABSTRACTS)}"
    if shape == "possessive":
        owner = pick(words.FIRST_NAMES)
        return f"{owner}{'’' if owner.endswith('s') else '’s'} {noun}"
    if shape == "pair":
        return f"{pick(words.LAST_NAMES)} & {pick(words.LAST_NAMES)}"
    if shape == "place_noun":
        return f"{pick(words.PLACES)} {noun}"
    if shape == "the_family":
        return f"The {pick(words.LAST_NAMES)} {noun}"
    return f"{pick(words.ABSTRACTS)} over {pick(words.PLACES)}"


def people(stream: Stream, count: int) -> list[str]:
    """`count` different names of people."""
    grid = len(words.FIRST_NAMES) * len(words.LAST_NAMES)
    order = np.argsort(stream.keys(np.arange(grid), 40), kind="stable")[:count]
    return [
        f"{words.FIRST_NAMES[i % len(words.FIRST_NAMES)]} {words.LAST_NAMES[i // len(words.FIRST_NAMES)]}"
        for i in order.tolist()
    ]


def query_variants(name: str, person: str, genre: str, luck: Sequence[float]) -> tuple[str, ...]:
    """Eight things people type who look for this title: whole, begun, one word, mistyped, a person, a genre."""
    low = name.lower().replace("’", "")
    parts = [part for part in low.split() if part not in ("the", "a", "of", "and", "in", "over", "&")] or [low]
    longest = max(parts, key=len)
    begun = low[: max(3, int(len(low) * (0.3 + 0.5 * luck[0])))].rstrip()
    return (
        low,
        begun,
        longest,
        " ".join(parts[:2]),
        _mistype(low, luck[1], luck[2]),
        _mistype(longest, luck[3], luck[4]),
        person.lower() if luck[5] < 0.5 else person.lower().split()[-1],
        genre.lower(),
    )


def _mistype(text: str, where: float, how: float) -> str:
    """One slip: two letters swapped, one left out, or one doubled."""
    at = 1 + int(where * max(1, len(text) - 2))
    if how < 0.4 and at + 1 < len(text):
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if how < 0.75:
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at - 1] + text[at:]
