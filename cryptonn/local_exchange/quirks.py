"""How the exchange misbehaves, until told otherwise: lags, partial fills, a wrong clock,
odd candles, revoked keys.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cryptonn.errors import ConfigError, did_you_mean

__all__ = ["Quirks"]

Milliseconds = Annotated[int, Field(ge=0)]
Positive = Annotated[Decimal, Field(gt=0)]


class Quirks(BaseModel):
    """Every quirk is off at first. Symbols are written "ETH/USD"; times are those of the replay."""

    model_config = ConfigDict(extra="forbid")

    skew_ms: int = 0
    """The exchange's own clock is so far ahead of the replay's."""
    down_until_ms: Milliseconds = 0
    """Connections are dropped, except for ``/_ctl``, until this time."""
    weight_limit: Annotated[int, Field(ge=1)] = 6000
    """Request weight in a minute after which requests are refused."""
    revoked_key: bool = False
    """Keys are no longer known."""
    read_only_key: bool = False
    """Keys may read, not trade."""
    halted: bool = False
    """No market takes orders."""
    lookup_lag_ms: Milliseconds = 0
    """A new order is found only after so long."""
    fills_lag_ms: Milliseconds = 0
    """A new trade is listed only after so long; the reply to the order has it at once."""
    short_reply: bool = False
    """The reply to a new order holds its ids and nothing else."""
    duplicate_trades: bool = False
    """Lists of trades give every row twice."""
    empty_book: bool = False
    """Nothing fills at once: a market order expires."""
    partial: Annotated[Decimal, Field(gt=0, lt=1)] | None = None
    """Only this share of an order fills at once; ``remainder`` says what becomes of the rest."""
    remainder: Literal["later", "rest", "expire", "cancel"] = "later"
    """It fills ``remainder_ms`` later, waits to be cancelled, expires,
    or fills while being cancelled.
    """
    remainder_ms: Milliseconds = 2000
    pieces: Annotated[int, Field(ge=1, le=100)] = 1
    """A fill comes as so many trades, as far as the amount step allows."""
    fee_currency: str | None = None
    """Fees are taken from this third currency while the account has enough of it."""
    fee_currency_price: Positive = Decimal(300)
    """What one of it is worth, in quote."""
    frozen_feed: bool | Milliseconds | dict[str, Milliseconds] = False
    """Candles stand still: from now on (true), or since a time,
    for all or for the symbols named.
    """
    missing_candles: dict[str, list[tuple[Milliseconds, Milliseconds]]] = {}
    """By symbol, stretches (start included, end not) of which no candle is served;
    orders fill all the same.
    """
    revised_candles: dict[
        str, dict[int, dict[Literal["open", "high", "low", "close", "volume"], float]]
    ] = {}
    """By symbol and open time, values that are served instead of the true ones."""
    duplicate_candles: bool = False
    """The newest two candles are served twice."""
    disordered_candles: bool = False
    """Candles are served with neighbours exchanged."""

    def change(self, wanted: Mapping[str, Any], *, now_ms: int) -> None:
        """Take over the quirks that are named and leave the others.

        Raises
        ------
        ConfigError
            If a quirk is unknown or its value makes no sense; then nothing changes.
        """
        for name in wanted:
            if name not in type(self).model_fields:
                raise ConfigError(
                    f"There is no quirk {name!r}.{did_you_mean(name, type(self).model_fields)}"
                )
        try:
            checked = type(self).model_validate({**self.model_dump(), **wanted})
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(
                f"The quirk {'.'.join(map(str, first['loc']))}: {first['msg']}."
            ) from error
        for name in wanted:
            setattr(self, name, getattr(checked, name))
        if self.frozen_feed is True:
            self.frozen_feed = now_ms

    def reset(self) -> None:
        """Behave again."""
        fresh = type(self)()
        for name in type(self).model_fields:
            setattr(self, name, getattr(fresh, name))
