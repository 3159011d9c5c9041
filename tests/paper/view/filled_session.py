"""A session's ledger filled as a session fills it: candles, decisions, orders and fills of a made-up morning."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import numpy as np

from cryptonn.paper.decision import Decision
from cryptonn.paper.ledger import CandleRow, Ledger, SessionFacts
from cryptonn.paper.planner import Move
from cryptonn.paper.ports import VenueFill

MINUTE = 60_000
START_MS = 1_546_300_800_000
"""2019-01-01 00:00 UTC."""
CASH = Decimal(10_000)
AMOUNT = Decimal("50.0000")
RATE = Decimal("0.001")
SECRETS = ("local-key", "local-secret", "signature")


def facts(**changes: object) -> SessionFacts:
    given: dict[str, object] = {
        "run": "lstm_eth_5m",
        "config": '{"about": "the configuration is nobody\'s business on a page"}',
        "config_sha": "aa",
        "model_sha": "bb",
        "code_version": "0.1.0",
        "ccxt_version": "4.5.90",
        "venue": "binance testnet",
        "symbol": "ETH/USD",
        "cash": CASH,
        "started_ms": START_MS,
    }
    return SessionFacts(**given | changes)  # type: ignore[arg-type]


def prices(bars: int) -> list[float]:
    """Closes of a walk around 133, to the cent."""
    steps = np.random.default_rng(5).normal(0, 0.0012, bars)
    return [float(price) for price in np.round(133 * np.exp(np.cumsum(steps)), 2)]


def candle(bar: int, close: float) -> CandleRow:
    return CandleRow(START_MS + bar * MINUTE, close, close + 0.1, close - 0.1, close, 3.5)


def decision(bar: int, close: float, *, wanted: Decimal, proba: float = 0.55) -> Decision:
    opened = START_MS + bar * MINUTE
    signal = 1 if wanted else 0
    return Decision(opened, opened + MINUTE, proba, signal, wanted, Decimal(str(close)), False)


def trade(
    ledger: Ledger, plan: Decision, move: Move, *, price: Decimal, fee_in: str = "USD"
) -> str:
    """Plan, send, accept, fill and close one order, as the executor does; return its client id."""
    at_ms = plan.close_ms + 400
    order = ledger.plan(plan, move, at_ms=at_ms)
    assert order is not None
    fee = move.amount * (price if fee_in == "USD" else 1) * RATE
    venue_id = f"v{plan.time_ms}"
    ledger.mark(order.cid, "SENDING", at_ms=at_ms, signed_ms=at_ms)
    ledger.mark(order.cid, "OPEN", at_ms=at_ms, venue_id=venue_id)
    fill = VenueFill(
        f"t{plan.time_ms}", venue_id, move.side, move.amount, price, fee, fee_in, at_ms
    )
    ledger.add_fills(order.cid, [fill])
    ledger.mark(order.cid, "CLOSED", at_ms=at_ms, filled=move.amount, reason="filled")
    return order.cid


def open_epoch(ledger: Ledger) -> None:
    ledger.epoch(
        "start", {"USD": CASH, "ETH": Decimal(0)}, carried=Decimal(0), cash=CASH, at_ms=START_MS
    )


def fill_session(ledger: Ledger, bars: int, *, hold: int = 20, first: int = 0) -> None:
    """Trade ``bars`` minutes: in for ``hold`` bars, out for as many, and so on."""
    closes = prices(first + bars)
    for bar in range(first, first + bars):
        ledger.add_candles(
            "ETH/USD", [candle(bar, closes[bar])], seen_ms=START_MS + (bar + 1) * MINUTE
        )
        before, now = bar % (2 * hold) >= hold, (bar + 1) % (2 * hold) >= hold
        plan = decision(
            bar, closes[bar], wanted=AMOUNT if now else Decimal(0), proba=0.5 + 0.05 * np.sin(bar)
        )
        if before == now:
            ledger.plan(plan, None, at_ms=plan.close_ms + 300)
        else:
            move = Move("buy" if now else "sell", AMOUNT)
            trade(ledger, plan, move, price=Decimal(str(closes[bar])))


@contextmanager
def session(folder: Path, *, bars: int = 0, hold: int = 20) -> Iterator[Ledger]:
    """Open a session's ledger for writing, with an epoch and so many bars of trading."""
    with Ledger.open(folder / "session.sqlite", facts()) as ledger:
        open_epoch(ledger)
        fill_session(ledger, bars, hold=hold)
        yield ledger
