"""The bars no fit has seen: what the network and the baseline said of them, what happened,
and which way to trade.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.evaluation.accuracy import Assessment, assess
from cryptonn.evaluation.forecasts import assess_forecasts
from cryptonn.learning.labels import later_close
from cryptonn.market.candles import timeframe_delta
from cryptonn.trading.signals import make_signal

if TYPE_CHECKING:
    from cryptonn.learning.prediction import FittedModel

__all__ = [
    "MODELS",
    "assess_periods",
    "forecast_periods",
    "forecast_scores",
    "predict_bars",
    "predict_periods",
    "signal_of",
    "with_signal",
]

MODELS = {"network": "proba", "logistic": "logistic"}
"""Column of the predictions for each model that is judged."""


def predict_periods(
    model: "FittedModel",
    features: pd.DataFrame,
    labels: pd.DataFrame,
    periods: Mapping[str, slice],
    *,
    close: pd.Series,
) -> pd.DataFrame:
    """Predict every bar of the periods.

    Parameters
    ----------
    features, labels, close
        Of all bars, on one index; the close is the target's.
    periods
        Row positions by name.

    Returns
    -------
    DataFrame
        Index time; columns label, move, tie, proba, period. One row a bar and period.
    """
    first = min(period.start for period in periods.values())
    table = labels.assign(
        proba=predict_bars(model, features, since=features.index[first], close=close)
    )
    return pd.concat([table.iloc[period].assign(period=name) for name, period in periods.items()])


def predict_bars(
    model: "FittedModel", features: pd.DataFrame, *, since: pd.Timestamp, close: pd.Series
) -> pd.Series:
    """Return P(up) of the bars from ``since`` on, and of those before that a streaming
    network starts from.
    """
    from cryptonn.learning.prediction import predict_proba

    return predict_proba(model, _from(model, features, since), close=close)


def forecast_periods(
    model: "FittedModel", features: pd.DataFrame, periods: Mapping[str, slice], *, close: pd.Series
) -> pd.DataFrame | None:
    """Forecast the price at every bar of the periods; None from a classifier, which forecasts none.

    Returns
    -------
    DataFrame
        Index time; columns role (name of the period), close, predicted and actual price ``horizon``
        bars later. ``predicted`` is NaN in the warm-up, ``actual`` where the candles end.
        One row a bar and period.
    """
    from cryptonn.learning.prediction import predict_moves

    if model.regression is None:
        return None
    first = features.index[min(period.start for period in periods.values())]
    moves = predict_moves(model, _from(model, features, first), close=close).reindex(close.index)
    predicted = model.regression.prices(moves.to_numpy(), close=close.to_numpy())
    actual = later_close(close, horizon=model.config.labels.horizon)
    table = pd.DataFrame({"role": "", "close": close, "predicted": predicted, "actual": actual})
    return pd.concat([table.iloc[period].assign(role=name) for name, period in periods.items()])


def forecast_scores(
    forecasts: pd.DataFrame | None, config: RunConfig
) -> dict[str, dict[str, float]]:
    """Return by role how good the forecasts are, beside persistence; nothing for a classifier."""
    if forecasts is None:
        return {}
    roles = forecasts.groupby("role", sort=False)
    return {
        str(role): assess_forecasts(rows, horizon=config.labels.horizon) for role, rows in roles
    }


def _from(model: "FittedModel", features: pd.DataFrame, since: pd.Timestamp) -> pd.DataFrame:
    """Return the features from ``since`` on, and those before that a streaming
    network starts from.
    """
    config = model.config
    warm_up = config.training.lookback * timeframe_delta(config.data.timeframe)
    return features.iloc[int(features.index.searchsorted(since.normalize() - warm_up)) :]


def signal_of(proba: pd.Series, config: RunConfig, *, enter: float) -> pd.Series:
    """Apply the run's signal rule; ``enter`` is the probability at which it enters."""
    rule: dict[str, Any] = config.signal.model_dump(
        include={"exit", "exit_threshold", "renew", "direction"}
    )
    return make_signal(proba, enter=enter, hold=config.hold, **rule)


def with_signal(predictions: pd.DataFrame, config: RunConfig, *, enter: float) -> pd.DataFrame:
    """Add the column ``signal``, each period for itself."""
    parts = [part for _, part in predictions.groupby("period", sort=False)]
    return pd.concat(
        [part.assign(signal=signal_of(part["proba"], config, enter=enter)) for part in parts]
    )


def assess_periods(
    predictions: pd.DataFrame, config: RunConfig
) -> dict[str, dict[str, Assessment]]:
    """Judge every model on every period; a model without a probability there is left out."""
    return {
        str(period): {
            model: assess(
                rows[column],
                rows[["move", "tie"]],
                horizon=config.labels.horizon,
                resamples=config.report.resamples,
                seed=config.seed,
            )
            for model, column in MODELS.items()
            if column in rows and rows[column].notna().any()
        }
        for period, rows in predictions.groupby("period", sort=False)
    }
