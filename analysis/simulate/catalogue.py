"""The titles: what they are about, who is in them, how appealing and how good they are, and when they came out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.simulate import languages, words
from analysis.simulate.clock import GENRES, release_weights
from analysis.simulate.config import SimulationConfig
from analysis.simulate.keyed import Flags, Floats, Ints, Stream, cumulate, ticks
from analysis.simulate.names import people, query_variants, title_name

LATENT = 6
"""Dimensions of taste beyond genres, caused by concepts and people."""

ARTWORKS = 3
"""Artwork variants a title has; each stresses another genre."""

_SHARES = (0.21, 0.17, 0.10, 0.09, 0.09, 0.08, 0.06, 0.06, 0.07, 0.03, 0.02, 0.02)
_SECOND: dict[str, tuple[str, ...]] = {
    "Drama": ("Romance", "Crime", "Family", "Thriller"),
    "Comedy": ("Romance", "Family", "Drama", "Action"),
    "Thriller": ("Crime", "Drama", "Horror", "Action"),
    "Crime": ("Drama", "Thriller", "Documentary"),
    "Action": ("Thriller", "Science fiction", "Comedy"),
    "Romance": ("Comedy", "Drama"),
    "Science fiction": ("Action", "Drama", "Thriller"),
    "Horror": ("Thriller", "Science fiction"),
    "Documentary": ("Crime", "Family", "Drama"),
    "Family": ("Animation", "Comedy"),
    "Animation": ("Family", "Comedy", "Science fiction"),
    "Reality": ("Comedy", "Documentary"),
}
# Share of series and running time (minutes of a film, of an episode) by genre.
_SERIES = (0.45, 0.5, 0.4, 0.55, 0.3, 0.25, 0.45, 0.25, 0.45, 0.35, 0.5, 1.0)
_FILM_MINUTES = (118, 101, 108, 112, 116, 104, 119, 97, 92, 96, 93, 90)
_EPISODE_MINUTES = (48, 27, 46, 47, 44, 42, 48, 44, 46, 25, 24, 41)


@dataclass(frozen=True)
class Catalogue:
    """Titles as arrays; row i is the title with `title_id` i + 1.

    Attributes:
        names: Name of each title.
        genres: Its genres, most fitting first.
        genre_weights: Weight of each genre in it, titles × genres, rows sum to 1.
        factors: What taste is multiplied with, titles × (genres + latent dimensions).
        appeal: How inviting it looks, ticks.
        quality: How good it is once watched, ticks; independent of appeal.
        artwork: How inviting each artwork variant is to everybody, titles × variants, ticks.
        shows: Genre that each artwork variant stresses, titles × variants; the first is the title's most fitting one.
        language: Row of `languages.LANGUAGES`.
        is_series: Whether it is a series.
        minutes: Running time of the film or of an episode.
        episodes: Number of episodes.
        released: Day of release, counted from the first simulated day (negative before).
        is_christmas: Whether it is about Christmas.
        links: Edges of the knowledge graph: title row, relation, entity.
        queries: Eight search queries for each title.
    """

    names: list[str]
    genres: list[list[str]]
    genre_weights: Floats
    factors: Floats
    appeal: Ints
    quality: Ints
    artwork: Ints
    shows: Ints
    language: Ints
    is_series: Flags
    minutes: Floats
    episodes: Ints
    released: Ints
    is_christmas: Flags
    links: list[tuple[int, str, str]]
    queries: list[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.names)


def make_catalogue(config: SimulationConfig, seed: int) -> Catalogue:
    """The catalogue of a simulated service."""
    titles = np.arange(config.titles)
    luck = Stream(seed, "catalogue")
    primary, weights, genres = _genres(luck, titles)
    is_series = luck.uniform(titles, 10) < np.array(_SERIES)[primary]
    seasonal = np.isin(primary, [GENRES.index(g) for g in ("Romance", "Family", "Comedy", "Animation")])
    is_christmas = ~is_series & seasonal & (luck.uniform(titles, 11) < 0.09)
    factors, links, leads = _knowledge(luck, primary, weights, genres, is_christmas)

    base = np.where(is_series, np.array(_EPISODE_MINUTES)[primary], np.array(_FILM_MINUTES)[primary])
    minutes = np.rint(base * np.exp(np.where(is_series, 0.14, 0.13) * luck.normal(titles, 12)))
    seasons = 1 + (luck.uniform(titles, 13) * luck.uniform(titles, 14) * 5).astype(int)
    per_season = 6 + (luck.uniform(titles, 15) * 5).astype(int)
    behaviour = config.behaviour
    taken: set[str] = set()
    naming = Stream(seed, "names")
    names = [
        title_name(naming, t, GENRES[primary[t]], "series" if is_series[t] else "film", bool(is_christmas[t]), taken)
        for t in titles.tolist()
    ]
    typing = Stream(seed, "queries").uniform(titles[:, None], np.arange(6)).tolist()
    return Catalogue(
        names=names,
        genres=genres,
        genre_weights=weights,
        factors=factors,
        appeal=ticks(behaviour.appeal_spread * luck.normal(titles, 16)),
        quality=ticks(behaviour.quality_spread * luck.normal(titles, 17)),
        artwork=ticks(behaviour.artwork_spread * luck.normal(titles[:, None], 18, np.arange(ARTWORKS))),
        shows=_shown_genres(luck, genres),
        language=np.searchsorted(languages.of_titles(), luck.uniform(titles, 19), side="right"),
        is_series=is_series,
        minutes=minutes,
        episodes=np.where(is_series, seasons * per_season, 1),
        released=_release_days(config, luck, primary, is_christmas),
        is_christmas=is_christmas,
        links=links,
        queries=[query_variants(names[t], leads[t], GENRES[primary[t]], typing[t]) for t in titles.tolist()],
    )


def _genres(luck: Stream, titles: Ints) -> tuple[npt.NDArray[np.int64], Floats, list[list[str]]]:
    """Primary genre, weights and names: one genre in four tenths of titles, two in most others, seldom three."""
    shares = cumulate(np.array([_SHARES]))
    primary = np.searchsorted(shares[0], luck.uniform(titles, 0), side="right")
    count = 1 + (luck.uniform(titles, 1) < 0.6) + (luck.uniform(titles, 2) < 0.12)
    weights = np.zeros((len(titles), len(GENRES)))
    genres: list[list[str]] = []
    draws = luck.uniform(titles[:, None], 3, np.arange(2))
    for title in titles.tolist():
        names = [GENRES[primary[title]]]
        for draw in draws[title, : count[title] - 1].tolist():
            options = [genre for genre in _SECOND[names[0]] if genre not in names]
            names.append(options[int(draw * len(options))])
        share = {1: (1.0,), 2: (0.65, 0.35), 3: (0.55, 0.27, 0.18)}[len(names)]
        for genre, part in zip(names, share, strict=True):
            weights[title, GENRES.index(genre)] = part
        genres.append(names)
    return primary, weights, genres


def _shown_genres(luck: Stream, genres: list[list[str]]) -> Ints:
    """What each artwork stresses: first the title's most fitting genre, then its others or what goes well with it."""
    draws = luck.uniform(np.arange(len(genres))[:, None], 26, np.arange(ARTWORKS - 1)).tolist()
    shown = np.empty((len(genres), ARTWORKS), dtype=np.int64)
    for title, (own, luck_of) in enumerate(zip(genres, draws, strict=True)):
        chosen = own[:1]
        for draw in luck_of:
            near = [g for g in (*own[1:], *_SECOND[own[0]]) if g not in chosen] or [
                g for g in GENRES if g not in chosen
            ]
            chosen = [*chosen, near[int(draw * len(near))]]
        shown[title] = [GENRES.index(genre) for genre in chosen]
    return shown


def _knowledge(
    luck: Stream, primary: Ints, weights: Floats, genres: list[list[str]], is_christmas: Flags
) -> tuple[Floats, list[tuple[int, str, str]], list[str]]:
    """Factors and the graph that causes them: concepts and people have vectors, a title is the mean of its own."""
    count = len(primary)
    cast = people(luck, max(40, count))
    home = (luck.uniform(np.arange(len(cast)), 20) * len(GENRES)).astype(int)
    vectors = luck.normal(np.arange(len(cast))[:, None], 21, np.arange(LATENT))
    concepts = sorted({concept for options in words.CONCEPTS.values() for concept in options})
    meaning = luck.normal(np.arange(len(concepts))[:, None], 22, np.arange(LATENT))
    by_genre = [np.flatnonzero(home == g) for g in range(len(GENRES))]
    latent = np.zeros((count, LATENT))
    links: list[tuple[int, str, str]] = []
    leads: list[str] = []
    draws = luck.uniform(np.arange(count)[:, None], 23, np.arange(8)).tolist()
    for title in range(count):
        links += [(title, "has_genre", genre) for genre in genres[title]]
        about = words.CONCEPTS[genres[title][0]]
        chosen = {about[int(draws[title][0] * len(about))]}
        if len(genres[title]) > 1:
            other = words.CONCEPTS[genres[title][1]]
            chosen.add(other[int(draws[title][1] * len(other))])
        links += [(title, "about", concept) for concept in sorted(chosen)]
        links += [(title, "about", words.CHRISTMAS)] * int(is_christmas[title])
        pool = by_genre[int(primary[title])]
        pool = pool if len(pool) >= 5 else np.arange(len(cast))
        # Squaring the draw makes some people stars of many titles.
        stars = list(dict.fromkeys(int(pool[int(u * u * len(pool))]) for u in draws[title][2:5]))
        director = int(pool[int(draws[title][5] * len(pool))])
        links += [(title, "stars", cast[p]) for p in stars]
        links.append((title, "directed_by", cast[director]))
        leads.append(cast[stars[0]])
        latent[title] = (
            0.65 * np.mean([meaning[concepts.index(c)] for c in sorted(chosen)], axis=0)
            + 0.45 * np.mean(vectors[stars], axis=0)
            + 0.25 * vectors[director]
        )
    own = 0.3 * luck.normal(np.arange(count)[:, None], 24, np.arange(LATENT))
    return np.hstack([weights, latent + own]), links, leads


def _release_days(config: SimulationConfig, luck: Stream, primary: Ints, is_christmas: Flags) -> Ints:
    """Days of release: older titles, then Fridays; horror leans to autumn, Christmas to November."""
    titles = np.arange(config.titles)
    old = -1 - (2500 * luck.uniform(titles, 30) ** 1.5).astype(int)
    fridays = np.array([d for d in range(config.days) if config.date(d).weekday() == 4] or [0])
    months = np.array([config.date(int(d)).month for d in fridays])
    cumulative = cumulate(release_weights(config.rhythm, months))
    group = np.where(is_christmas, 2, np.where(primary == GENRES.index("Horror"), 1, 0))
    within = np.minimum((cumulative[group] < luck.uniform(titles, 31)[:, None]).sum(axis=1), len(fridays) - 1)
    # The share of new titles grows with the period, at the pace of a catalogue that turns over in about four years.
    share_new = min(0.55, config.days / 1460)
    return np.where(luck.uniform(titles, 32) < share_new, fridays[within], old)


def release_dates(config: SimulationConfig, released: Ints) -> list[dt.date]:
    """Days of release as dates."""
    return [config.date(int(day)) for day in released]
