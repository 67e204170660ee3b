"""The study over 200 seeds: what the committed page says, and a few seeds of it made anew."""

import datetime as dt
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.data import Dataset
from analysis.simulate import expectations
from analysis.workspace import ROOT, SAMPLE
from scripts import verify_truth

ROW = re.compile(r"^\| (.+?) \| .* \| (\d+) of (\d+) \|$", re.M)


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "truth.md").read_text(encoding="utf-8")


def test_every_estimand_is_in_the_committed_table_and_keeps_the_promise(page):
    rows = {name: (int(held), int(seeds)) for name, held, seeds in ROW.findall(page)}
    wanted = {e.name for e in expectations.expectations()}
    promised = [e for e in Dataset.open(SAMPLE).truth()["estimands"] if e["function"] and not e["reason"]]
    wanted |= {e["name"] for e in promised if "experiment_id" not in e["scope"]}
    assert wanted <= set(rows)
    # Of the experiments one of each kind, by metric and by segment.
    asked = {
        (e["scope"]["metric"], e["scope"]["segment"].split()[0]) for e in promised if "experiment_id" in e["scope"]
    }
    for metric, segment in asked:
        assert [name for name in rows if f": {metric}, {segment} " in name], (metric, segment)
    assert len({seeds for _, seeds in rows.values()}) == 1
    for name, (held, seeds) in rows.items():
        if "so far" in page:
            # A study that is not over says so, and must not speak against the promise already.
            assert 5 <= seeds < verify_truth.SEEDS, name
            assert stats.binom.cdf(held, seeds, 0.95) > 1e-4, name
        else:
            assert seeds == verify_truth.SEEDS, name
            assert held >= verify_truth.ENOUGH, name


def test_the_page_says_what_is_in_the_sample(page):
    for estimand in Dataset.open(SAMPLE).truth()["estimands"]:
        assert f"| {estimand['name']} |" in page, estimand["name"]
        assert not estimand["reason"] or estimand["reason"] in page


def test_a_few_seeds_of_a_smaller_world(tmp_path, monkeypatch):
    monkeypatch.setenv("PRIMETIME_HOME", str(tmp_path / "home"))
    config = verify_truth.small_world()
    kept = [e for e in config.experiments if e.experiment_id == "dense-home"]
    config = replace(
        config, viewers=150, titles=80, warm_up_days=7, impressions_days=21,
        starts_on=dt.date(2025, 9, 20), ends_on=dt.date(2025, 11, 15),
        experiments=tuple(replace(e, starts_on=dt.date(2025, 10, 6), days=7) for e in kept),
    )  # fmt: skip
    results = [verify_truth.run_seed(seed, config, tmp_path) for seed in range(3)]
    again = verify_truth.run_seed(1, config, tmp_path)
    assert again == results[1], "what was done is read again"
    study = verify_truth.coverage(results)
    assert {c.seeds for c in study} == {3}
    names = {c.name for c in study}
    assert {e.name for e in expectations.expectations()} <= names
    assert "dense-home: plays per viewer, plan premium" in names
    # Against a truth of two other worlds only, some more than one in twenty miss.
    assert sum(c.held for c in study) / (3 * len(study)) > 0.75
    shares = [r["sums"]["night share of plays"] for r in results]
    assert len({tuple(s) for s in shares}) == 3, "each seed has viewers of its own"


def test_an_interval_that_cannot_be_given_counts_as_a_miss():
    sums = {"x": [3.0, 10.0]}
    rows = [
        {"name": "x", "group": "clock", "truth": None, "estimate": ends}
        for ends in ([0.3, 0.2, 0.4], [0.3, None, None])
    ]
    study = verify_truth.coverage([{"rows": [row], "sums": sums} for row in rows])
    assert (study[0].held, study[0].seeds) == (1, 2)
    assert study[0].truth == pytest.approx(0.3)
    assert np.isfinite(study[0].width)
