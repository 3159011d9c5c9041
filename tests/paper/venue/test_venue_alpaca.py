"""Alpaca's paper account, against a server that answers as its documents do."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

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
    **{
        "id": ID,
        "client_order_id": order().cid,
        "symbol": "ETH/USD",
        "qty": "0.5",
        "filled_qty": "0.5",
        "side": "buy",
    },
    **{
        "notional": None,
        "type": "market",
        "order_type": "market",
        "status": "filled",
        "time_in_force": "gtc",
    },
    **{"submitted_at": "2026-03-16T18:38:01.937734Z", "filled_avg_price": "2000"},
}
FILL = {
    **{
        "id": "20260316::1",
        "activity_type": "FILL",
        "transaction_time": "2026-03-16T18:38:01.937734123Z",
    },
    **{
        "type": "fill",
        "price": "2000",
        "qty": "0.5",
        "side": "buy",
        "symbol": "ETH/USD",
        "order_id": ID,
    },
}
ACCOUNT = {"currency": "USD", "cash": "1000.5", "trading_blocked": False, "account_blocked": False}
POSITION = {"symbol": "ETHUSD", "asset_class": "crypto", "qty": "0.5", "qty_available": "0.4"}
NOT_FOUND = (404, {}, {"code": 40410000, "message": "order not found for " + order().cid})
SENT = f"GET /v2/orders/{ID}"
LOOKUP = "GET /v2/orders:by_client_order_id"


def answers(**more: Any) -> dict[str, Any]:
    return {
        "GET /v2/assets": (200, {}, [ASSET]),
        "GET /v2/clock": (
            200,
            {},
            {"timestamp": "2026-03-16T14:38:01.937734123-04:00", "is_open": True},
        ),
        "GET /v2/account": (200, {}, ACCOUNT),
        "GET /v2/positions": (
            200,
            {},
            [POSITION, {**POSITION, "asset_class": "us_equity", "symbol": "AAPL"}],
        ),
        "POST /v2/orders": (200, {}, ORDER),
        LOOKUP: (200, {}, ORDER),
        "GET /v2/orders": (
            200,
            {},
            [{**ORDER, "status": "new", "filled_qty": "0"}, {**ORDER, "symbol": "BTC/USD"}],
        ),
        "GET /v2/account/activities/FILL": (200, {}, [FILL, {**FILL, "order_id": "another"}]),
        "GET /v1beta3/crypto/us/latest/trades": (
            200,
            {},
            {"trades": {"ETH/USD": {"p": 2000.25, "t": "x"}}},
        ),
        SENT: (200, {}, ORDER),
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
        assert venue.balances() == {
            "USD": (Decimal("1000.5"), 0),
            "ETH": (Decimal("0.4"), Decimal("0.1")),
        }
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


FILLS = "GET /v2/account/activities/FILL"


def numbered(
    count: int, *, of: str, first: int = 0, qty: str = "0.001", minute: int = 38
) -> list[dict[str, Any]]:
    """So many fills of an order, the newest first, as alpaca gives them."""
    at = f"2026-03-16T18:{minute}:01.5Z"
    return [
        {**FILL, "id": f"20260316::{number:04}", "order_id": of, "qty": qty, "transaction_time": at}
        for number in reversed(range(first, first + count))
    ]


def paged(rows: list[dict[str, Any]]) -> Any:
    """Answer as the activities do: at most 100 rows, those after the one whose id is the page token."""

    def answer(target: str) -> Any:
        asked = dict(parse_qsl(target.partition("?")[2]))
        assert asked["direction"] == "desc"
        ids = [row["id"] for row in rows]
        start = ids.index(asked["page_token"]) + 1 if "page_token" in asked else 0
        return 200, {}, rows[start : start + min(int(asked["page_size"]), 100)]

    return answer


def filled(amount: str, *, of: str = "0.5") -> OrderState:
    return OrderState(
        order().cid, ID, "open" if amount != of else "closed", Decimal(of), Decimal(amount)
    )


def pages(script: Scripted) -> int:
    return sum(line.startswith(FILLS) for line in script.lines())


def test_an_order_of_more_fills_than_a_page_holds_loses_none() -> None:
    rows = numbered(250, of=ID)
    with (
        scripted(**answers(**{FILLS: paged(rows)})) as script,
        scripted_account("alpaca", script) as venue,
    ):
        fills = venue.fills(filled("0.25"), ETH)
        assert {fill.trade_id for fill in fills} == {row["id"] for row in rows}
        assert pages(script) == 3


def test_the_fills_of_an_order_behind_many_newer_ones_are_found() -> None:
    rows = (
        numbered(230, of="another", first=500)
        + numbered(3, of=ID, first=200)
        + numbered(200, of="older")
    )
    with (
        scripted(**answers(**{FILLS: paged(rows)})) as script,
        scripted_account("alpaca", script) as venue,
    ):
        assert len(venue.fills(filled("0.003"), ETH)) == 3
        assert pages(script) == 3  # and none of what is older


def test_rows_that_come_twice_do_not_stand_for_those_that_lack() -> None:
    twice = [row for row in numbered(60, of=ID) for _ in range(2)]
    with (
        scripted(**answers(**{FILLS: paged(twice)})) as script,
        scripted_account("alpaca", script) as venue,
    ):
        assert len(venue.fills(filled("0.060"), ETH)) == 60


def test_two_fills_of_one_id_that_differ_are_no_answer() -> None:
    rows = numbered(120, of=ID)
    rows[110] = {**rows[110], "id": rows[3]["id"], "price": "2001"}
    with (
        scripted(**answers(**{FILLS: paged(rows)})) as script,
        scripted_account("alpaca", script) as venue,
        pytest.raises(Unreadable, match="two different fills"),
    ):
        venue.fills(filled("0.12"), ETH)


def test_fills_that_lag_are_not_looked_for_before_the_order_was_sent() -> None:
    rows = numbered(150, of=ID, first=5000) + numbered(3000, of="older", minute=20)
    with (
        scripted(**answers(**{FILLS: paged(rows)})) as script,
        scripted_account("alpaca", script) as venue,
    ):
        assert len(venue.fills(filled("0.5"), ETH)) == 150
        assert pages(script) == 2
        assert script.lines().count(SENT) == 1
        script.answers[SENT] = (500, {}, {})
        with pytest.raises(Unreadable):
            venue.fills(filled("0.5"), ETH)


def test_pages_that_do_not_go_on_are_no_answer() -> None:
    same = numbered(100, of="another", first=100)
    with (
        scripted(**answers(**{FILLS: (200, {}, same)})) as script,
        scripted_account("alpaca", script) as venue,
    ):
        with pytest.raises(Unreadable, match="page"):
            venue.fills(filled("0.5"), ETH)
        assert pages(script) == 2


@pytest.mark.parametrize(
    ("status", "body", "halts"),
    [
        (
            403,
            {
                "code": 40310000,
                "message": "insufficient balance for USD (requested: 1000, available: 0)",
            },
            False,
        ),
        (
            403,
            {"code": 40310000, "message": "cost basis must be >= minimal amount of order 10"},
            False,
        ),
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
    with (
        scripted(**answers(**{"POST /v2/orders": reply})) as script,
        scripted_account("alpaca", script) as venue,
    ):
        with pytest.raises(Unknown):
            venue.send(order())
        assert len(sent(script, "POST /v2/orders")) == 1


def test_an_order_that_alpaca_does_not_know_is_not_found_and_other_trouble_is_unreadable() -> None:
    with (
        scripted(**answers(**{LOOKUP: NOT_FOUND})) as script,
        scripted_account("alpaca", script) as venue,
    ):
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
    with (
        scripted(**answers(**{"GET /v2/account": blocked})) as script,
        scripted_account("alpaca", script) as venue,
    ):
        assert venue.key_warnings() == ["the account may not trade"]
