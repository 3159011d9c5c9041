"""Alpaca's paper account, against a server that answers as its documents do."""

from decimal import Decimal
from typing import Any

import pytest

from cryptonn.paper.ports import OrderState, Rejected, Unknown, Unreadable
from cryptonn.trading.rules import MarketRules
from tests.paper.venue.accounts import ETH, KEY, SECRET, Scripted, order, scripted, scripted_account

ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"
ASSET = {
    **{
        "id": "a1",
        "class": "crypto",
        "exchange": "CRYPTO",
        "symbol": "ETH/USD",
        "name": "Ethereum",
        "status": "active",
    },
    **{"tradable": True, "fractionable": True, "min_order_size": "0.0001"},
    **{"min_trade_increment": "0.000000001", "price_increment": "0.01"},
}
ORDER = {
    **{"id": ID, "client_order_id": order().cid, "symbol": "ETH/USD", "qty": "0.5", "filled_qty": "0.5", "side": "buy"},
    **{"notional": None, "type": "market", "order_type": "market", "status": "filled", "time_in_force": "gtc"},
    **{"submitted_at": "2026-03-16T18:38:01.937734Z", "filled_avg_price": "2000"},
}
FILL = {
    **{"id": "20260316::1", "activity_type": "FILL", "transaction_time": "2026-03-16T18:38:01.937734123Z"},
    **{"type": "fill", "price": "2000", "qty": "0.5", "side": "buy", "symbol": "ETH/USD", "order_id": ID},
}
ACCOUNT = {"currency": "USD", "cash": "1000.5", "trading_blocked": False, "account_blocked": False}
POSITION = {"symbol": "ETHUSD", "asset_class": "crypto", "qty": "0.5", "qty_available": "0.4"}
NOT_FOUND = (404, {}, {"code": 40410000, "message": "order not found for " + order().cid})
LOOKUP = "GET /v2/orders:by_client_order_id"


def answers(**more: Any) -> dict[str, Any]:
    return {
        "GET /v2/assets": (200, {}, [ASSET]),
        "GET /v2/clock": (200, {}, {"timestamp": "2026-03-16T14:38:01.937734123-04:00", "is_open": True}),
        "GET /v2/account": (200, {}, ACCOUNT),
        "GET /v2/positions": (200, {}, [POSITION, {**POSITION, "asset_class": "us_equity", "symbol": "AAPL"}]),
        "POST /v2/orders": (200, {}, ORDER),
        LOOKUP: (200, {}, ORDER),
        "GET /v2/orders": (200, {}, [{**ORDER, "status": "new", "filled_qty": "0"}, {**ORDER, "symbol": "BTC/USD"}]),
        "GET /v2/account/activities/FILL": (200, {}, [FILL, {**FILL, "order_id": "another"}]),
        "GET /v1beta3/crypto/us/latest/trades": (200, {}, {"trades": {"ETH/USD": {"p": 2000.25, "t": "x"}}}),
        f"DELETE /v2/orders/{ID}": (204, {}, ""),
        **more,
    }


def sent(script: Scripted, line: str) -> list[tuple[dict[str, str], str]]:
    return [(headers, body) for seen, headers, body in script.seen if seen == line]


def test_an_order_and_everything_that_is_asked_about_it() -> None:
    with scripted(**answers()) as script, scripted_account("alpaca", script) as venue:
        assert venue.rules(ETH) == MarketRules(
            Decimal("1e-9"), Decimal("0.01"), Decimal("0.0001"), Decimal(10), fee_in="base"
        )
        assert venue.server_ms() == 1773686281937
        assert venue.balances() == {"USD": (Decimal("1000.5"), 0), "ETH": (Decimal("0.4"), Decimal("0.1"))}
        assert venue.price(ETH) == Decimal("2000.25")
        state = venue.send(order())
        assert state == OrderState(order().cid, ID, "closed", Decimal("0.5"), Decimal("0.5"))
        assert venue.find(order().cid, ETH) == state
        (fill,) = venue.fills(state, ETH)
        assert (fill.amount, fill.price, fill.fee, fill.fee_currency) == (
            Decimal("0.5"),
            2000,
            Decimal("0.00125"),
            "ETH",
        )
        assert fill.time_ms == 1773686281937
        assert [one.status for one in venue.open_orders(ETH)] == ["open"]
        venue.cancel(state, ETH)
        assert venue.key_warnings() == []
        ((headers, body),) = sent(script, "POST /v2/orders")
        assert (headers["APCA-API-KEY-ID"], headers["APCA-API-SECRET-KEY"]) == (KEY, SECRET)
        assert f'"client_order_id":"{order().cid}"' in body.replace(": ", ":")
        assert "notional" not in body
        public = [headers for line, headers, _ in script.seen if "latest/trades" in line]
        assert public
        assert not any("APCA-API-KEY-ID" in headers for headers in public)


def test_a_sale_pays_its_fee_in_quote() -> None:
    sold = {**FILL, "side": "sell"}
    with (
        scripted(**answers(**{"GET /v2/account/activities/FILL": (200, {}, [sold])})) as script,
        scripted_account("alpaca", script) as venue,
    ):
        (fill,) = venue.fills(OrderState("c", ID, "closed", Decimal("0.5"), Decimal("0.5")), ETH)
        assert (fill.fee, fill.fee_currency) == (Decimal("2.5"), "USD")


@pytest.mark.parametrize(
    ("status", "body", "halts"),
    [
        (403, {"code": 40310000, "message": "insufficient balance for USD (requested: 1000, available: 0)"}, False),
        (403, {"code": 40310000, "message": "cost basis must be >= minimal amount of order 10"}, False),
        (422, {"code": 42210000, "message": "invalid crypto time_in_force"}, False),
        (403, {"code": 40310000, "message": "new orders are rejected by user request"}, True),
        (401, {"code": 40110000, "message": "request is not authorized"}, True),
        (403, {"message": "forbidden."}, True),
    ],
)
def test_what_alpaca_refuses_is_rejected(status: int, body: Any, halts: bool) -> None:
    with (
        scripted(**answers(**{"POST /v2/orders": (status, {}, body)})) as script,
        scripted_account("alpaca", script) as venue,
    ):
        with pytest.raises(Rejected) as caught:
            venue.send(order())
        assert caught.value.halts == halts


@pytest.mark.parametrize(
    "reply",
    [
        (500, {}, {"code": 50010000, "message": "internal server error"}),
        (429, {}, {"code": 42910000, "message": "rate limit exceeded"}),
        (504, {}, "<html>"),
        (200, {}, ""),
        (200, {}, []),
        (200, {}, {**ORDER, "client_order_id": "another"}),
        (200, {}, {**ORDER, "status": None}),
        (200, {}, {**ORDER, "status": "sleeping"}),
        (200, {}, {**ORDER, "qty": None, "notional": "1000"}),
        (200, {}, {**ORDER, "filled_qty": "NaN"}),
        (200, {}, {**ORDER, "filled_qty": "0.6"}),
        (200, {}, {**ORDER, "symbol": "BTC/USD"}),
        (200, {}, {**ORDER, "side": "sell"}),
        (403, {}, "<html>blocked</html>"),
    ],
)
def test_everything_else_is_unknown(reply: Any) -> None:
    with scripted(**answers(**{"POST /v2/orders": reply})) as script, scripted_account("alpaca", script) as venue:
        with pytest.raises(Unknown):
            venue.send(order())
        assert len(sent(script, "POST /v2/orders")) == 1


def test_an_order_that_alpaca_does_not_know_is_not_found_and_other_trouble_is_unreadable() -> None:
    with scripted(**answers(**{LOOKUP: NOT_FOUND})) as script, scripted_account("alpaca", script) as venue:
        assert venue.find(order().cid, ETH) is None
        for trouble in (
            (404, {}, "<html>"),
            (404, {}, {"message": "endpoint not found."}),
            (500, {}, {"code": 40410000}),
        ):
            script.answers[LOOKUP] = trouble
            with pytest.raises(Unreadable):
                venue.find(order().cid, ETH)


def test_a_cancellation_that_comes_too_late_is_no_trouble() -> None:
    gone = (422, {}, {"code": 42210000, "message": "order is already in filled state"})
    with (
        scripted(**answers(**{f"DELETE /v2/orders/{ID}": gone})) as script,
        scripted_account("alpaca", script) as venue,
    ):
        venue.cancel(OrderState("c", ID, "open", Decimal(1), Decimal(0)), ETH)
        with pytest.raises(Unreadable):
            venue.cancel(OrderState("c", "../positions", "open", Decimal(1), Decimal(0)), ETH)


def test_an_account_that_may_not_trade_is_told() -> None:
    blocked = (200, {}, {**ACCOUNT, "trading_blocked": True})
    with scripted(**answers(**{"GET /v2/account": blocked})) as script, scripted_account("alpaca", script) as venue:
        assert venue.key_warnings() == ["the account may not trade"]
