"""What the strategy has at any moment of a session: each epoch's opening, and what its executions
changed since.

The one reckoning of this over time: of the views, of parity and of the report.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from cryptonn.paper.ledger import EpochRow, FillRow
from cryptonn.paper.ledger.holding import effects

__all__ = ["Account", "Step", "account_steps", "accounts"]

_NEVER_MS = (1 << 63) - 1


class Account(NamedTuple):
    """What the strategy has at a moment: base and quote."""

    position: Decimal
    cash: Decimal


class Step(NamedTuple):
    """The account from ``at_ms`` on: after ``fill``, or None where an epoch began."""

    at_ms: int
    fill: FillRow | None
    account: Account


def account_steps(
    epochs: Sequence[EpochRow], fills: Iterable[FillRow], *, base: str, quote: str
) -> Iterator[Step]:
    """Give the account at each epoch's start and after each of its fills, in the order of time.

    A fill counts within its epoch: the next one begins with what it opened with. Fills have the
    exchange's time, epochs ours, which may have been wrong: an epoch begins with its first fill at
    the latest.
    """
    booked: dict[int, list[FillRow]] = {epoch.n: [] for epoch in epochs}
    for fill in sorted(fills, key=lambda fill: fill.time_ms):
        booked[fill.epoch].append(fill)
    starts_ms = [
        min([epoch.at_ms, *(fill.time_ms for fill in booked[epoch.n][:1])]) for epoch in epochs
    ]
    ends_ms = [*starts_ms, _NEVER_MS][1:]  # nothing before the first epoch is opened
    for epoch, start_ms, end_ms in zip(epochs, starts_ms, ends_ms, strict=True):
        now = Account(epoch.carried, epoch.cash)
        yield Step(start_ms, None, now)
        for fill in booked[epoch.n]:
            changed = effects([fill], base=base, quote=quote)
            now = Account(now.position + changed[base], now.cash + changed[quote])
            yield Step(min(fill.time_ms, end_ms), fill, now)


def accounts(
    times_ms: Iterable[int],
    epochs: Sequence[EpochRow],
    fills: Iterable[FillRow],
    *,
    base: str,
    quote: str,
) -> Iterator[Account]:
    """Give the account at each of ``times_ms``, which must be in order; before the first epoch,
    what it began with.
    """
    coming = deque(account_steps(epochs, fills, base=base, quote=quote))
    now = coming[0].account if coming else Account(Decimal(0), Decimal(0))
    for time_ms in times_ms:
        while coming and coming[0].at_ms <= time_ms:
            now = coming.popleft().account
        yield now
