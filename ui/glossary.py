"""The field's words in plain English: one place, shown as help on cards, columns and inputs."""

from __future__ import annotations

TERMS: dict[str, str] = {
    "95 % interval": "A range made by a method that, over many repeats, holds the true value 95 times in 100.",
    "A/B test": "Viewers are split by chance, each group sees one version; the difference is the version's effect.",
    "ALS": "Alternating least squares: matrix factorization for plays, where not watching is weak evidence.",
    "backtest": "A forecast made from what was known at a past day, held against what happened after it.",
    "catalogue coverage": "Share of all titles that appear in at least one viewer's list.",
    "cold viewer": "A viewer without any history before the split; nothing can be learnt about them.",
    "completion": "Minutes watched divided by the title's running time.",
    "content hash": "A fingerprint of the data: the same hash means the same rows.",
    "conversion": "Share of units that did the thing the metric counts.",
    "coverage": "How often intervals hold the truth; for 95 % intervals it should be 95 in 100.",
    "estimand": "The number that an analysis is after; an estimate is what comes out of the data.",
    "false discovery rate": "Share of false claims that is accepted, on average, among all claims made.",
    "FCP": "Fraction of concordant pairs: how often two titles are put in the order the viewer's ratings have.",
    "Gini": "How unequal: 0 when every title is recommended equally often, 1 when one title takes all.",
    "hit rate": "Share of viewers for whom at least one recommended title was watched in the test period.",
    "interaction": "A play or a rating: one viewer met one title once.",
    "item kNN": "Recommends what was watched by the people who watched what you watched.",
    "known truth": "What is true of a simulated service by construction; real data never tell it.",
    "learning curve": "Quality against the amount of data learnt from, on one and the same test.",
    "lift": "A share divided by the overall share: 1.2 means 20 % more than usual.",
    "local time": "The hour on the viewer's own wall clock.",
    "MAE": "Mean absolute error of predicted ratings, in stars.",
    "MAP": "Mean average precision: rewards putting watched titles early in the list.",
    "matrix factorization": "Describes each viewer and title by a few learned numbers whose product is the liking.",
    "MDE": "Minimum detectable effect: the smallest true effect the test would find four times in five.",
    "MRR": "Mean reciprocal rank: 1 divided by the place of the first watched title, on average.",
    "NDCG": "Normalised discounted cumulative gain: watched titles count more the earlier they stand in the list.",
    "night share": "Share of views that start between midnight and 6 am, local time.",
    "novelty": "How little known the recommended titles are, in bits: 10 bits is one viewer in 1,024.",
    "orphan": "A row that names a viewer or title that is in no catalogue.",
    "p-value": "How often a difference at least this large would appear if there were no effect at all.",
    "popularity": "The same list for everybody: what most people watched.",
    "precision": "Share of the recommended titles that were watched in the test period.",
    "propensity": "The probability with which the policy placed this title in this place.",
    "recall": "Share of the titles watched in the test period that were in the list.",
    "recent popularity": "What most people watched in the weeks before the split; a hard baseline to beat.",
    "release decay": "How much a title is watched in its first weeks, compared with a year after its release.",
    "RMSE": "Root mean squared error of predicted ratings, in stars; large misses weigh more.",
    "sample-ratio mismatch": "The groups' sizes differ from the plan by more than chance allows: assignment is broken.",
    "scaled error": "Mean absolute error, in units of that of repeating the week before: below 1 is better than that.",
    "session": "Plays of one viewer without a long break between them.",
    "signal": "What counts as liking: plays, weighted by how much was watched, or explicit ratings.",
    "standard error": "How far an estimate typically lands from the truth, by chance alone.",
    "SVD": "Rating prediction by matrix factorization with biases, after Funk; it learns from explicit ratings only.",
    "temporal split": "All before one moment trains the models, all after it tests them, for every viewer alike.",
    "trial": "One setting of a model's parameters, fitted and judged on the validation period.",
    "validation period": "The latest part of the training period, on which settings are chosen; so it flatters them.",
    "viewer": "One profile of the service.",
    "weekend share": "Share of views that start on Saturday or Sunday, local time.",
}


def define(term: str) -> str:
    """The definition of a term, for `help=`.

    >>> define("lift")
    'A share divided by the overall share: 1.2 means 20 % more than usual.'
    """
    return TERMS[term]
