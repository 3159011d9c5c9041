"""An account on the local exchange in quiet times: what is asked, what is sent, and what comes back."""

from decimal import Decimal
from typing import Any

import pytest

from cryptonn.errors import ConfigError
from cryptonn.paper.clock import LocalClock
from cryptonn.paper.ports import Rejected, Unknown, Unreadable
from cryptonn.paper.venue.keys import Credentials
from cryptonn.paper.venue.venue import open_venue
from tests.local_exchange.small_exchange import (
    CANDLES,
    MINUTE,
    OPENING,
    START_MS,
    control,
    small_exchange,
    wait_minutes,
)
from tests.paper.venue.accounts import ETH, KEY, LOCAL, SECRET, local_account, order, posts

pytestmark = pytest.mark.parametrize("name", LOCAL)


def test_the_market_is_as_listed(name: str) -> None:
    with local_account(name) as (venue, _):
        rules = venue.rules(ETH)
        assert (rules.amount_step, rules.price_tick, rules.min_amount) == (
            Decimal("0.0001"),
            Decimal("0.01"),
            Decimal("0.0001"),
        )
        assert rules.fee_in == "quote"
        assert rules.min_cost == (10 if name == "local" else 0)


def test_a_symbol_that_is_not_listed_is_told_apart_from_trouble(name: str) -> None:
    with local_account(name) as (venue, port):
        with pytest.raises(ConfigError, match=r"does not trade ETH/USDX\. Did you mean"):
            venue.rules("ETH/USDX")
        control(port, "quirks", down_until_ms=START_MS + 10**9)
        with pytest.raises((ConfigError, Unreadable)) as caught:
            venue.rules("DOGE/USD")
        assert isinstance(caught.value, ConfigError if name == "local" else Unreadable)


def test_time_balances_and_price_are_those_of_the_exchange(name: str) -> None:
    with local_account(name) as (venue, port):
        assert venue.server_ms() == START_MS + 3 * MINUTE
        held = {currency: amount for currency, amount in OPENING.items() if amount}
        assert venue.balances() == {
            currency: (amount, Decimal(0)) for currency, amount in held.items()
        }
        assert venue.price(ETH) == Decimal(str(CANDLES[ETH]["open"].iloc[3]))
        wait_minutes(port, 2)
        assert venue.server_ms() == START_MS + 5 * MINUTE
        assert venue.price(ETH) == Decimal(str(CANDLES[ETH]["open"].iloc[5]))


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_market_order_fills_and_its_fill_and_the_balances_agree(name: str, side: Any) -> None:
    with local_account(name) as (venue, port):
        state = venue.send(order(side=side))
        assert (state.cid, state.status, state.filled, state.amount) == (
            order().cid,
            "closed",
            Decimal("0.5"),
            Decimal("0.5"),
        )
        (fill,) = venue.fills(state, ETH)
        assert (fill.venue_id, fill.side, fill.amount, fill.fee_currency) == (
            state.venue_id,
            side,
            Decimal("0.5"),
            "USD",
        )
        assert fill.time_ms == START_MS + 3 * MINUTE
        assert fill.fee == fill.price * fill.amount * Decimal("0.002")
        sign = 1 if side == "buy" else -1
        usd = OPENING["USD"] - sign * fill.price * fill.amount - fill.fee
        assert venue.balances() == {"ETH": (5 + sign * fill.amount, 0), "USD": (usd, 0)}
        assert venue.find(order().cid, ETH) == state
        assert venue.open_orders(ETH) == []
        assert posts(port, order().cid) == 1


def test_both_dialects_fill_at_the_price_of_the_market_order(name: str) -> None:
    with local_account(name) as (venue, _):
        (fill,) = venue.fills(venue.send(order()), ETH)
        open_price = Decimal(str(CANDLES[ETH]["open"].iloc[3]))
        exact = open_price * Decimal("1.0003")
        assert 0 <= fill.price - exact < Decimal("0.01")


def test_an_order_rests_is_found_cancelled_and_gone(name: str) -> None:
    with local_account(name) as (venue, _):
        state = venue.send(order(limit="300.00"))
        assert (state.status, state.filled) == ("open", 0)
        assert venue.open_orders(ETH) == [state]
        assert venue.open_orders("BTC/USD") == []
        assert venue.balances()["USD"][1] >= 150
        venue.cancel(state, ETH)
        after = venue.find(state.cid or "", ETH)
        assert after is not None
        assert (after.status, after.filled) == ("canceled", 0)
        venue.cancel(state, ETH)
        assert venue.fills(after, ETH) == []
        assert venue.open_orders(ETH) == []


def test_an_order_that_nobody_sent_is_not_found(name: str) -> None:
    with local_account(name) as (venue, _):
        assert venue.find("cn-nobody-0", ETH) is None


def test_an_order_from_elsewhere_is_seen(name: str) -> None:
    with local_account(name) as (venue, port):
        control(port, "orders", symbol=ETH, side="buy", amount="0.1", limit="300")
        (state,) = venue.open_orders(ETH)
        assert state.amount == Decimal("0.1")


def test_nothing_is_rounded_and_nothing_under_the_limits_leaves(name: str) -> None:
    with local_account(name) as (venue, port):
        for bad in (
            order(amount="0.50001"),
            order(amount="0"),
            order(amount="-1"),
            order(limit="300.001"),
            order(limit="-5"),
            order("no blanks"),
            order("x" * 37),
            order(""),
        ):
            with pytest.raises(Rejected, match="was not sent") as caught:
                venue.send(bad)
            assert not caught.value.halts
        assert control(port, "log")["posts"] == {}


def test_a_client_id_is_never_sent_twice(name: str) -> None:
    with local_account(name) as (venue, port):
        venue.send(order())
        with pytest.raises(Unknown, match="already sent"):
            venue.send(order())
        assert posts(port, order().cid) == 1


@pytest.mark.parametrize("bad", ["insufficient", "key", "revoked", "read only", "halted"])
def test_definite_rejections_are_told_and_those_about_keys_halt(name: str, bad: str) -> None:
    with local_account(name) as (venue, port):
        asked = order(amount="4000" if bad == "insufficient" else "0.5")
        quirk = {"revoked": "revoked_key", "read only": "read_only_key", "halted": "halted"}.get(
            bad
        )
        if quirk:
            control(port, "quirks", **{quirk: True})
        if bad == "key":
            venue._api.secret = "another-secret"
        with pytest.raises(Rejected, match="rejected order") as caught:
            venue.send(asked)
        assert caught.value.halts == (bad in ("key", "revoked", "read only"))
        assert caught.value.reason
        assert control(port, "orders")["orders"] == []


@pytest.mark.parametrize("quirk", ["revoked_key", "another secret"])
def test_reading_without_a_right_halts(name: str, quirk: str) -> None:
    with local_account(name) as (venue, port):
        venue.balances()  # so that ccxt takes -2015 for a ban
        if quirk == "revoked_key":
            control(port, "quirks", revoked_key=True)
        else:
            venue._api.secret = "another-secret"
        for ask in (
            venue.balances,
            lambda: venue.find("cn-1", ETH),
            lambda: venue.open_orders(ETH),
        ):
            with pytest.raises(Unreadable, match="Look at the keys and what they may do") as caught:
                ask()
            assert caught.value.halts


def test_wrong_keys_are_refused_by_the_exchange(name: str) -> None:
    with (
        small_exchange() as exchange,
        open_venue(
            name,
            clock=LocalClock(exchange.port),
            port=exchange.port,
            credentials=Credentials(KEY, SECRET),
        ) as venue,
        pytest.raises(Unreadable) as caught,
    ):
        venue.balances()
    assert caught.value.halts


@pytest.mark.parametrize("skew_ms", [-60_000, -2_000, 500, 2_000, 60_000])
def test_a_clock_that_is_off_is_found_out_and_the_right_time_signed(
    name: str, skew_ms: int
) -> None:
    with local_account(name) as (venue, port):
        control(port, "quirks", skew_ms=skew_ms)
        assert venue.balances()
        state = venue.send(order())
        assert state.status == "closed"
        assert abs(venue.server_ms() - (START_MS + 3 * MINUTE + skew_ms)) < 1000
        assert posts(port, order().cid) == 1


def test_a_second_session_under_the_same_time_is_understood(name: str) -> None:
    with small_exchange() as exchange:
        for number in range(3):
            with open_venue(name, clock=LocalClock(exchange.port), port=exchange.port) as venue:
                for _ in range(5):
                    venue.balances()
                assert venue.send(order(f"cn7-{number}-0", "0.1")).status == "closed"
                assert (venue.find("cn7-0-0", ETH) is not None) is True


def test_what_the_key_may_is_told(name: str) -> None:
    with local_account(name) as (venue, port):
        before = venue.key_warnings()
        control(port, "quirks", read_only_key=True)
        assert isinstance(before, list)
        assert venue.key_warnings() == before or name == "local"


@pytest.mark.parametrize("fee_in", ["quote", "base"])
def test_the_currency_of_a_fee_comes_from_the_fill(name: str, fee_in: Any) -> None:
    with (
        small_exchange(fee_in=fee_in) as exchange,
        open_venue(
            name, clock=LocalClock(exchange.port), port=exchange.port, fee_in=fee_in
        ) as venue,
    ):
        assert venue.rules(ETH).fee_in == fee_in
        (bought,) = venue.fills(venue.send(order()), ETH)
        in_base = fee_in == "base" and name == "local"
        assert bought.fee_currency == ("ETH" if in_base else "USD")
        assert bought.fee == (bought.amount if in_base else bought.amount * bought.price) * Decimal(
            "0.002"
        )
        (sold,) = venue.fills(venue.send(order("cn7-2-0", side="sell")), ETH)
        assert sold.fee_currency == "USD"


QUIRKS: dict[str, tuple[dict[str, Any], str, str]] = {
    "empty book": ({"empty_book": True}, "0", "ended"),
    "part, rest expires": ({"partial": "0.5", "remainder": "expire"}, "0.25", "ended"),
    "part, rest later": (
        {"partial": "0.5", "remainder": "later", "remainder_ms": 2000},
        "0.25",
        "open",
    ),
    "part, rest waits": ({"partial": "0.5", "remainder": "rest"}, "0.25", "open"),
}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_what_is_filled_is_told_whatever_the_status(name: str, quirk: str) -> None:
    change, filled, end = QUIRKS[quirk]
    with local_account(name) as (venue, port):
        control(port, "quirks", **change)
        state = venue.send(order())
        assert state.filled == Decimal(filled)
        if end == "ended" or name == "local-gemini":  # an immediate-or-cancel order never rests
            assert state.status in ("expired", "canceled")
        else:
            assert state.status == "open"
        assert sum(fill.amount for fill in venue.fills(state, ETH)) == state.filled
        if state.status == "open":
            venue.cancel(state, ETH)
            after = venue.find(order().cid, ETH)
            assert after is not None
            assert after.status == "canceled"
            assert after.filled == Decimal(filled)


def test_a_cancellation_may_lose_the_race_to_a_fill(name: str) -> None:
    with local_account(name) as (venue, port):
        control(port, "quirks", partial="0.5", remainder="cancel")
        state = venue.send(order(limit="500.00"))
        venue.cancel(state, ETH)
        after = venue.find(order().cid, ETH)
        assert after is not None
        assert (after.status, after.filled) == ("closed", Decimal("0.5"))


def test_fills_come_once_in_pieces_and_in_other_currencies(name: str) -> None:
    with local_account(name) as (venue, port):
        control(port, "account", BNB="1")
        control(port, "quirks", duplicate_trades=True, pieces=4, fee_currency="BNB")
        fills = venue.fills(venue.send(order()), ETH)
        assert len(fills) == len({fill.trade_id for fill in fills}) == 4
        assert sum(fill.amount for fill in fills) == Decimal("0.5")
        assert {fill.fee_currency for fill in fills} == {"BNB"}


def test_fills_that_lag_are_not_invented(name: str) -> None:
    with local_account(name) as (venue, port):
        control(port, "quirks", fills_lag_ms=2000)
        state = venue.send(order())
        assert state.filled == Decimal("0.5")
        assert venue.fills(state, ETH) == []
        wait_minutes(port, 0.05)
        assert len(venue.fills(state, ETH)) == 1


def test_an_order_that_is_not_found_yet_is_unknown(name: str) -> None:
    with local_account(name) as (venue, port):
        control(port, "quirks", lookup_lag_ms=3000)
        with pytest.raises(Unknown, match="not found as it said"):
            venue.send(order())
        assert venue.find(order().cid, ETH) is None
        wait_minutes(port, 0.06)
        state = venue.find(order().cid, ETH)
        assert state is not None
        assert state.status == "closed"
        assert posts(port, order().cid) == 1


def test_a_reply_that_holds_only_ids_is_unknown_and_resolved_by_looking(name: str) -> None:
    with local_account(name) as (venue, port):
        control(port, "quirks", short_reply=True)
        with pytest.raises(Unknown):
            venue.send(order())
        state = venue.find(order().cid, ETH)
        assert state is not None
        assert state.filled == Decimal("0.5")


def test_the_market_order_of_a_quiet_minute_rests_or_ends(name: str) -> None:
    with local_account(name, start_ms=START_MS + 7 * MINUTE) as (venue, port):
        state = venue.send(order())
        assert state.filled == 0
        assert state.status == ("open" if name == "local" else "canceled")
        wait_minutes(port, 2)
        after = venue.find(order().cid, ETH)
        assert after is not None
        assert after.filled == (Decimal("0.5") if name == "local" else 0)


def test_an_order_costs_few_requests(name: str) -> None:
    with local_account(name) as (venue, port):
        before = control(port, "log")["total"]
        state = venue.send(order())
        venue.fills(state, ETH)
        asked = control(port, "log")["total"] - before
        assert asked == (3 if name == "local" else 4)
