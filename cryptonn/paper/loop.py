"""Minute by minute: wait for a bar to close, read it, decide, trade; through outages, restarts and
Ctrl-C.

    wake after a close → candles → settle → decide → act        every hour: clocks, balances

Only bars that close while it runs are decided on; those of an outage are read afterwards and
decided on never. Whether a bar has closed is the exchange's word: a clock of ours that is wrong, or
is set, leads to no decision on half a bar.
"""

from collections.abc import Callable
from decimal import Decimal

import pandas as pd

from cryptonn.errors import ConfigError, ExchangeError
from cryptonn.market.bars import time_text
from cryptonn.market.candles import Frame
from cryptonn.market.exchange.asking import AskedToWait
from cryptonn.paper.candle_log import clean_from_ms
from cryptonn.paper.clock_watch import ClockWatch
from cryptonn.paper.decision import Decision
from cryptonn.paper.pace import Pace
from cryptonn.paper.patience import patiently
from cryptonn.paper.ports import Unreadable
from cryptonn.paper.reconcile import Agreement, accept_venue, reconcile
from cryptonn.paper.session import Session

__all__ = ["PaperTrader"]

_CANDLES = "the exchange of the candles"
_ORDERS = "the exchange of the orders"


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
        self._session = session
        self._pace = pace or Pace()
        self._is_stopped = is_stopped
        self._on_decision = on_decision
        self._clocks = ClockWatch(
            warn_ms=self._pace.warn_skew_ms,
            most_ms=self._pace.most_skew_ms,
            note=lambda words: self._note("clock", words),
        )
        self._tried_ms: int | None = None
        self._quiet_ms = (0, 0)
        self._going_on: set[str] = set()
        self._until_look = self._pace.look_over_bars

    def start(self, *, accept: bool = False) -> Agreement:
        """Bring ledger and account together before the first bar; return how, in a word.

        Parameters
        ----------
        accept
            Take the account as it is where it differs from the ledger.

        Raises
        ------
        DataError
            If they differ, or there are no candles.
        ExchangeError, Unreadable
            If the exchange cannot be asked.
        """
        session = self._session
        session.venue.check()
        for warning in patiently(session.venue.key_warnings, session.clock):
            self._note("key", warning)
        patiently(self._compare_clocks, session.clock)
        session.executor.look_up()
        if accept:
            patiently(
                lambda: accept_venue(session.ledger, session.venue, session.clock), session.clock
            )
        agreement = patiently(self._reconcile, session.clock)
        # only now: what was planned before a stop leaves once account and ledger agree
        self._settle()
        if agreement == "opened":
            self._check_funds()
        self._look_for(self._newest_closed())
        session.feed.check()
        session.decider.prepare(session.feed.frame(bar=self._newest_closed()))
        return agreement

    def trade(self, *, bars: int | None = None) -> int:
        """Decide on ``bars`` bars, or until stopped; return on how many it was decided."""
        made = 0
        while (bars is None or made < bars) and self._wait():
            made += self._bar(self._newest_closed())
        return made

    def _bar(self, bar_ms: int) -> bool:
        """Read, decide and trade a bar; tell whether it was decided on."""
        session = self._session
        self._tried_ms = bar_ms
        if not self._is_fresh(bar_ms) or not self._read(bar_ms) or self._is_past(bar_ms):
            self._settle()
            return False
        self._count_missed(bar_ms)
        frame = session.feed.frame(bar=bar_ms)
        decision = session.decider.decide(frame)
        if self._may_trade(decision, frame):
            session.executor.act(decision)
        else:
            session.ledger.plan(decision, None, at_ms=session.clock.now_ms())
            self._settle()
        session.feed.settle(frame, bar=bar_ms)
        self._on_decision(decision)
        self._look_over(frame)
        return True

    def _settle(self) -> None:
        """Bring an order to its end; by clocks too far apart nothing is sent for that."""
        executor = self._session.executor
        if self._clocks.too_far():
            executor.look_up()
        else:
            executor.settle()

    def _read(self, bar_ms: int) -> bool:
        """Read the candles up to a bar; tell whether it has closed, by the exchange's clock, and
        all is there.

        It waits a little for candles that are late, then takes the minute for untraded.
        """
        since, until = self._quiet_ms
        if since <= self._session.clock.now_ms() < until:
            return False
        try:
            closed = self._look_for(bar_ms)
        except (ExchangeError, ConfigError) as error:
            self._once("outage", str(error))
            if isinstance(error, AskedToWait):
                now_ms = self._session.clock.now_ms()
                self._quiet_ms = (now_ms, now_ms + round(1000 * error.wait_s))
            return False
        self._going_on.discard("outage")
        return closed

    def _look_for(self, bar_ms: int) -> bool:
        """Read until a bar has closed and every symbol has it, or patience ends;
        tell whether it has closed.
        """
        session = self._session
        pace = self._pace
        polls = round(pace.patience_s / pace.poll_s)
        close_ms = bar_ms + session.step_ms
        while True:
            found = session.feed.read(bar=bar_ms)
            self._clocks.saw(
                _CANDLES, found.server_ms, asked_ms=found.asked_ms, answered_ms=found.answered_ms
            )
            to_come_ms = close_ms - found.server_ms
            is_there = to_come_ms <= 0 and not found.missing
            if is_there or polls == 0 or to_come_ms > 1000 * pace.patience_s:
                break
            polls -= 1
            session.clock.sleep(pace.poll_s)
        if to_come_ms > 0:
            self._tried_ms = None
        return to_come_ms <= 0

    def _may_trade(self, decision: Decision, frame: Frame) -> bool:
        """Tell whether a decision may be traded on; if not, note why, once as long as it lasts."""
        reasons = {
            "clock held": self._clocks_apart(),
            "feed held": self._silent(frame),
            "gap held": self._unclean(decision, frame),
        }
        for kind, reason in reasons.items():
            if reason is None:
                self._going_on.discard(kind)
            elif kind not in self._going_on:
                self._going_on.add(kind)
                self._note("held", f"{_text(decision.time_ms)}: {reason}")
        return all(reason is None for reason in reasons.values())

    def _clocks_apart(self) -> str | None:
        if self._clocks.is_far(_ORDERS):
            self._asked(self._compare_clocks)
        return self._clocks.too_far()

    def _silent(self, frame: Frame) -> str | None:
        """Tell of a newest bar without a candle of any symbol:
        a real market that stands still looks like that.
        """
        if self._session.settings.is_replay or not frame.filled.iloc[-1].all():
            return None
        return (
            "no symbol has a candle of this bar: the feed stands still, or the exchange has "
            "halted; it trades again with the next bar that has one"
        )

    def _unclean(self, decision: Decision, frame: Frame) -> str | None:
        gap = self._session.settings.max_gap
        clean_ms = clean_from_ms(
            frame, lookback=self._session.config.training.lookback, max_gap=gap
        )
        if clean_ms is None or decision.time_ms >= clean_ms:
            return None
        return (
            f"more than {gap} bars in a row were without a candle; if candles come again, it "
            f"trades from the bar of {_text(clean_ms)} on, when the network sees none of them"
        )

    def _look_over(self, frame: Frame) -> None:
        """Now and then compare clocks, balances with the ledger,
        and what was wanted with a replay of it all.
        """
        self._until_look -= 1
        if self._until_look == 0:
            self._session.decider.check(frame)
        if (
            self._until_look <= 0
            and self._asked(self._compare_clocks)
            and self._asked(self._reconcile)
        ):
            self._until_look = self._pace.look_over_bars

    def _asked(self, look: Callable[[], object]) -> bool:
        """Ask the exchange something; tell whether it answered,
        and let pass what asking again may mend.
        """
        try:
            look()
        except Unreadable as error:
            if error.halts:
                raise
            self._once("unreadable", str(error))
            return False
        self._going_on.discard("unreadable")
        return True

    def _compare_clocks(self) -> None:
        session = self._session
        asked_ms = session.clock.now_ms()
        server_ms = session.venue.server_ms()
        self._clocks.saw(_ORDERS, server_ms, asked_ms=asked_ms, answered_ms=session.clock.now_ms())

    def _reconcile(self) -> Agreement:
        session = self._session
        price = session.venue.price(session.ledger.facts.symbol)
        return reconcile(session.ledger, session.venue, session.clock, price=price)

    def _check_funds(self) -> None:
        facts = self._session.ledger.facts
        there = self._session.ledger.expected().get(facts.quote, Decimal(0))
        if there < facts.cash:
            words = (
                f"the account has {there.normalize():f} {facts.quote}, the session trades with "
                f"{facts.cash:f}"
            )
            self._note("funds", f"{words}: larger orders will be refused")

    def _count_missed(self, bar_ms: int) -> None:
        session = self._session
        newest = session.ledger.newest_decision()
        after_ms = session.start_ms if newest is None else newest.decision.time_ms + session.step_ms
        missed = (bar_ms - after_ms) // session.step_ms
        if missed > 0:
            last_ms = bar_ms - session.step_ms
            several = f"{missed:,} bars, {_text(after_ms)} to {_text(last_ms)}, were"
            self._note(
                "missed",
                f"{several if missed > 1 else f'1 bar, {_text(last_ms)}, was'} not decided on",
            )

    def _is_fresh(self, bar_ms: int) -> bool:
        return self._now() - bar_ms - self._session.step_ms <= 1000 * self._pace.fresh_s

    def _is_past(self, bar_ms: int) -> bool:
        """Tell whether a bar, or one after it, has been decided on,
        or it is none of this session's.
        """
        newest = self._session.ledger.newest_decision()
        return bar_ms < self._session.start_ms or (
            newest is not None and newest.decision.time_ms >= bar_ms
        )

    def _wait(self) -> bool:
        """Wait until a bar is to be decided on: the newest if it has just closed, else the next;
        tell whether to go on.

        It waits no longer than it set out to, whatever happens to the clock meanwhile.
        """
        pace = self._pace
        newest_ms = self._newest_closed()
        step = self._session.step_ms
        left_out = (
            newest_ms == self._tried_ms
            or newest_ms < self._session.start_ms
            or not self._is_fresh(newest_ms)
        )
        due_ms = newest_ms + (2 if left_out else 1) * step + round(1000 * pace.grace_s)
        most_ms = due_ms - self._now()
        slept_ms = 0.0
        while not self._is_stopped():
            left_ms = min(due_ms - self._now(), most_ms - slept_ms)
            if left_ms <= 0:
                return True
            slept_ms += min(left_ms, 1000 * pace.slice_s)
            self._session.clock.sleep(min(left_ms / 1000, pace.slice_s))
        return False

    def _newest_closed(self) -> int:
        """Return the open of the newest bar that has closed, as far as is known without asking."""
        step = self._session.step_ms
        return self._now() // step * step - step

    def _now(self) -> int:
        """Return the exchange's time, reckoned."""
        return self._session.clock.now_ms() + self._clocks.ahead_ms(_CANDLES)

    def _once(self, kind: str, detail: str) -> None:
        """Note what goes on for a while when it begins."""
        if kind not in self._going_on:
            self._note(kind, detail)
        self._going_on.add(kind)

    def _note(self, kind: str, detail: str) -> None:
        self._session.ledger.incident(kind, detail, at_ms=self._session.clock.now_ms())


def _text(time_ms: int) -> str:
    return time_text(pd.Timestamp(time_ms, unit="ms", tz="UTC"))
