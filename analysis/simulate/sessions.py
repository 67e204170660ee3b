"""One wave of sessions: from opening the app over the page, a resumed title or a search to the last play."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from analysis.simulate import watching
from analysis.simulate.catalogue import ARTWORKS
from analysis.simulate.config import CONTINUE_ROW, ROWS
from analysis.simulate.keyed import (
    Flags,
    Floats,
    Ints,
    Keys,
    Stream,
    as_normal,
    as_uniform,
    logistic,
    pick,
    step,
    tick,
    ticks,
)
from analysis.simulate.log import Log
from analysis.simulate.page import (
    Page,
    Policy,
    Visit,
    artworks,
    blocks,
    clicks,
    compose,
    examination,
    examined,
    place_keys,
    rank_weights,
)
from analysis.simulate.pools import WISHES
from analysis.simulate.world import World

if TYPE_CHECKING:
    from analysis.simulate.service import State

_PLAY_DRAWS = np.arange(watching.DRAWS)[:, None]
ROW, SEARCH, CONTINUE, NOTIFICATION = range(4)
PERSONAL_POLICY, UNIFORM_POLICY, CONTINUE_POLICY = range(3)
MOST_PLAYS = 14
"""Plays a session may have."""

_INTENT, _NOTE, _DIRECT, _AFTER, _ABANDON, _WISH, _WORDS, _QUERY, DEVICE = range(9)
_DRAWS = np.arange(9)
_LENGTH, _PLAYS = 300, 1_000
_DEVICE_MINUTES = np.array([1.1, 0.85, 0.5, 0.8])
_NEW = ROWS.index("new")


@dataclass(frozen=True)
class Sessions:
    """A wave of sessions, at most one a viewer; all arrays but `fit`, `pools` and `by_day` have one row a session."""

    world: World
    day: int
    rows: Ints
    number: Ints
    slot: int
    keys: Keys
    start: Ints
    hour: Ints
    device: Ints
    place: Ints
    artwork: Ints
    language: Ints
    fit: Ints
    pools: Ints
    by_day: Ints
    moment: Ints
    candidates: Ints
    click: Ints
    clickbait: Floats
    enjoyment: Ints
    chain: Ints
    policy: Policy
    uniform_share: float
    keep_impressions: bool
    log_values: bool
    whim: Stream

    @property
    def session_id(self) -> Ints:
        """Numbers that grow with the days and don't depend on who else is simulated."""
        total = self.world.config.viewers
        return 1 + (np.int64(self.day) * total + self.number) * 3 + self.slot

    def attraction(self, session: Ints, title: Ints) -> Ints:
        """What draws these sessions to these titles whoever is watching: appeal, season, freshness, hour; ticks."""
        # Flat positions are looked up several times as fast as pairs of rows and columns.
        count = self.by_day.shape[1]
        found: Ints = self.by_day.ravel()[self.place[session] * count + title].astype(np.int64)
        found += self.world.by_hour.ravel()[self.moment[session] * count + title]
        return found

    @cached_property
    def luck(self) -> Floats:
        """Uniform numbers, draws × sessions."""
        return draws(self.keys)


def draws(keys: Keys) -> Floats:
    """The uniform numbers that sessions with these keys use, draws × sessions."""
    return as_uniform(step(keys, _DRAWS[:, None]))


@dataclass(frozen=True)
class Queue:
    """Titles started by choice, sorted by session, then by order.

    Attributes:
        session: Row of the session.
        title: Title.
        surface: Where the play began.
        impression: Row of the clicked impression, or -1.
    """

    session: Ints
    title: Ints
    surface: Ints
    impression: Ints


@dataclass(frozen=True)
class Shown:
    """Impressions of a wave: row of the session, place, title, artwork, propensity, policy, click."""

    session: Ints
    row: Ints
    column: Ints
    title: Ints
    artwork: Ints
    propensity: Floats
    policy: Ints
    clicked: Flags


def run_sessions(sessions: Sessions, state: State, log: Log) -> None:
    """Play a wave of sessions through: changes the state and fills the log."""
    rules = sessions.world.config.behaviour
    unfinished = state.unfinished[sessions.rows]
    resumes = (unfinished >= 0) & (sessions.luck[_INTENT] < _resume_chance(sessions, unfinished))
    noted = ~resumes & (sessions.luck[_NOTE] < rules.notification)
    direct = ~resumes & ~noted & (sessions.luck[_DIRECT] < rules.search_direct)
    browses = ~(resumes | noted | direct)
    page = _browse(sessions, np.flatnonzero(browses), state, log)
    clicked = np.flatnonzero(page.clicked)
    idle = browses.copy()
    idle[page.session[clicked]] = False
    searches = np.flatnonzero(direct | (idle & (sessions.luck[_AFTER] < rules.search_after)))
    wished, found = _search(sessions, searches, log)

    resumed, notified = np.flatnonzero(resumes), np.flatnonzero(noted)
    shown = _with_continue_row(page, np.flatnonzero((resumes | browses) & (unfinished >= 0)), unfinished, resumes)
    pushed = sessions.pools[sessions.rows[notified], _NEW, 0].astype(np.int64)
    parts = (
        (resumed, unfinished[resumed], CONTINUE, np.flatnonzero(shown.clicked)[len(clicked) :]),
        (notified, pushed, NOTIFICATION, np.full(len(notified), -1)),
        (page.session[clicked], page.title[clicked], ROW, clicked),
        (found, wished, SEARCH, np.full(len(found), -1)),
    )
    session = np.concatenate([part[0] for part in parts])
    order = np.argsort(session, kind="stable")
    queue = Queue(
        session[order],
        np.concatenate([part[1] for part in parts])[order],
        np.concatenate([np.full(len(part[0]), part[2]) for part in parts])[order],
        np.concatenate([part[3] for part in parts])[order],
    )
    minutes = np.zeros(len(shown.title))
    _watch(sessions, queue, state, log, minutes, idle)
    if sessions.keep_impressions:
        log.add(
            "impressions",
            session=sessions.session_id[shown.session],
            number=sessions.number[shown.session],
            place=sessions.place[shown.session],
            start=sessions.start[shown.session],
            title=shown.title.astype(np.int16),
            row=shown.row.astype(np.int8),
            column=shown.column.astype(np.int8),
            artwork=shown.artwork.astype(np.int8),
            policy=shown.policy.astype(np.int8),
            propensity=shown.propensity,
            clicked=shown.clicked,
            minutes=np.round(minutes, 1),
        )


def _with_continue_row(page: Shown, who: Ints, unfinished: Ints, resumes: Flags) -> Shown:
    """The page and, behind it, the row of the title under way, which all of these sessions see first."""
    count = len(who)
    row = Shown(
        session=who,
        row=np.full(count, CONTINUE_ROW),
        column=np.zeros(count, dtype=np.int64),
        title=unfinished[who],
        artwork=np.ones(count, dtype=np.int64),
        propensity=np.ones(count),
        policy=np.full(count, CONTINUE_POLICY),
        clicked=resumes[who],
    )
    return Shown(**{f.name: np.concatenate([getattr(page, f.name), getattr(row, f.name)]) for f in fields(Shown)})


def _resume_chance(sessions: Sessions, unfinished: Ints) -> Floats:
    """Chance that each session takes up the unfinished title: likelier when it suits the hour and the season."""
    rules, title = sessions.world.config.behaviour, np.maximum(unfinished, 0)
    moment = sessions.attraction(np.arange(len(title)), title) - sessions.world.catalogue.appeal[title]
    return logistic(moment - tick(rules.click) + tick(math.log(rules.resume / (1 - rules.resume))))


def _browse(sessions: Sessions, who: Ints, state: State, log: Log) -> Shown:
    """Show these sessions the home page and see what they click; empty places are left out."""
    config = sessions.world.config
    rules = config.behaviour
    keys, rows = sessions.keys[who], sessions.rows[who]
    visit = Visit(
        viewer_id=sessions.number[who] + 1,
        date=config.date(sessions.day),
        hour=sessions.hour[who],
        device=sessions.device[who],
        keys=keys,
        candidates=sessions.candidates,
        pools=sessions.pools[rows, : len(ROWS)].astype(np.int64) + 1,
        columns=config.columns,
    )
    page = compose(visit, sessions.policy, sessions.uniform_share)
    filled = page.titles > 0
    titles = np.maximum(page.titles - 1, 0)
    _, rows_of_page, columns = shape = titles.shape
    variant, pressed = np.empty(shape, np.int64), np.zeros(titles.size, bool)
    for some in blocks(len(who)):
        places = place_keys(keys[some], rows_of_page, columns)
        variant[some] = artworks(places, ARTWORKS)
        look = examined(keys[some], rows_of_page, columns, rules)
        # Most places are not looked at, and what is not looked at can't be clicked.
        seen = np.flatnonzero((look > 0) & filled[some])
        each, picture = who[some][seen // (rows_of_page * columns)], variant[some].ravel()[seen]
        odds = _odds(sessions, each, titles[some].ravel()[seen], picture, state)
        at = some.start * rows_of_page * columns + seen
        pressed[at] = clicks(places.ravel()[seen], odds, look.ravel()[seen])
    if sessions.keep_impressions and sessions.log_values:
        _log_values(sessions, who, page, _odds(sessions, who[:, None, None], titles, variant, state), state, log)
    at = np.flatnonzero(filled)
    came, place = np.divmod(at, rows_of_page * columns)
    return Shown(
        session=who[came],
        row=place // columns,
        column=place % columns,
        title=titles.ravel()[at],
        artwork=variant.ravel()[at] + 1,
        propensity=page.propensity.ravel()[at],
        policy=page.randomised[came].astype(np.int64),
        clicked=pressed[at],
    )


def _odds(sessions: Sessions, session: Ints, title: Ints, variant: Ints, state: State) -> Ints:
    """Log-odds (ticks) that these sessions click these titles with these artworks, once they look at them."""
    catalogue, genres = sessions.world.catalogue, sessions.artwork.shape[1]
    odds = click_odds(sessions, session, title, state)
    picture = title * ARTWORKS + variant
    odds += catalogue.artwork.ravel()[picture]
    odds += sessions.artwork.ravel()[session * genres + catalogue.shows.ravel()[picture]]
    return odds


def click_odds(sessions: Sessions, session: Ints, title: Ints, state: State) -> Ints:
    """Log-odds (ticks) that these sessions click these titles once they look at them, but for the artwork."""
    world, viewer = sessions.world, sessions.rows[session]
    catalogue, rules = world.catalogue, world.config.behaviour
    pair = viewer * len(catalogue) + title
    odds = sessions.attraction(session, title)
    odds += sessions.fit.ravel()[pair]
    odds += sessions.click[session]
    bait = sessions.clickbait[session]
    if bait.any():
        odds += np.rint(bait * catalogue.appeal[title]).astype(np.int64)
    started = state.started.ravel()[pair] > 0
    odds -= tick(rules.seen_penalty) * (state.progress.ravel()[pair] >= catalogue.episodes[title])
    odds -= tick(rules.begun_penalty) * (started & (state.unfinished[viewer] != title))
    return odds


def _log_values(sessions: Sessions, who: Ints, page: Page, shown_odds: Ints, state: State, log: Log) -> None:
    """Expected clicks of these visits: on the page that was shown, and on a page drawn uniformly."""
    config, catalogue = sessions.world.config, sessions.world.catalogue
    look = examination(config.behaviour, len(ROWS), config.columns)
    given = (logistic(shown_odds) * (page.titles > 0) * look).sum(axis=(1, 2))
    titles = sessions.candidates - 1
    # In every place of a uniform page each title is equally likely, and so is each artwork.
    inviting = np.zeros((len(who), len(titles)))
    plain = click_odds(sessions, who[:, None], titles[None], state)
    for variant in range(ARTWORKS):
        art = catalogue.artwork[titles, variant] + sessions.artwork[who][:, catalogue.shows[titles, variant]]
        inviting += logistic(plain + art) / ARTWORKS
    places = look.ravel()[: len(titles)].sum()
    own = sessions.language[who][:, None] == catalogue.language[titles]
    log.add(
        "visits",
        number=sessions.number[who],
        expected=given,
        uniform=inviting.mean(axis=1) * places,
        own_clicks=(inviting * own).sum(axis=1),
        own_titles=own.sum(axis=1),
        other_clicks=(inviting * ~own).sum(axis=1),
        other_titles=(~own).sum(axis=1),
        randomised=page.randomised,
    )


def _search(sessions: Sessions, who: Ints, log: Log) -> tuple[Ints, Ints]:
    """Let these sessions search; the titles found, and the sessions that chose one."""
    rules, pool = sessions.world.config.behaviour, sessions.world.config.pool
    weights = rank_weights(pool)
    cumulative = np.round(np.cumsum(weights) / weights.sum(), 9)[None]
    rank = pick(cumulative, np.zeros(len(who), dtype=np.int64), sessions.luck[_WISH, who])
    title = sessions.pools[sessions.rows[who], WISHES, rank].astype(np.int64)
    chosen = sessions.luck[_ABANDON, who] >= rules.search_abandoned
    if not sessions.world.config.views_only:
        log.add(
            "searches",
            session=sessions.session_id[who],
            number=sessions.number[who],
            place=sessions.place[who],
            start=sessions.start[who],
            elapsed=5 + (sessions.luck[_WORDS, who] * 60).astype(np.int64),
            title=title,
            words=(sessions.luck[_QUERY, who] * 8).astype(np.int64),
            chosen=chosen,
        )
    return title[chosen], who[chosen]


def _watch(sessions: Sessions, queue: Queue, state: State, log: Log, impression_minutes: Floats, idle: Flags) -> None:
    """Play the queues through, all sessions side by side, one play of each at a time."""
    world, rules = sessions.world, sessions.world.config.behaviour
    catalogue, count = world.catalogue, len(sessions.rows)
    budget = rules.session_minutes * _DEVICE_MINUTES[sessions.device]
    budget = np.round(budget * np.exp(0.6 * as_normal(step(sessions.keys, _LENGTH))), 3)
    pointer = np.searchsorted(queue.session, np.arange(count))
    end = np.searchsorted(queue.session, np.arange(count), side="right")
    elapsed, good = np.full(count, 45.0), np.zeros(count)
    chained = np.zeros(count, dtype=bool)
    whim = sessions.whim
    turn = 0
    active = np.flatnonzero(pointer < end)
    while len(active) and turn < MOST_PLAYS:
        entry, viewer = pointer[active], sessions.rows[active]
        title, surface = queue.title[entry], queue.surface[entry]
        luck = as_uniform(step(step(sessions.keys[active], _PLAYS + turn), _PLAY_DRAWS))
        episodes, running = catalogue.episodes[title], catalogue.minutes[title]
        again = state.progress[viewer, title] >= episodes
        state.progress[viewer[again], title[again]] = 0
        episode = state.progress[viewer, title].astype(np.int64) + 1
        resumed = state.unfinished[viewer] == title
        position = np.where(resumed, state.position[viewer], 0.0)
        enjoyment = catalogue.quality[title] + (7 * sessions.fit[viewer, title].astype(np.int64)) // 10
        enjoyment += ticks(0.5 * whim.normal(sessions.number[active], title)) + sessions.enjoyment[active]
        committed = chained[active] | (surface == SEARCH) | (resumed & (surface == CONTINUE))
        series = catalogue.is_series[title]
        outcome = watching.play(luck, enjoyment, running, position, committed, series, rules)
        log.add(
            "views",
            session=sessions.session_id[active],
            number=sessions.number[active],
            place=sessions.place[active],
            start=sessions.start[active],
            elapsed=elapsed[active].astype(np.int64),
            day=np.full(len(active), sessions.day),
            title=title.astype(np.int16),
            episode=np.where(series, episode, 0).astype(np.int16),
            minutes=outcome.minutes,
            completion=outcome.reached,
            device=sessions.device[active].astype(np.int8),
            surface=surface.astype(np.int8),
            pauses=outcome.pauses.astype(np.int8),
            skips=outcome.skips.astype(np.int8),
            repeat=(episode <= state.started[viewer, title]) & ~(resumed & (position > 0)),
        )
        elapsed[active] += np.rint(60 * outcome.minutes) + 120 * outcome.pauses + 20
        clicked = queue.impression[entry] >= 0
        np.add.at(impression_minutes, queue.impression[entry[clicked]], outcome.minutes[clicked])
        _remember(state, viewer, title, episode, outcome, luck[watching.DROPS] < 0.35, episodes)
        if not world.config.views_only:
            _rate(sessions, active, title, enjoyment, outcome, luck, elapsed, state, log)
        good[active] += np.where(outcome.bailed, -4.0, np.where(outcome.reached >= 0.6, outcome.minutes, 0.0))
        left = budget[active] - elapsed[active] / 60
        more = outcome.finished & (episode < episodes)
        more &= watching.next_episode(luck, enjoyment, sessions.chain[active], left, rules)
        chained[active] = more
        pointer[active[~more]] += 1
        active = active[pointer[active] < end[active]]
        turn += 1
    state.busy_until[sessions.rows] = sessions.start + elapsed.astype(np.int64) + 600
    mood = state.satisfaction[sessions.rows]
    # A page without anything to click is a disappointment that a search makes good only in part.
    reward = np.clip(0.25 - 0.25 * idle + good / 32.0, 0.0, 1.0)
    state.satisfaction[sessions.rows] = np.round(mood + rules.satisfaction_step * (reward - mood), 6)


def _remember(
    state: State, viewer: Ints, title: Ints, episode: Ints, outcome: watching.Plays, drops: Flags, episodes: Ints
) -> None:
    """Note what was begun and finished, and what there is to resume."""
    state.started[viewer, title] = np.maximum(state.started[viewer, title], episode)
    state.progress[viewer, title] = np.where(outcome.finished, episode, episode - 1)
    ahead = outcome.finished & (episode < episodes)
    midway = ~outcome.finished & ~outcome.bailed & (outcome.reached >= 0.1)
    state.unfinished[viewer[ahead | midway]] = title[ahead | midway]
    state.position[viewer[ahead | midway]] = np.where(ahead, 0.0, outcome.reached)[ahead | midway]
    over = (outcome.finished & ~ahead) | (outcome.bailed & drops)
    over &= state.unfinished[viewer] == title
    state.unfinished[viewer[over]] = -1


def _rate(
    sessions: Sessions,
    active: Ints,
    title: Ints,
    enjoyment: Ints,
    outcome: watching.Plays,
    luck: Floats,
    elapsed: Floats,
    state: State,
    log: Log,
) -> None:
    """Some of those who finished or gave up leave a rating, once a title."""
    viewer = sessions.rows[active]
    might = np.flatnonzero((outcome.finished | outcome.bailed) & ~state.rated[viewer, title])
    rates, stars = watching.rate(
        luck[:, might], enjoyment[might], outcome.finished[might], sessions.world.config.behaviour
    )
    log.add("stars", stars=stars.astype(np.int8))
    title, stars, some = title[might[rates]], stars[rates], active[might[rates]]
    state.rated[viewer[might[rates]], title] = True
    log.add(
        "ratings",
        number=sessions.number[some],
        place=sessions.place[some],
        start=sessions.start[some],
        elapsed=elapsed[some].astype(np.int64),
        title=title,
        stars=stars,
    )
