"""Minute by minute: wait for a bar to close, read it, decide, trade; through outages, restarts and Ctrl-C.

    wake after a close → candles → settle → decide → act        every hour: clocks, balances

Only bars that close while it runs are decided on; those of an outage are read afterwards and decided on never.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cryptonn.errors import ExchangeError
from cryptonn.market.candles import Frame
from cryptonn.paper.candle_log import clean_from_ms
from cryptonn.paper.decision import Decision
from cryptonn.paper.ports import Unreadable
from cryptonn.paper.reconcile import accept_venue, reconcile
from cryptonn.paper.session import Session

__all__ = ["Pace", "PaperTrader"]


@dataclass(frozen=True)
class Pace:
    """How long the loop waits, in seconds, and how often it looks at clocks and balances.

    Attributes
    ----------
    grace_s
        After a close before the candles are read: exchanges publish a little late.
    patience_s
        For a candle that is not there yet, before the minute counts as one without a trade.
    poll_s
        Between two looks.
    slice_s
        After which a wait looks whether it is to be stopped.
    fresh_s
        After a close within which a bar is still decided on when the loop starts.
    look_over_bars
        Bars between two looks at clocks and balances.
    warn_skew_ms, most_skew_ms
        Difference of the clocks that is noted, and the one beyond which no order is sent.
    """

    grace_s: float = 1.0
    patience_s: float = 2.5
    poll_s: float = 0.5
    slice_s: float = 0.2
    fresh_s: float = 30.0
    look_over_bars: int = 60
    warn_skew_ms: int = 500
    most_skew_ms: int = 2_500


class PaperTrader:
    """Trades a session until told to stop.

    Parameters
    ----------
    is_stopped
        Asked between steps; an order in flight is always brought to a known state first.
    on_decision
        Told of each decision once it has been acted on.
    """

    def __init__(
        self,
        session: Session,
        *,
        is_stopped: Callable[[], bool],
        on_decision: Callable[[Decision], None],
        pace: Pace | None = None,
    ) -> None:
        self._session, self._pace = session, pace or Pace()
        self._is_stopped, self._on_decision = is_stopped, on_decision
        self._outage = False
        self._skewed = False
        self._until_look = self._pace.look_over_bars

    def start(self, *, accept: bool = False) -> str:
        """Bring ledger and account together before the first bar; return how, in a word.

        Parameters
        ----------
        accept
            Take the account as it is where it differs from the ledger.

        Raises
        ------
        DataError
            If they differ.
        ExchangeError, Unreadable
            If the exchange cannot be asked.
        """
        session = self._session
        session.venue.check()
        for warning in session.venue.key_warnings():
            self._note("key", warning)
        self._compare_clocks()
        session.executor.settle()
        if accept:
            accept_venue(session.ledger, session.venue, session.clock)
        price = session.venue.price(session.ledger.facts.symbol)
        agreement = reconcile(session.ledger, session.venue, session.clock, price=price)
        session.feed.read(bar=self._newest_closed())
        return agreement

    def trade(self, *, bars: int | None = None) -> int:
        """Decide on ``bars`` bars, or until stopped; return on how many it was decided."""
        close_ms, made = self._first_close(), 0
        while (bars is None or made < bars) and self._wait_until(close_ms + round(1000 * self._pace.grace_s)):
            made += self._bar(close_ms)
            close_ms = self._newest_closed() + 2 * self._session.step_ms
        return made

    def _bar(self, close_ms: int) -> bool:
        """Read, decide and trade the bar that closed at ``close_ms``; tell whether it was decided on."""
        session, bar_ms = self._session, close_ms - self._session.step_ms
        if session.ledger.decided(bar_ms):
            session.executor.settle()
            return False
        try:
            self._read(bar_ms)
        except ExchangeError as error:
            self._lost(error)
            session.executor.settle()
            return False
        self._found(bar_ms)
        frame = session.feed.frame(bar=bar_ms)
        decision = session.decider.decide(frame)
        held = self._reason_to_hold(decision, frame)
        if held is None:
            session.executor.act(decision)
        else:
            self._note("held", f"{decision.time_ms}: {held}")
            session.ledger.plan(decision, None, at_ms=session.clock.now_ms())
            session.executor.settle()
        session.feed.settle(bar_ms)
        self._on_decision(decision)
        self._look_over()
        return True

    def _read(self, bar_ms: int) -> None:
        """Read the candles up to a bar; wait a little for those that are late, then take the minute for untraded."""
        session, pace = self._session, self._pace
        deadline_ms = session.clock.now_ms() + round(1000 * pace.patience_s)
        while session.feed.read(bar=bar_ms) and session.clock.now_ms() < deadline_ms:
            session.clock.sleep(pace.poll_s)

    def _reason_to_hold(self, decision: Decision, frame: Frame) -> str | None:
        """Say why nothing may be traded on a decision, if so."""
        session = self._session
        if self._skewed:
            self._compare_clocks()
        if self._skewed:
            return "the clocks differ too much"
        lookback, gap = session.config.training.lookback, session.settings.max_gap
        clean_ms = clean_from_ms(frame, lookback=lookback, max_gap=gap)
        if clean_ms is not None and decision.time_ms < clean_ms:
            bars = (clean_ms - decision.time_ms) // session.step_ms
            return f"more than {gap} bars in a row were without a candle; the network's window is past them in {bars}"
        return None

    def _look_over(self) -> None:
        """Now and then compare clocks, and balances with the ledger."""
        self._until_look -= 1
        if self._until_look > 0:
            return
        session = self._session
        try:
            self._compare_clocks()
            price = session.venue.price(session.ledger.facts.symbol)
            reconcile(session.ledger, session.venue, session.clock, price=price)
        except Unreadable as error:
            self._note("unreadable", str(error))
        else:
            self._until_look = self._pace.look_over_bars

    def _compare_clocks(self) -> None:
        session = self._session
        before_ms = session.clock.now_ms()
        skew_ms = session.venue.server_ms() - (before_ms + session.clock.now_ms()) // 2
        self._skewed = abs(skew_ms) > self._pace.most_skew_ms
        if abs(skew_ms) > self._pace.warn_skew_ms:
            self._note("clock", f"the exchange's clock is {skew_ms:+d} ms from this machine's")

    def _lost(self, error: ExchangeError) -> None:
        if not self._outage:
            self._note("outage", str(error))
        self._outage = True

    def _found(self, bar_ms: int) -> None:
        """Note what was missed, once candles come again."""
        session = self._session
        newest = session.ledger.newest_decision()
        after_ms = session.start_ms if newest is None else newest.decision.time_ms + session.step_ms
        missed = (bar_ms - after_ms) // session.step_ms
        if missed > 0:
            self._note("missed", f"{missed} bars from {after_ms} to {bar_ms} were not decided on")
        self._outage = False

    def _first_close(self) -> int:
        """Return the close of the bar to decide on first: the newest if it has just closed, else the next."""
        session = self._session
        newest_ms = self._newest_closed()
        close_ms = newest_ms + session.step_ms
        fresh = session.clock.now_ms() - close_ms <= 1000 * self._pace.fresh_s
        return close_ms if fresh and newest_ms >= session.start_ms else close_ms + session.step_ms

    def _newest_closed(self) -> int:
        """Return the open of the newest bar that has closed."""
        step_ms = self._session.step_ms
        return self._session.clock.now_ms() // step_ms * step_ms - step_ms

    def _wait_until(self, time_ms: int) -> bool:
        """Wait; tell whether to go on."""
        clock = self._session.clock
        while not self._is_stopped():
            left_ms = time_ms - clock.now_ms()
            if left_ms <= 0:
                return True
            clock.sleep(min(left_ms / 1000, self._pace.slice_s))
        return False

    def _note(self, kind: str, detail: str) -> None:
        self._session.ledger.incident(kind, detail, at_ms=self._session.clock.now_ms())
