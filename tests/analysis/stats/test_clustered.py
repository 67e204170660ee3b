"""Clustered intervals, corrections, shrinkage and the count trend, against closed forms and statsmodels."""

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analysis import engine
from analysis.errors import DataError
from analysis.stats import clustered, multiplicity, shrinkage
from analysis.stats.trend import count_trend


def buckets_of(ids: list[int]) -> list[int]:
    with engine.reading() as cursor:
        frame = cursor.arrow(pa.table({"n": range(len(ids)), "id": pa.array(ids, pa.int64())}))
        bucketed = frame.with_columns(b=clustered.bucket(nw.col("id"))).sort("n").select("b")
        return engine.to_arrow(bucketed)["b"].to_pylist()


def test_bucket_is_even_over_consecutive_and_strided_ids() -> None:
    for ids in (range(64_000), range(0, 640_000, 10), range(7, 64_000 * 64, 64)):
        counts = np.bincount(buckets_of(list(ids)), minlength=64)
        assert counts.min() > 0.8 * counts.mean()
        assert counts.max() < 1.2 * counts.mean()


def test_bucket_takes_any_id() -> None:
    found = buckets_of([-1, 0, 1, 2**31, 2**62, -(2**62), 2**63 - 1, -(2**63)])
    assert all(0 <= b < clustered.BUCKETS for b in found)


def test_jackknife_of_a_sum_is_the_spread_of_the_buckets() -> None:
    x = np.random.default_rng(1).normal(size=40)
    found = clustered.jackknife(x[:, None], lambda s: s[..., 0])
    assert found.value == pytest.approx(x.sum())
    assert found.standard_error == pytest.approx(np.sqrt(39 * x.var(ddof=1) * 39 / 40))


def test_jackknife_ignores_empty_buckets() -> None:
    x = np.random.default_rng(2).gamma(2, size=(20, 2))
    padded = np.vstack([x, np.zeros((44, 2))])
    ratio = lambda s: s[..., 0] / s[..., 1]  # noqa: E731
    a, b = clustered.jackknife(x, ratio), clustered.jackknife(padded, ratio)
    assert (a.clusters, b.clusters) == (20, 20)
    assert a.standard_error == pytest.approx(b.standard_error)


def test_share_agrees_with_a_clustered_logit() -> None:
    from statsmodels.discrete.discrete_model import Logit

    rng = np.random.default_rng(3)
    viewer = rng.integers(0, 6400, 60_000)
    taste = rng.normal(-0.5, 1.2, 6400)
    weekend = rng.random(60_000) < 1 / (1 + np.exp(-taste[viewer]))
    bucket = viewer % 64
    part = np.bincount(bucket, weekend, minlength=64)
    whole = np.bincount(bucket, minlength=64).astype(float)
    found = clustered.share(part, whole)
    fit = Logit(weekend.astype(float), np.ones(60_000)).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": bucket, "use_correction": True}
    )
    assert found.value == pytest.approx(weekend.mean())
    assert found.standard_error == pytest.approx(fit.bse[0], rel=0.02)


def test_share_covers_the_truth_where_viewers_differ() -> None:
    rng = np.random.default_rng(4)
    hit, naive = 0, 0
    for _ in range(200):
        # 640 viewers with 1–60 plays each and tastes of their own around 0.3: plays are far from independent.
        plays = rng.integers(1, 60, 640)
        weekend = rng.binomial(plays, rng.beta(3, 7, 640))
        bucket = rng.integers(0, 64, 640)
        found = clustered.share(np.bincount(bucket, weekend, 64), np.bincount(bucket, plays, 64).astype(float))
        hit += found.low <= 0.3 <= found.high
        p, n = weekend.sum() / plays.sum(), plays.sum()
        naive += abs(p - 0.3) <= 1.96 * np.sqrt(p * (1 - p) / n)
    assert hit >= 184
    assert naive < 130


@pytest.mark.parametrize(("part", "value"), [(0.0, 0.0), (5.0, 1.0)])
def test_share_at_the_edge_has_no_interval(part: float, value: float) -> None:
    found = clustered.share(np.full(64, part), np.full(64, 5.0))
    assert found.value == value
    assert not found.known


def test_share_of_one_viewer_has_no_interval() -> None:
    whole = np.zeros(64)
    whole[7] = 10
    found = clustered.share(whole * 0.3, whole)
    assert found.value == pytest.approx(0.3)
    assert not found.known
    assert found.clusters == 1


def test_share_of_nothing_is_unknown() -> None:
    assert np.isnan(clustered.share(np.zeros(64), np.zeros(64)).value)


def test_p_values_follow_students_t() -> None:
    from scipy import stats

    p = clustered.p_values(np.array([0.0, 1.0, -3.0, np.nan]), np.array([1.0, 0.5, 1.0, 1.0]), 64)
    assert p[:3] == pytest.approx(2 * stats.t.sf([0, 2, 3], 63))
    assert p[3] == 1.0
    assert clustered.p_values(np.array([5.0]), np.array([1.0]), 1)[0] == 1.0


@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1)))
def test_benjamini_hochberg_agrees_with_statsmodels(p: np.ndarray) -> None:
    from statsmodels.stats.multitest import multipletests

    assert multiplicity.benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


def test_benjamini_hochberg_leaves_out_what_was_not_tested() -> None:
    p = np.array([[0.01, np.nan], [0.04, 0.5]])
    q = multiplicity.benjamini_hochberg(p)
    assert np.isnan(q[0, 1])
    assert q[[0, 1, 1], [0, 0, 1]] == pytest.approx([0.03, 0.06, 0.5])


def test_shrinkage_finds_the_spread_and_reduces_the_error() -> None:
    rng = np.random.default_rng(5)
    effect = rng.normal(0, 0.2, 4000)
    error = rng.uniform(0.05, 0.5, 4000)
    seen = effect + rng.normal(0, error)
    shrunk, spread = shrinkage.towards_zero(seen, error)
    assert spread == pytest.approx(0.2, rel=0.05)
    assert np.mean((shrunk - effect) ** 2) < 0.5 * np.mean((seen - effect) ** 2)


def test_shrinkage_takes_pure_noise_to_zero_and_keeps_what_is_unknown() -> None:
    shrunk, spread = shrinkage.towards_zero(np.array([0.1, -0.1, np.nan]), np.array([1.0, 1.0, 1.0]))
    assert spread == 0
    assert shrunk[:2] == pytest.approx([0, 0])
    assert np.isnan(shrunk[2])


def test_count_trend_agrees_with_statsmodels() -> None:
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    rng = np.random.default_rng(6)
    day = np.arange(19_000, 19_300)
    wobble = np.convolve(rng.normal(0, 0.2, 306), np.ones(7) / 7, "valid")
    count = rng.poisson(np.exp(5 + 0.001 * (day - 19_000) + 0.3 * (day % 7 == 2) + wobble)).astype(float)
    found = count_trend(day, count)
    design = np.column_stack([day - 19_150.0, np.eye(7)[day % 7]])
    fit = GLM(count, design, family=Poisson()).fit(cov_type="HAC", cov_kwds={"maxlags": 14, "use_correction": False})
    assert found.log_growth_per_day == pytest.approx(fit.params[0], rel=1e-6)
    assert found.standard_error == pytest.approx(fit.bse[0], rel=1e-4)
    growth, low, high = found.growth(30)
    assert low < np.expm1(0.03) < high
    assert growth == pytest.approx(np.expm1(30 * fit.params[0]))


def test_count_trend_takes_gaps_and_silent_weekdays() -> None:
    day = np.array([d for d in range(0, 200) if d % 7 != 3 and not 60 <= d < 90])
    count = np.where(day % 7 == 5, 0.0, 100 * np.exp(0.002 * day))
    assert count_trend(day, count).log_growth_per_day == pytest.approx(0.002)


def test_count_trend_refuses_a_short_series() -> None:
    with pytest.raises(DataError, match="28 days"):
        count_trend(np.arange(10), np.ones(10))
