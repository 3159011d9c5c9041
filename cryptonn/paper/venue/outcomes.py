"""How a call to an exchange ended: what an exception, and the reply behind it, say and do not say.

The class of an exception does not tell whether an order was accepted: a timeout before and after
acceptance look the same. So an order counts as rejected only on evidence (it never left, or the
exchange itself named a known reason with HTTP 4xx); everything else is unknown.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeVar

from cryptonn.paper.ports import NOT_SENT, ClockOff, Rejected, Unknown, Unreadable
from cryptonn.paper.venue.guard import Guard, Reply
from cryptonn.paper.venue.redaction import Redactor

__all__ = ["Codes", "Failure", "Resting", "attempt", "reading_outcome", "sending_outcome"]

Value = TypeVar("Value")

DEFINITE = frozenset(
    {"InsufficientFunds", "InvalidOrder", "BadRequest", "AuthenticationError"}
    | {"ArgumentsRequired", "NotSupported", "MarketClosed"}
)
"""Classes of ccxt (and those below them) that mean a rejection, if the exchange gave the reason."""
NOT_DEFINITE = frozenset({"OrderNotFound", "OrderNotCached", "DuplicateOrderId", "CancelPending"})
"""Among those, the ones that speak of an order that may well exist."""
TAKEN_ID = re.compile(r"duplicate|must be unique", re.IGNORECASE)
"""Words of a refusal because there is an order with that client id, whatever its class."""
UNSPECIFIC_STATUS = frozenset({408, 409, 418, 425, 429})
"""HTTP 4xx that say nothing of what became of the request."""
WAITS_S = {418: 120.0, 429: 10.0}
"""Seconds to leave an exchange alone that asks for it without saying how long."""
_MOST_WORDS = 300


class Resting(Exception):
    """The exchange asked to be left alone for ``wait_s`` more seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"it asked to be left alone for {wait_s:,.0f} s more")
        self.wait_s = wait_s


@dataclass(frozen=True)
class Codes:
    """An exchange's own words for errors, where the class that ccxt makes of them will not do.

    Parameters
    ----------
    fields
        Where they stand in its JSON; the first that is there counts.
    clock
        The time or the nonce of a request was off.
    keys
        The key is wrong, or may not do this.
    not_found
        There is no such order, together with the HTTP status of such a reply.
    gone
        An order cannot be cancelled because it is no longer working.
    """

    fields: tuple[str, ...]
    clock: frozenset[str]
    keys: frozenset[str]
    not_found: frozenset[tuple[int, str]]
    gone: frozenset[str]

    def of(self, reply: Reply | None) -> str:
        """Return the code in a reply, or "" where there is none."""
        body = reply.body if reply is not None and isinstance(reply.body, dict) else {}
        values = (body.get(name) for name in self.fields)
        return next(
            (
                str(word)
                for word in values
                if isinstance(word, (str, int)) and not isinstance(word, bool)
            ),
            "",
        )


@dataclass(frozen=True)
class Failure:
    """What is kept of an exception: names of its classes, redacted words,
    and the reply it came from. No secret.
    """

    names: tuple[str, ...]
    words: str
    reply: Reply | None = field(repr=False)
    order_left: bool
    codes: Codes = field(repr=False)
    wait_s: float = 0.0

    @property
    def code(self) -> str:
        """The exchange's own code, or ""."""
        return self.codes.of(self.reply)

    @property
    def reason(self) -> str:
        """Class, code and words in one line."""
        status = (
            f" HTTP {self.reply.status}"
            if self.reply is not None and self.reply.status >= 400
            else ""
        )
        return f"{self.names[0]}{status}{f' {self.code}' if self.code else ''}: {self.words}"

    @property
    def is_answer(self) -> bool:
        """Whether the exchange itself refused: HTTP 4xx with a code of its own."""
        reply = self.reply
        return (
            reply is not None
            and 400 <= reply.status < 500
            and reply.status not in UNSPECIFIC_STATUS
            and bool(self.code)
        )

    @property
    def is_clock(self) -> bool:
        """Whether it was refused for its time."""
        return self.is_answer and self.code in self.codes.clock

    @property
    def is_not_found(self) -> bool:
        """Whether the exchange says that it knows no such order."""
        return self.reply is not None and (self.reply.status, self.code) in self.codes.not_found

    @property
    def is_gone(self) -> bool:
        """Whether an order could not be cancelled because it has ended, or never was."""
        return self.is_not_found or (self.is_answer and self.code in self.codes.gone)

    @property
    def is_about_keys(self) -> bool:
        """Whether the next request would be refused too."""
        said = self.is_answer and self.code in self.codes.keys
        known = "AuthenticationError" in self.names and (self.reply is None or self.is_answer)
        return said or known or "GuardError" in self.names


class _Kept:
    """Keeps what a block raised, as a Failure, so that no exception raised later drags the original
    along with it.

    The original holds signed URLs, and frames that hold the secret. An interrupt goes through,
    without either.
    """

    def __init__(self, make: Callable[[BaseException], Failure]) -> None:
        self.make = make
        self.failure: Failure | None = None

    def __enter__(self) -> "_Kept":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None:
            return False
        if not isinstance(error, Exception):
            error.__cause__ = error.__context__ = error.__traceback__ = None
            return False
        self.failure = self.make(error)
        return True


def attempt(
    call: Callable[[], Value], *, guard: Guard, redactor: Redactor, codes: Codes
) -> Value | Failure:
    """Call, and return the value or the failure; raises nothing but interrupts."""
    guard.last = None
    guard.order_left = False

    def failure(error: BaseException) -> Failure:
        names = tuple(kind.__name__ for kind in type(error).__mro__)
        wait_s = error.wait_s if isinstance(error, Resting) else _wait(guard.last)
        return Failure(names, _words(error, redactor), guard.last, guard.order_left, codes, wait_s)

    with _Kept(failure) as kept:
        return call()
    if kept.failure is None:
        raise RuntimeError("a call neither returned nor failed")
    return kept.failure


def _words(error: BaseException, redactor: Redactor) -> str:
    """Return the text of an exception in a line, without what follows the path of a URL."""
    line = " ".join(str(error).split()) or type(error).__name__
    line = re.sub(r"(https?://[^\s?'\"]*)\?[^\s'\"]*", r"\1", redactor.text(line))
    return line[:_MOST_WORDS].rstrip(". ")


def sending_outcome(failure: Failure, *, exchange: str, cid: str) -> Rejected | Unknown | ClockOff:
    """Return what a failure says of the order that was to be sent."""
    if not failure.order_left:
        why = f"order {cid} was not sent to {exchange}: {failure.reason}.{_advice(failure)}"
        return Rejected(why, reason=f"{NOT_SENT}: {failure.reason}", halts=failure.is_about_keys)
    if failure.is_clock:
        return ClockOff(
            f"{exchange} refused order {cid} for its time: {failure.reason}. Is this machine's "
            "clock right?"
        )
    names = set(failure.names)
    definite = names & DEFINITE and not names & NOT_DEFINITE and not TAKEN_ID.search(failure.words)
    if failure.is_answer and (failure.is_about_keys or definite):
        why = f"{exchange} rejected order {cid}: {failure.reason}.{_advice(failure)}"
        return Rejected(why, reason=failure.reason, halts=failure.is_about_keys)
    return Unknown(f"{exchange} may or may not have accepted order {cid}: {failure.reason}")


def reading_outcome(failure: Failure, *, exchange: str, what: str) -> Unreadable:
    """Return what a failure says of a question."""
    why = f"{exchange}, {what}: {failure.reason}.{_advice(failure)}"
    return Unreadable(why, wait_s=failure.wait_s, halts=failure.is_about_keys)


def _advice(failure: Failure) -> str:
    keys = failure.is_about_keys and "GuardError" not in failure.names
    return " Look at the keys and what they may do." if keys else ""


def _wait(reply: Reply | None) -> float:
    """Return the seconds an exchange asks to be left alone, or 0."""
    if reply is None or reply.status not in (*WAITS_S, 503):
        return 0.0
    asked = _header(reply.headers, "retry-after").strip()
    return float(asked) if re.fullmatch(r"[0-9]{1,7}", asked) else WAITS_S.get(reply.status, 0.0)


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")
