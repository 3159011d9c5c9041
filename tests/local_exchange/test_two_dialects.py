"""One account seen through two dialects: whatever is ordered, cancelled or waited for, both tell the same story.

The genuine ccxt classes of binance and gemini talk to the same exchange. After every step its balances, open orders
and trades are the same through either, and the balances are what the opening ones and the trades make.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import ccxt
import pytest

from tests.local_exchange.genuine import genuine
from tests.local_exchange.small_exchange import OPENING, control, small_exchange, wait_minutes

SYMBOLS = ("ETH/USD", "BTC/USD")
REFUSALS = (ccxt.InsufficientFunds, ccxt.InvalidOrder, ccxt.BadRequest)
UNITS = {"ETH/USD": 30_000, "BTC/USD": 3_000}
"""Largest amounts in ten-thousandths; some orders are too small, some cost more than there is."""


def story(seed: int, *, steps: int) -> list[tuple[Any, ...]]:
    """Make up what happens, one (what, …) a step."""
    random = Random(seed)

    def order() -> tuple[str, str, int]:
        symbol = random.choice(SYMBOLS)
        return symbol, random.choice(["buy", "sell"]), random.randint(1, UNITS[symbol])

    def step(what: str) -> tuple[Any, ...]:
        dialect = random.choice(["binance", "gemini"])
        match what:
            case "market":
                return "market", *order()
            case "limit":
                return (
                    "limit",
                    dialect,
                    *order(),
                    random.randint(-100, 100),
                    random.choice(["GTC", "GTC", "IOC", "FOK"]),
                )
            case "cancel":
                return "cancel", dialect, random.randint(0, 30)
            case "wait":
                return "wait", random.choice([0.01, 0.5, 1, 1, 1, 5, 60])
        return (
            "partial",
            random.choice([None, "0.3"]),
            random.choice(["later", "rest", "expire", "cancel"]),
        )

    kinds = random.choices(
        ["market", "limit", "cancel", "wait", "partial"], weights=[3, 4, 2, 3, 1], k=steps
    )
    return [step(what) for what in kinds]


class Both:
    """The two classes on one exchange, and the orders sent so far as (symbol, id)."""

    def __init__(self, port: int, binance: Any, gemini: Any) -> None:
        self.port, self.binance, self.gemini = port, binance, gemini
        self.sent: list[tuple[str, str]] = []
        self.refused = 0

    def try_order(self, send: Callable[[], dict[str, Any]]) -> None:
        before = self.balances("binance")
        try:
            order = send()
        except REFUSALS:
            assert self.balances("binance") == before
            self.refused += 1
        else:
            self.sent.append((order["symbol"], order["id"]))

    def market(self, symbol: str, side: str, units: int) -> None:
        amount = self.binance.amount_to_precision(symbol, units / 10_000)
        self.try_order(lambda: self.binance.create_order(symbol, "market", side, float(amount)))

    def limit(
        self, name: str, symbol: str, side: str, units: int, ticks: int, in_force: str
    ) -> None:
        price = round(float(self.gemini.fetch_ticker(symbol)["last"]) + ticks * 0.03, 2)
        exchange = getattr(self, name)
        self.try_order(
            lambda: exchange.create_order(
                symbol, "limit", side, units / 10_000, price, {"timeInForce": in_force}
            )
        )

    def cancel(self, name: str, place: int) -> None:
        if not self.sent:
            return
        symbol, number = self.sent[place % len(self.sent)]
        try:
            order = getattr(self, name).cancel_order(number, symbol)
        except ccxt.OrderNotFound:
            assert name == "binance", "gemini describes an order that has ended"
        else:
            assert order["status"] in ("canceled", "closed")

    def wait(self, minutes: float) -> None:
        wait_minutes(self.port, minutes)

    def partial(self, share: str | None, remainder: str) -> None:
        control(self.port, "quirks", partial=share, remainder=remainder)

    def balances(self, name: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Return (free, held back) of every currency, as the exchange wrote it."""
        if name == "binance":
            rows = self.binance.privateGetAccount()["balances"]
            return {row["asset"]: (Decimal(row["free"]), Decimal(row["locked"])) for row in rows}
        rows = self.gemini.privatePostV1Balances()
        held = {
            row["currency"]: (Decimal(row["available"]), Decimal(row["amount"])) for row in rows
        }
        return {currency: (free, total - free) for currency, (free, total) in held.items()}

    def trades(self, name: str, symbol: str) -> dict[str, tuple[Any, ...]]:
        """Return (order, side, amount, price, fee, its currency, time) of every trade."""
        if name == "binance":
            rows = self.binance.fetch_my_trades(symbol, limit=1000)
            fees = {
                row["id"]: (row["info"]["commission"], row["info"]["commissionAsset"])
                for row in rows
            }
        else:
            rows = self.gemini.fetch_my_trades(symbol, limit=500)
            fees = {
                row["id"]: (row["info"]["fee_amount"], row["info"]["fee_currency"]) for row in rows
            }
        return {
            row["id"]: (
                *(
                    row["order"],
                    row["side"],
                    Decimal(str(row["amount"])),
                    Decimal(str(row["price"])),
                ),
                *(Decimal(fees[row["id"]][0]), fees[row["id"]][1], row["timestamp"]),
            )
            for row in rows
        }

    def open_orders(self, name: str) -> dict[str, tuple[Any, ...]]:
        exchange = getattr(self, name)
        rows = [order for symbol in SYMBOLS for order in exchange.fetch_open_orders(symbol)]
        return {
            row["id"]: (row["symbol"], row["side"], row["amount"], row["filled"], row["price"])
            for row in rows
        }

    def agree(self) -> None:
        """Assert that both tell the same, and that opening balances and trades explain it."""
        held = self.balances("binance")
        assert held == self.balances("gemini")
        assert all(free >= 0 and locked >= 0 for free, locked in held.values())
        explained = dict(OPENING)
        for symbol in SYMBOLS:
            trades = self.trades("binance", symbol)
            assert trades == self.trades("gemini", symbol)
            base, quote = symbol.split("/")
            for _, side, amount, price, fee, currency, _ in trades.values():
                sign = 1 if side == "buy" else -1
                explained[base] += sign * amount
                explained[quote] -= sign * amount * price
                explained[currency] -= fee
        assert {currency: free + locked for currency, (free, locked) in held.items()} == explained
        still_open = self.open_orders("binance")
        assert {number: row[:4] for number, row in still_open.items()} == {
            number: row[:4] for number, row in self.open_orders("gemini").items()
        }
        if not still_open:
            assert all(locked == 0 for _, locked in held.values())


@pytest.mark.parametrize(("fee_in", "seed"), [("quote", 0), ("base", 1), ("base", 2)])
def test_both_dialects_tell_the_same_after_every_step(fee_in: str, seed: int) -> None:
    with (
        small_exchange(fee_in=fee_in) as exchange,
        genuine("binance", exchange.port) as binance,
        genuine("gemini", exchange.port) as gemini,
    ):
        binance.milliseconds = lambda: control(exchange.port, "clock")["now_ms"]
        both = Both(exchange.port, binance, gemini)
        both.agree()
        for what, *words in story(seed, steps=40):
            getattr(both, what)(*words)
            both.agree()
        trades = sum(len(both.trades("binance", symbol)) for symbol in SYMBOLS)
    assert len(both.sent) >= 10
    assert trades >= 8
    assert both.refused >= 1
