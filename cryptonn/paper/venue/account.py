"""An account on an exchange's sandbox, as the executor sees it;
the only thing that can send an order.
"""

from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from types import TracebackType
from typing import Any, Literal, TypeVar

from cryptonn.errors import ConfigError
from cryptonn.paper.clock import Clock
from cryptonn.paper.ports import ClockOff, OrderRequest, OrderState, Unknown, VenueFill
from cryptonn.paper.venue.exchanges import Dialect
from cryptonn.paper.venue.guard import Guard, GuardError, check_api
from cryptonn.paper.venue.markets import Market
from cryptonn.paper.venue.outcomes import (
    Failure,
    Resting,
    attempt,
    reading_outcome,
    sending_outcome,
)
from cryptonn.paper.venue.redaction import Redactor, redacted_logs
from cryptonn.paper.venue.replies import Garbled, check_request, checked_fills, confirmed
from cryptonn.trading.rules import MarketRules

__all__ = ["FeeIn", "SandboxVenue"]

Value = TypeVar("Value")
FeeIn = Literal["quote", "base"]


class SandboxVenue:
    """One account on one sandbox, used by one thread; a context manager. Made by ``open_venue``.

    Implements ``cryptonn.paper.ports.Venue``. After an exchange has asked to be left alone (HTTP
    429, 418), nothing is sent to it until that time is over: questions raise ``Unreadable`` with
    the rest of it, orders ``Rejected``.
    """

    def __init__(
        self,
        name: str,
        *,
        api: Any,
        dialect: Dialect,
        guard: Guard,
        redactor: Redactor,
        clock: Clock,
        fee_in: FeeIn,
    ) -> None:
        self.name = name
        self.fence_ms = dialect.fence_ms
        self._api = api
        self._dialect = dialect
        self._guard = guard
        self._redactor = redactor
        self._clock = clock
        self._fee_in = fee_in
        self._markets: dict[str, Market] = {}
        self._ids: dict[str, str] = {}
        self._sent: set[str] = set()
        self._quiet_ms = (0, 0)
        self._closing = ExitStack()
        self._closing.callback(api.session.close)
        self._closing.enter_context(redacted_logs(redactor))

    def __repr__(self) -> str:
        return f"SandboxVenue({self.name})"

    def __enter__(self) -> "SandboxVenue":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and give the loggers back."""
        self._closing.close()

    def check(self) -> None:
        """Look that every request can only reach the sandbox.

        Raises
        ------
        ExchangeError
            If anything is not as it must be; nothing may be sent then.
        """
        check_api(self._api, self._guard)
        fault = self._dialect.fault(self._api)
        if fault is not None:
            raise GuardError(f"No order is sent to {self.name}: {fault}. Please report it.")

    def rules(self, symbol: str) -> MarketRules:
        """Return the steps and limits of a market.

        Raises
        ------
        ConfigError
            If the sandbox does not list it, or it is closed.
        Unreadable
            If they cannot be read.
        """
        return self._market(symbol).rules

    def server_ms(self) -> int:
        """Return the exchange's time; from now on requests are signed with the difference seen
        here.
        """
        return self._ask("its time", lambda: self._dialect.server_ms(self._api, self._clock.now_ms))

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return (free, used) of every currency held."""
        return self._ask("balances", lambda: self._dialect.balances(self._api))

    def price(self, symbol: str) -> Decimal:
        """Return the newest price of a market."""
        market = self._market(symbol)
        return self._ask(f"price of {symbol}", lambda: self._dialect.price(self._api, market))

    def key_warnings(self) -> list[str]:
        """Return, in words, what should worry about the rights of the key: that it may withdraw,
        or may not trade.
        """
        return self._ask("rights of the key", lambda: self._dialect.key_warnings(self._api))

    def send(self, request: OrderRequest) -> OrderState:
        """Send an order with exactly one request.

        Raises
        ------
        Rejected
            It did not leave, or the exchange refused it; it will not be accepted.
        Unknown
            It may have been accepted.
        ClockOff
            It was refused for its time; the clocks have been compared again.
        """
        if request.cid in self._sent:
            raise Unknown(
                f"order {request.cid} was already sent to {self.name}; it is not sent again. Look "
                "it up."
            )
        with self._guard.one_order():
            answer = self._attempt(lambda: self._placed(request))
            if self._guard.order_left:
                self._sent.add(request.cid)
        if not isinstance(answer, Failure):
            return self._acknowledged(answer, self._markets[request.symbol])
        outcome = sending_outcome(answer, exchange=self.name, cid=request.cid)
        if isinstance(outcome, ClockOff):
            self._attempt(lambda: self._dialect.resync(self._api, self._clock.now_ms))
        raise outcome

    def find(self, cid: str, symbol: str) -> OrderState | None:
        """Return the order with a client id; None if the exchange says that it knows none."""
        market = self._market(symbol)
        answer = self._answer(lambda: self._found(cid, market))
        if isinstance(answer, Failure) and answer.is_not_found:
            return None
        return self._value(answer, f"order {cid}")

    def fills(self, state: OrderState, symbol: str) -> list[VenueFill]:
        """Return the executions of an order so far, each once, in order of time;
        they may lag behind its state.
        """
        market = self._market(symbol)
        return self._ask(
            f"fills of order {state.cid}",
            lambda: checked_fills(self._dialect.fills(self._api, state, market), state),
        )

    def open_orders(self, symbol: str) -> list[OrderState]:
        """Return the orders of the account in a market that are still working,
        whoever sent them.
        """
        market = self._market(symbol)
        return self._ask(
            f"open orders of {symbol}",
            lambda: [
                self._dialect.order(row, market)[0]
                for row in self._dialect.open_orders(self._api, market)
            ],
        )

    def cancel(self, state: OrderState, symbol: str) -> None:
        """Ask for an order to be cancelled; look again afterwards,
        as it may have been filled meanwhile, or be gone.
        """
        market = self._market(symbol)
        answer = self._answer(lambda: self._dialect.cancel(self._api, state, market))
        if not isinstance(answer, Failure) or not answer.is_gone:
            self._value(answer, f"cancelling order {state.cid}")

    def _placed(self, request: OrderRequest) -> OrderState:
        """Send an order if everything is as it must be, and return what the reply says of it."""
        self._keep_quiet()
        self.check()
        market = self._listed(request.symbol)
        check_request(request, market.rules)
        reply = self._dialect.place(self._api, request, market)
        state, side = self._dialect.order(reply, market)
        return confirmed(state, side, request)

    def _acknowledged(self, state: OrderState, market: Market) -> OrderState:
        """Return the state of an order that was taken, if a look-up by its client id gives it the
        same order id.
        """
        answer = self._answer(lambda: self._believed(state, market))
        if isinstance(answer, Failure):
            raise Unknown(
                f"{self.name} took order {state.cid}, but it is not found as it said: "
                f"{answer.reason}"
            )
        return max(answer, state, key=lambda one: one.filled)

    def _found(self, cid: str, market: Market) -> OrderState:
        state = self._looked_up(cid, market)
        return state if self._ids.get(cid) == state.venue_id else self._believed(state, market)

    def _believed(self, state: OrderState, market: Market) -> OrderState:
        """Return the state of an order whose id two replies agree on:
        everything else hangs on that id.
        """
        cid = str(state.cid)
        again = self._looked_up(cid, market)
        if again.venue_id != state.venue_id:
            raise Garbled(f"order id {state.venue_id[:40]}, then {again.venue_id[:40]}")
        owner = self._owner(again.venue_id, market, apart_from=cid)
        if owner is not None:
            raise Garbled(f"order id {again.venue_id[:40]} is that of {owner}")
        self._ids[cid] = again.venue_id
        return again

    def _owner(self, venue_id: str, market: Market, *, apart_from: str) -> str | None:
        """Return another order that has this id: not one that the exchange has forgotten,
        as resets begin ids anew.
        """
        owner = next(
            (cid for cid, known in self._ids.items() if known == venue_id and cid != apart_from),
            None,
        )
        if owner is None:
            return None
        answer = self._attempt(lambda: self._looked_up(owner, market))
        if isinstance(answer, Failure) and answer.is_not_found:
            del self._ids[owner]
            return None
        return owner

    def _looked_up(self, cid: str, market: Market) -> OrderState:
        state, _ = self._dialect.order(self._dialect.lookup(self._api, cid, market), market)
        if state.cid != cid:
            raise Garbled(
                f"the reply is for client id {str(state.cid)[:40]!r}, but {cid!r} was asked for"
            )
        return state

    def _market(self, symbol: str) -> Market:
        """Return a market; a symbol that is not listed is told apart from a reply that is not
        readable.
        """
        answer = self._answer(lambda: self._listed(symbol))
        if isinstance(answer, Failure) and answer.names[0] == ConfigError.__name__:
            raise ConfigError(answer.words)
        return self._value(answer, f"market {symbol}")

    def _listed(self, symbol: str) -> Market:
        if symbol not in self._markets:
            self._markets[symbol] = self._dialect.market(self._api, symbol, fee_in=self._fee_in)
        return self._markets[symbol]

    def _ask(self, what: str, call: Callable[[], Value]) -> Value:
        return self._value(self._answer(call), what)

    def _answer(self, call: Callable[[], Value]) -> Value | Failure:
        """Ask; again if the time of the request was off."""

        def ask() -> Value:
            self._keep_quiet()
            return call()

        answer = self._attempt(ask)
        for _ in range(self._dialect.clock_tries):
            if not isinstance(answer, Failure) or not answer.is_clock:
                break
            self._attempt(lambda: self._dialect.resync(self._api, self._clock.now_ms))
            answer = self._attempt(ask)
        return answer

    def _value(self, answer: Value | Failure, what: str) -> Value:
        if isinstance(answer, Failure):
            raise reading_outcome(answer, exchange=self.name, what=what)
        return answer

    def _attempt(self, call: Callable[[], Value]) -> Value | Failure:
        answer = attempt(
            call, guard=self._guard, redactor=self._redactor, codes=self._dialect.codes
        )
        if isinstance(answer, Failure) and answer.reply is not None and answer.wait_s:
            left = answer.order_left
            wait_ms = int(answer.wait_s * 1000)
            attempt(
                lambda: self._rest(wait_ms),
                guard=self._guard,
                redactor=self._redactor,
                codes=self._dialect.codes,
            )
            self._guard.order_left = left
        return answer

    def _rest(self, wait_ms: int) -> None:
        now_ms = self._clock.now_ms()
        self._quiet_ms = (now_ms, now_ms + wait_ms)

    def _keep_quiet(self) -> None:
        """Raise while the exchange wants to be left alone; a clock that was set back does not make
        that longer.
        """
        since, until = self._quiet_ms
        now_ms = self._clock.now_ms()
        if since <= now_ms < until:
            raise Resting((until - now_ms) / 1000)
