"""Orders and how they fill: a market order at the open of the bar in progress, a limit order when a bar crosses it."""

from decimal import Decimal

from cryptonn.local_exchange.orders import NewOrder, Order, Trade

__all__ = ["Matching"]


class Matching:
    """Keeps the orders of the account and fills them. Every method takes the time; none reads a clock."""

    orders: dict[int, Order]
    trades: list[Trade]

    def place(self, asked: NewOrder, *, now_ms: int) -> Order:
        """Accept an order and fill what fills at once.

        Raises
        ------
        Refused
            unknown_symbol, amount_step, amount_range, price_tick, price_range, min_cost, insufficient, market_closed,
            would_take.
        """
        raise NotImplementedError

    def cancel(self, order: Order, *, now_ms: int) -> None:
        """Cancel what is left of an order; raises ``Refused("not_open")``."""
        raise NotImplementedError

    def by_id(self, order_id: int, *, now_ms: int) -> Order | None:
        """Return an order, or None where there is none or lookups do not find it yet."""
        raise NotImplementedError

    def by_client_id(self, client_id: str, *, now_ms: int, open_only: bool = False) -> Order | None:
        """Return the newest order with a client id, as ``by_id`` does; ``open_only`` leaves out those that ended."""
        raise NotImplementedError

    def open_orders(self, symbol: str | None = None, *, now_ms: int) -> list[Order]:
        """Return the open orders that lookups find, oldest first."""
        raise NotImplementedError

    def orders_of(self, symbol: str, *, now_ms: int) -> list[Order]:
        """Return all orders of a symbol that lookups find, oldest first."""
        raise NotImplementedError

    def trades_of(self, symbol: str, *, now_ms: int, order_id: int | None = None) -> list[Trade]:
        """Return the trades that lists show by now, oldest first (with duplicates under that quirk)."""
        raise NotImplementedError

    def price(self, symbol: str, *, side: str, now_ms: int) -> Decimal:
        """Return what a market order pays (buy) or gets (sell) now: the ask or the bid."""
        raise NotImplementedError

    def settle(self, now_ms: int) -> None:
        """Fill what has become fillable up to now; called before each request."""
        raise NotImplementedError
