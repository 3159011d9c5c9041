"""Sessions of the tiny run, written as a session writes them: its backtest's trades, but for chosen mishaps."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.market.bars import times_of
from cryptonn.market.candles import align
from cryptonn.paper.decider import Decider, Terms, open_decider
from cryptonn.paper.decision import Decision
from cryptonn.paper.identity import model_sha, session_config
from cryptonn.paper.ledger import CandleRow, Ledger, SessionFacts
from cryptonn.paper.planner import Move
from cryptonn.paper.ports import NOT_SENT, VenueFill
from cryptonn.paper.refusals import REFUSED_LATER
from cryptonn.paper.settings import PaperSettings
from cryptonn.paper.trades import Trade, backtest_trades, planned_trades
from cryptonn.runs import read_run_config
from cryptonn.trading.rules import MarketRules
from tests.tiny_run import TARGET, tiny_candles

MINUTE = 60_000
CASH = Decimal(100_000)
STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"
RULES = MarketRules(Decimal("0.0001"), Decimal("0.01"), Decimal("0.0001"), Decimal(10))
START = pd.Timestamp("2018-01-03 23:30", tz="UTC")


_REPLAYED: dict[tuple[Any, ...], Any] = {}
"""Backtests by model, configuration, start and currency of the fees: many sessions are written of the same run."""


@dataclass(frozen=True)
class Mishaps:
    """What goes otherwise than in the backtest, by the number of the trade."""

    dearer: Collection[int] = ()
    """Filled a quote unit against the trader."""
    refused: Collection[int] = ()
    refused_later: Collection[int] = ()
    """Taken by the exchange, and refused only then."""
    not_sent: Collection[int] = ()
    halved: Collection[int] = ()
    third_currency: Collection[int] = ()
    missed: range = field(default_factory=lambda: range(0))
    """Bars not decided on."""
    made_up_for: bool = False
    """The newest trade on bars that were missed comes with the first decision after them."""
    reset_after: int | None = None
    """Trade after which the sandbox is reset."""
    rules_kept: bool = True


class Writer:
    """Writes one session of a run."""

    def __init__(self, run: Path, *, start: pd.Timestamp = START, fee_in: str = "quote") -> None:
        self.run, self.start, self.config = run, start, read_run_config(run)
        self.rules = replace(RULES, fee_in=fee_in)
        self.settings = PaperSettings(exchange="local")
        terms = Terms(rules=self.rules, fees=self.settings.fees, cash=CASH, start_ms=_ms(start))
        self.decider: Decider = open_decider(run, terms, strategies=STRATEGIES)
        self.tables = tiny_candles()
        self.frame = align(self.tables, timeframe="1m")
        known = (model_sha(run), (run / "config.toml").read_bytes(), start, fee_in)
        if known not in _REPLAYED:
            _REPLAYED[known] = self.decider.replay(self.frame)
        self.result, self.decisions = _REPLAYED[known]

    def facts(self, *, rules_kept: bool = True, **changes: Any) -> SessionFacts:
        text, sha = session_config(self.config, self.settings, self.rules, enter=0.55)
        if not rules_kept:
            text = text.replace('"market":', '"forgotten":')
        given = {
            "run": self.run.name,
            "config": text,
            "config_sha": sha,
            "model_sha": model_sha(self.run),
            "code_version": "0.1.0",
            "ccxt_version": "4.5.90",
            "venue": "local",
            "symbol": TARGET,
            "cash": CASH,
            "started_ms": _ms(self.start),
        }
        return SessionFacts(**(given | changes))

    def trades(self) -> Mapping[int, Trade]:
        if self.rules.fee_in == "quote":
            return backtest_trades(self.result, quote="USD")
        candles = self.frame.candles(TARGET).loc[self.decisions.index]
        return planned_trades(
            self.decisions,
            candles,
            rules=self.rules,
            costs=self.result.costs,
            base="ETH",
            quote="USD",
        )

    def quiet_bars(self, many: int, *, before: int) -> range:
        """Return the first bars in a row on which the backtest trades nothing, so as not to be missed."""
        trading = [time_ms in self.trades() for time_ms, _ in self._decisions(before)]
        first = next(bar for bar in range(5, before - many) if not any(trading[bar : bar + many]))
        return range(first, first + many)

    def bars_of_a_trade(self) -> range:
        """Return the bar of the last trade among the first 300."""
        trades = self.trades()
        bar = max(bar for bar, (time_ms, _) in enumerate(self._decisions(300)) if time_ms in trades)
        return range(bar, bar + 1)

    def write(
        self,
        name: str,
        *,
        bars: int,
        mishaps: Mishaps | None = None,
        after: int = 1,
        **changes: Any,
    ) -> Path:
        """Write ``bars`` decisions and candles up to ``after`` bars behind them; return the database's path."""
        mishaps = mishaps or Mishaps()
        path = self.run / "paper" / name / "session.sqlite"
        with Ledger.open(path, self.facts(rules_kept=mishaps.rules_kept, **changes)) as ledger:
            ledger._db.execute(
                "PRAGMA synchronous = OFF"
            )  # thousands of commits, and nothing of it is to last
            ledger.epoch(
                "start", {"USD": CASH}, carried=Decimal(0), cash=CASH, at_ms=_ms(self.start)
            )
            self._candles(ledger, self.decisions.index[bars - 1 + after])
            trades, owed, number = self.trades(), None, 0
            for bar, (time_ms, decision) in enumerate(self._decisions(bars)):
                trade = trades.get(time_ms)
                if bar in mishaps.missed:
                    owed = (
                        replace(trade, filled_ms=0)
                        if trade is not None and mishaps.made_up_for
                        else owed
                    )
                    continue
                if trade is None and owed is not None:
                    trade, owed = replace(owed, filled_ms=time_ms + MINUTE), None
                order = ledger.plan(decision, self._move(ledger, trade), at_ms=time_ms)
                if order is not None and trade is not None:
                    self._fill(ledger, order.cid, trade, number, mishaps)
                    if number == mishaps.reset_after:
                        self._reset(ledger, decision)
                    number += 1
        return path

    def _move(self, ledger: Ledger, trade: Trade | None) -> Move | None:
        """No more is sold than is held."""
        if trade is None:
            return None
        amount = (
            trade.amount
            if trade.side == "buy"
            else min(trade.amount, self.rules.amount(ledger.position()))
        )
        return Move(trade.side, amount) if amount else None

    def _candles(self, ledger: Ledger, end: pd.Timestamp) -> None:
        since = self.start.normalize() - pd.Timedelta(days=1)
        for symbol, table in self.tables.items():
            part = table.loc[since:end]
            rows = zip(_times(part), *part.to_numpy().T.tolist(), strict=True)
            ledger.add_candles(symbol, [CandleRow(*row) for row in rows], seen_ms=0)

    def _decisions(self, bars: int) -> list[tuple[int, Decision]]:
        table = self.decisions.iloc[:bars]
        return [
            (
                time_ms,
                Decision(
                    time_ms,
                    time_ms + MINUTE,
                    row.proba,
                    int(row.signal),
                    row.wanted,
                    _price(row.close),
                    False,
                ),
            )
            for time_ms, row in zip(_times(table), table.itertuples(), strict=True)
        ]

    def _fill(self, ledger: Ledger, cid: str, trade: Trade, number: int, mishaps: Mishaps) -> None:
        at_ms = trade.filled_ms + 1_000
        ledger.mark(cid, "SENDING", at_ms=at_ms, signed_ms=at_ms)
        if number in mishaps.refused:
            ledger.mark(cid, "REJECTED", at_ms=at_ms, reason="<b>Insufficient</b> balance")
            ledger.incident("rejected", f"{cid}: no\x1b[2J funds", at_ms=at_ms)
            return
        if number in mishaps.not_sent:
            ledger.mark(
                cid,
                "REJECTED",
                at_ms=at_ms,
                reason=f"{NOT_SENT}: Resting: it asked to be left alone",
            )
            return
        if number in mishaps.refused_later:
            ledger.mark(cid, "OPEN", at_ms=at_ms, venue_id=cid)
            ledger.mark(cid, "CLOSED", at_ms=at_ms, reason=REFUSED_LATER)
            return
        worse = (1 if trade.side == "buy" else -1) if number in mishaps.dearer else 0
        asked = ledger.order(cid).amount
        amount = self.rules.amount(asked / 2) if number in mishaps.halved else asked
        fee = round(trade.fee * amount / trade.amount, 8)
        paid = (
            (Decimal("0.5"), "BNB")
            if number in mishaps.third_currency
            else (fee, trade.fee_currency)
        )
        ledger.mark(cid, "OPEN", at_ms=at_ms, venue_id=cid)
        ledger.add_fills(
            cid, [VenueFill(cid, cid, trade.side, amount, trade.price + worse, *paid, at_ms)]
        )
        ledger.mark(cid, "CLOSED", at_ms=at_ms, filled=amount, reason="filled")

    def _reset(self, ledger: Ledger, decision: Decision) -> None:
        equity, at_ms = ledger.equity(decision.close), decision.close_ms + 5_000
        ledger.incident("reset", "the exchange knows none of the orders", at_ms=at_ms)
        ledger.epoch("reset", {"USD": CASH}, carried=Decimal(0), cash=equity, at_ms=at_ms)


def _price(value: float) -> Decimal:
    return Decimal(str(value))


def _times(table: pd.DataFrame) -> list[int]:
    times: list[int] = (times_of(pd.DatetimeIndex(table.index)) // 1_000_000).tolist()
    return times


def _ms(time: pd.Timestamp) -> int:
    return round(time.timestamp() * 1000)
