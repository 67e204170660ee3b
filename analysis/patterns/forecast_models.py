"""Forecasting methods on numbers: each takes a series on the log scale and gives means and standard deviations ahead.

They are fitted anew at every origin of a backtest, so each takes milliseconds to a fraction of a second.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

WEEK = 7
YEAR = 365.25
_LAGS = 7
"""Days of autocorrelation in the regression's errors."""
_ROUNDS = 6


@dataclass(frozen=True)
class Prediction:
    """What comes next.

    Attributes:
        mean: Forecast of each step, on the scale of the series, shape (H,).
        sd: Standard deviation of its error by the method's own account, shape (H,).
    """

    mean: Array
    sd: Array


def seasonal_naive(y: Array, horizon: int, period: int = WEEK) -> Prediction:
    """The last season again: every Monday as the last Monday was.

    Source: Hyndman and Athanasopoulos, Forecasting: principles and practice (3rd ed.), sections 5.2 and 5.5.
    """
    ahead = np.arange(horizon)
    mean = y[len(y) - period + ahead % period]
    sigma = float(np.sqrt(np.mean((y[period:] - y[:-period]) ** 2)))
    return Prediction(mean, sigma * np.sqrt(ahead // period + 1.0))


def harmonic(y: Array, design: Array, future: Array, lags: int = _LAGS) -> Prediction:
    """Regression on the calendar with autoregressive errors.

    Coefficients by iterated feasible generalised least squares, the errors' coefficients by Yule and Walker. The
    standard deviation holds the errors' and the coefficients' uncertainty.

    Args:
        y: The series, shape (T,).
        design: What the calendar says of each step, shape (T, K), with a constant.
        future: The same for the steps ahead, shape (H, K).
        lags: Order of the errors' autoregression.

    Source: Hyndman and Athanasopoulos (3rd ed.), section 10.5 (dynamic harmonic regression); Greene, Econometric
    Analysis, section 20.9 (feasible generalised least squares).
    """
    from statsmodels.regression.linear_model import GLSAR

    model = GLSAR(y, design, rho=lags)
    fitted = model.iterative_fit(maxiter=_ROUNDS)
    rho = np.atleast_1d(np.asarray(model.rho, dtype=np.float64))
    errors = list((y - design @ fitted.params)[-lags:])
    weights = [1.0]
    for step in range(len(future)):
        errors.append(float(rho @ np.array(errors[: -lags - 1 : -1])))
        recent = np.array(weights[: -lags - 1 : -1])
        if step + 1 < len(future):
            weights.append(float(rho[: len(recent)] @ recent))
    mean = future @ fitted.params + np.array(errors[lags:])
    covariance = np.asarray(fitted.cov_params())
    variance = fitted.scale * np.cumsum(np.square(weights)) + np.einsum("hk,kl,hl->h", future, covariance, future)
    return Prediction(np.asarray(mean, dtype=np.float64), np.sqrt(variance))


def smoothing(y: Array, horizon: int, period: int = WEEK) -> Prediction:
    """Exponential smoothing with a damped trend and an additive season.

    Source: Hyndman, Koehler, Ord and Snyder (2008), Forecasting with exponential smoothing, chapter 6 for the variance.
    """
    from statsmodels.tools.sm_exceptions import ConvergenceWarning
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    with warnings.catch_warnings():
        # An optimum on the edge of what is allowed (no trend, say) is reported as no convergence; it is a fine fit.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = ExponentialSmoothing(
            y,
            trend="add",
            damped_trend=True,
            seasonal="add",
            seasonal_periods=period,
            initialization_method="heuristic",
        ).fit(method="L-BFGS-B", use_brute=False)
    found = fitted.params
    alpha, phi = float(found["smoothing_level"]), float(found["damping_trend"])
    beta = alpha * float(found["smoothing_trend"])
    gamma = (1 - alpha) * float(found["smoothing_seasonal"])
    step = np.arange(1, horizon)
    weights = alpha + beta * np.cumsum(phi**step) + gamma * (step % period == 0)
    sigma2 = fitted.sse / max(len(y) - 4, 1)
    variance = sigma2 * (1 + np.r_[0.0, np.cumsum(weights**2)])
    return Prediction(np.asarray(fitted.forecast(horizon), dtype=np.float64), np.sqrt(variance))


def level(y: Array, horizon: int) -> Prediction:
    """Simple exponential smoothing: a level that drifts, without trend or season.

    Source: Hyndman, Koehler, Ord and Snyder (2008), chapters 2 and 6.
    """
    from statsmodels.tsa.holtwinters import SimpleExpSmoothing

    fitted = SimpleExpSmoothing(y, initialization_method="heuristic").fit()
    alpha = float(fitted.params["smoothing_level"])
    sigma2 = fitted.sse / max(len(y) - 2, 1)
    variance = sigma2 * (1 + np.arange(horizon) * alpha**2)
    return Prediction(np.asarray(fitted.forecast(horizon), dtype=np.float64), np.sqrt(variance))


def mean_of(first: Prediction, second: Prediction) -> Prediction:
    """The mean of two forecasts; their errors are taken to hang together wholly, which is the safe side.

    Source: Bates and Granger (1969), The combination of forecasts, with equal weights.
    """
    return Prediction((first.mean + second.mean) / 2, (first.sd + second.sd) / 2)


def waves(time: Array, period: float, pairs: int) -> Array:
    """Sines and cosines of a period, shape (T, 2 · pairs)."""
    angle = 2 * np.pi * time[:, None] * np.arange(1, pairs + 1) / period
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def scaled_error(actual: Array, forecast: Array, history: Array, period: int = WEEK) -> float:
    """Mean absolute error, in units of the seasonal naive forecast's one season ahead within the history.

    Source: Hyndman and Koehler (2006), Another look at measures of forecast accuracy.
    """
    scale = float(np.nanmean(np.abs(history[period:] - history[:-period])))
    error = float(np.nanmean(np.abs(actual - forecast)))
    return error / scale if scale > 0 else float("nan")


def widening(scores: Array, level: float) -> float:
    """By how much standard deviations must be stretched for intervals to hold what happened.

    The quantile of absolute standardised errors that covers a new one at the level (split conformal prediction),
    divided by the normal quantile; never below 1.

    Source: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-free predictive inference for
    regression.
    """
    from scipy.special import ndtri

    scores = np.abs(scores[np.isfinite(scores)])
    if not len(scores):
        return 1.0
    place = min(int(np.ceil((len(scores) + 1) * level)), len(scores)) - 1
    return max(float(np.sort(scores)[place] / ndtri(0.5 + level / 2)), 1.0)
