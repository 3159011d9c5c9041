"""What trading costs: commission, spread, slippage and borrow, each a fraction of notional."""

from dataclasses import dataclass, replace

from cryptonn.errors import ConfigError, did_you_mean
from cryptonn.settings import CostsConfig
from cryptonn.units import OF_A_FILL, OF_A_YEAR, in_bp, in_percent, parse_fraction

__all__ = ["FEES", "Costs", "costs_for"]

FEES = ("none", "maker", "taker", "taker+slippage")
"""Names of the cost scenarios; any other word is read as a commission such as "10bp"."""

_MEANT = replace(OF_A_FILL, bare=OF_A_FILL.with_unit)
_MEANT_A_YEAR = replace(OF_A_YEAR, bare=OF_A_YEAR.with_unit)
"""Limits of numbers that were read before: whether a unit was forgotten is asked
where they are written.
"""


@dataclass(frozen=True)
class Costs:
    """Costs of trading, as fractions of the notional of a fill (0.001 is 0.1 %).

    Attributes
    ----------
    commission
        Charged by the exchange at each fill, in quote.
    spread
        Half the quoted bid-ask spread: a buy fills that much above the open, a sell below it.
    slippage
        Further price concession at each fill, on top of the spread.
    borrow
        Yearly rate on the entry notional of a short position, charged for the time it is held
        (365 days a year).

    >>> Costs(commission=0.001).describe()
    '0.10 % per side, 20.0 bp round trip'
    """

    commission: float = 0.0
    spread: float = 0.0
    slippage: float = 0.0
    borrow: float = 0.0

    def __post_init__(self) -> None:
        for name in ("commission", "spread", "slippage"):
            parse_fraction(getattr(self, name), name=name, limits=_MEANT)
        parse_fraction(self.borrow, name="borrow", limits=_MEANT_A_YEAR)

    @property
    def concession(self) -> float:
        """How far a fill is from the open, as a fraction of it: spread and slippage together."""
        return self.spread + self.slippage

    @property
    def per_side(self) -> float:
        """Cost of one fill: commission, spread and slippage."""
        return self.commission + self.spread + self.slippage

    @property
    def round_trip(self) -> float:
        """Cost of entry and exit together."""
        return 2 * self.per_side

    def describe(self) -> str:
        """Say in words what a trade costs."""
        text = f"{in_percent(self.per_side)} per side, {in_bp(self.round_trip)} round trip"
        return text + (f", {in_percent(self.borrow)} a year on shorts" if self.borrow else "")


def costs_for(config: CostsConfig, fees: str) -> Costs:
    """Return the costs of a scenario.

    ================  ==========  ======  ========  ======
    fees              commission  spread  slippage  borrow
    ================  ==========  ======  ========  ======
    none              0           0       0         0
    maker             maker       0       0         yes
    taker             taker       yes     0         yes
    taker+slippage    taker       yes     yes       yes
    "10bp"            10 bp       0       0         yes
    ================  ==========  ======  ========  ======

    A maker's resting order pays no spread; that it is filled at all is optimistic.

    Raises
    ------
    ConfigError
        If ``fees`` is neither a scenario nor a fraction such as "10bp", "0.1%" or "0.001".
    """
    if fees == "none":
        return Costs()
    if fees == "maker":
        return Costs(commission=config.maker, borrow=config.borrow)
    if fees == "taker":
        return Costs(commission=config.taker, spread=config.spread, borrow=config.borrow)
    if fees == "taker+slippage":
        return Costs(config.taker, config.spread, config.slippage, config.borrow)
    return Costs(commission=_commission(fees), borrow=config.borrow)


def _commission(fees: str) -> float:
    if any(letter.isdigit() for letter in fees):
        return parse_fraction(fees, name="fee")
    known = ", ".join(FEES)
    raise ConfigError(
        f"fees = {fees!r} is not one of {known}, or a commission such as "
        f"10bp.{did_you_mean(fees, FEES)}"
    )
