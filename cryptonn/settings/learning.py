"""What the network sees, what it learns, how it is built and how it is fitted."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from cryptonn.settings.section import Count, Proportion, Section

__all__ = ["FeaturesConfig", "LabelsConfig", "NetworkConfig", "SplitConfig", "TrainingConfig"]


def _units(value: object) -> object:
    """Take one number for a list of one, and 0 for none."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return (value,) if value else ()


_LEVELS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "trades",
    "taker_base",
    "taker_quote",
)
"""Columns as they stand in a candle, or beside it: they wander far from what they were
over the train rows.
"""

Units = Annotated[tuple[Count, ...], BeforeValidator(_units)]


class FeaturesConfig(Section):
    """``[features]``: the columns the network sees.

    The names are those of ``learning/features.py``.
    """

    columns: tuple[str, ...] = ("log_return", "log_volume_change")
    """Computed for every symbol.

    The published pipeline: ``close_pct_change``, ``volume_pct_change``; ``open``, ``high``,
    ``low``, ``close`` and ``volume`` are the candles as they are; ``quote_volume``, ``trades``,
    ``taker_base`` and ``taker_quote`` need `extras = true` under ``[data]``.
    """
    ta: tuple[str, ...] = ()
    """Columns of the ``ta`` library, computed on the target; ["all"] takes every one that does
    not look ahead.
    """
    scaling: Literal["standard", "window"] = "standard"
    """Mean 0 and deviation 1 by the train rows; or besides, within each window, from −1 (its lowest
    value) to 1 (its highest), and 0 where it does not change.
    """
    clip: Annotated[float, Field(ge=0.0)] = 5.0
    """Under `scaling = "standard"`: values beyond this many standard deviations are cut to it;
    0 cuts nothing, and must be written where `columns` holds candles as they are:
    later prices would all look alike.
    """

    @property
    def limit(self) -> float:
        """Standard deviations at which scaled values are cut, or 0.

        Under ``scaling = "window"`` nothing is cut: a price far from those of the train rows
        would become a flat line.
        """
        return self.clip if self.scaling == "standard" else 0.0

    @property
    def levels(self) -> tuple[str, ...]:
        """Columns as the candles have them, which must not be cut."""
        return tuple(name for name in self.columns if name in _LEVELS)

    @model_validator(mode="after")
    def _check(self) -> "FeaturesConfig":
        if "all" in self.ta and self.ta != ("all",):
            raise ValueError('ta: "all" already holds the other names: write ta = ["all"] alone')
        if self.levels and self.limit:
            raise ValueError(
                f"columns holds {', '.join(self.levels)} as the candles have them, "
                f"with clip = {self.clip:g}: values beyond so many deviations of the train rows "
                "would all look the same to the network. Set features.clip = 0"
            )
        return self


class LabelsConfig(Section):
    """``[labels]``: what is predicted."""

    kind: Literal["direction", "return", "price"] = "direction"
    """Whether the close is higher `horizon` bars ahead, by how much (log), or the close itself;
    the last two are regressions, and trade through the probability that follows from their error
    on the validation rows.
    """
    horizon: Count = 5
    """Bars ahead: label 1 if close[t + horizon] is above close[t]."""
    ties: Literal["exclude", "up", "down"] = "exclude"
    """What a close that does not move is: no example, or counted as up or as down.

    To a regression it is a row like any other.
    """
    balance: Literal["weights", "undersample", "none"] = "weights"
    """Ups and downs count the same by weights, or by leaving rows of the larger class out,
    or not at all. A regression has no classes: of it, only the logistic baseline is balanced.
    """


class SplitConfig(Section):
    """``[split]``: how the train range is divided, in time order."""

    validation: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    """Last share of the train range, kept for choosing the epoch and the entry threshold."""
    purge: Count | None = None
    """Bars dropped between train and validation; at least the horizon, which is the default."""


class NetworkConfig(Section):
    """``[network]``: stacked LSTM layers (there is no other kind), each followed by dropout and
    normalisation, dense layers, the output.
    """

    layers: Annotated[tuple[Count, ...], Field(min_length=1)] = (64, 64)
    """Units of each LSTM layer."""
    activation: Literal["tanh", "relu"] = "tanh"
    """Of the LSTM layers."""
    dropout: Proportion = 0.3
    """Share of each LSTM layer's outputs that a training step leaves out."""
    normalization: Literal["none", "batch", "layer"] = "none"
    """After each LSTM layer."""
    dense: Units = (32,)
    """Units of each relu layer before the output; 0 for none."""
    dense_dropout: Proportion = 0.0
    """Share of each relu layer's outputs that a training step leaves out."""
    output: Literal["sigmoid", "softmax", "linear"] = "sigmoid"
    """One unit with P(up); two with P(down) and P(up), as published;
    or, for a regression, one number.
    """


class TrainingConfig(Section):
    """``[training]``: how the network is fitted."""

    form: Literal["streaming", "windowed"] = "streaming"
    """One label at every bar of a long sequence, or one label for each lookback window."""
    lookback: Count = 100
    """Bars the network sees before its first label."""
    sequence: Count = 400
    """Labelled bars in one streaming sequence."""
    epochs: Count = 16
    """Times the train rows are gone through; the epoch with the lowest validation loss is kept."""
    full_epochs: Count | None = None
    """Epochs the run file asked for, where `--epochs` trains another number of them;
    written by the program.
    """
    batch_size: Count = 32
    """Sequences (streaming) or windows (windowed) in one step."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """As Keras has them."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 3e-3
    """At the start."""
    schedule: Literal["constant", "cosine", "inverse_time"] = "constant"
    """How the learning rate falls over the steps."""
    decay: Annotated[float, Field(ge=0.0)] = 0.0
    """Under `schedule = "inverse_time"`: decay a step, rate / (1 + decay * step)."""
    averaging: Proportion = 0.98
    """The model's weights are a moving average over the steps: at each, this share of the average
    so far and the rest of the newest weights. 0 takes the newest weights as they are.
    """
    loss: Literal["crossentropy", "mse"] = "crossentropy"
    """What is made small; a regression takes mse."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Stop after so many epochs without a better validation loss; 0 never stops early."""
    tensorboard: bool = True
    """Write the losses for TensorBoard into the run folder."""
    histograms: bool = False
    """Under `tensorboard = true`: write histograms of the weights after each epoch, too."""

    @model_validator(mode="after")
    def _check(self) -> "TrainingConfig":
        if self.decay and self.schedule != "inverse_time":
            raise ValueError(
                f'decay = {self.decay:g} needs schedule = "inverse_time": '
                f'under "{self.schedule}" it does nothing'
            )
        if self.histograms and not self.tensorboard:
            raise ValueError(
                "histograms = true needs tensorboard = true: they are written for TensorBoard"
            )
        return self
