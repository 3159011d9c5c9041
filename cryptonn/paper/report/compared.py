"""Both ledgers of a session on the same candles: what its exchange says,
and the backtest that it mirrors.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.config import RunConfig
from cryptonn.market.candles import Frame
from cryptonn.paper.candle_log import frame_of
from cryptonn.paper.parity import Parity, parity
from cryptonn.paper.recorded import RecordedSession
from cryptonn.paper.report.gap import Gap, gap_between
from cryptonn.paper.trades import paper_trades
from cryptonn.paper.venue_result import venue_result
from cryptonn.reporting.figures_equity import buy_and_hold
from cryptonn.reporting.metrics import metrics_of
from cryptonn.trading.costs import costs_for
from cryptonn.trading.result import BacktestResult

__all__ = ["Compared", "compare"]


@dataclass(frozen=True, eq=False)
class Compared:
    """A session beside its backtest.

    Attributes
    ----------
    frame
        The candles of the session, those before its first decision included.
    venue, model
        What the exchange's fills came to, and the backtest; on the same bars.
    metrics
        Of ``venue`` and ``model``, by these names; see ``metrics_of``.
    left_out
        Executions after the last candle: in the ledger, but in no curve and no number here.
    """

    config: RunConfig
    parity: Parity
    frame: Frame
    venue: BacktestResult = field(repr=False)
    model: BacktestResult = field(repr=False)
    gap: Gap
    metrics: dict[str, dict[str, Any]] = field(repr=False)
    left_out: int

    @property
    def candles(self) -> pd.DataFrame:
        """Of the target, from the session's first bar on."""
        return self.frame.candles(self.config.data.target).loc[self.venue.equity.index]

    @property
    def held(self) -> pd.Series:
        """Equity of buying and holding."""
        return buy_and_hold(self.candles, cash=self.venue.cash).rename("buy_and_hold")


def compare(session: RecordedSession) -> Compared:
    """Replay a session's candles through the backtest and put its exchange's fills beside it.

    Bars after the last decision count only as far as an order of the session was filled in them.
    """
    ledger = session.ledger
    decider = session.decider
    config = session.decider.config
    found = parity(ledger, decider)
    log = {symbol: ledger.candles(symbol) for symbol in config.data.symbols}
    decisions = ledger.decisions()
    filled = paper_trades(ledger, step_ms=session.step_ms)
    last_ms = max([decisions[-1].decision.time_ms, *(trade.filled_ms for trade in filled.values())])
    newest = max(rows[-1].time_ms for rows in log.values() if rows)
    frame = frame_of(
        log,
        timeframe=config.data.timeframe,
        until_ms=max(decisions[-1].decision.time_ms, min(last_ms, newest)),
    )
    model, _ = decider.replay(frame)
    candles = frame.candles(config.data.target).loc[model.equity.index]
    fees = session.settings.fees
    strategy = Path(config.backtest.strategy).stem
    venue = venue_result(
        ledger,
        candles,
        costs=replace(costs_for(config.costs, fees), borrow=0.0),  # a spot account never borrows
        fees=fees,
        strategy=strategy,
        amount_step=decider.rules.amount_step,
        step_ms=session.step_ms,
    )
    settings: dict[str, Any] = {"resamples": config.report.resamples, "seed": config.seed}
    return Compared(
        config=config,
        parity=found,
        frame=frame,
        venue=venue,
        model=model,
        gap=gap_between(venue, model),
        metrics={
            "venue": metrics_of(venue, candles, **settings),
            "model": metrics_of(model, candles, **settings),
        },
        left_out=len(ledger.fills()) - len(venue.fills),
    )
