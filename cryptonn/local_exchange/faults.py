"""Faults to inject: which request, when, what goes wrong, and how often."""

import json
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cryptonn.errors import ConfigError
from cryptonn.local_exchange.dialect import Dialect, Reply

__all__ = ["BODY_FAULTS", "WIRE_FAULTS", "Fault", "FaultPlan", "falsified"]

WIRE_FAULTS = ("timeout", "drop", "reset", "reset mid-body", "slow")
"""No reply; the connection closed; reset; reset within the reply;
a reply that takes ``seconds``.
"""
BODY_FAULTS = (
    "truncated",
    "empty",
    "html",
    "wrong type",
    "nulls",
    "nan",
    "other order",
    "wrong client id",
    "extra keys",
    "redirect",
)
"""What is wrong with the body of the reply; a redirect leads to ``location``."""

Milliseconds = Annotated[int, Field(ge=0)]


class Fault(BaseModel):
    """One entry of a plan: after ``skip`` requests that match, the next ``n`` go wrong."""

    model_config = ConfigDict(extra="forbid")

    match: str
    """Method and path, such as "POST /api/v3/order"; * and ? stand for anything."""
    do: str
    """One of WIRE_FAULTS or BODY_FAULTS, an HTTP status, or a code of the dialect
    such as "-1007".
    """
    when: Literal["before", "after", "late"] = "before"
    """The request is never carried out; it is, and the reply goes wrong;
    it is carried out ``late_ms`` later.
    """
    skip: Annotated[int, Field(ge=0)] = 0
    n: Annotated[int, Field(ge=1)] = 1
    late_ms: Milliseconds = 0
    advance_ms: Milliseconds = 0
    """A lockstep clock moves on by so much before the reply."""
    seconds: Annotated[float, Field(ge=0, le=3600)] | None = None
    """Of real time: how long a slow reply takes (9), or a timeout holds the connection at most
    (60).
    """
    retry_after: Annotated[int, Field(ge=0)] | None = None
    """Seconds, in a header of that name."""
    location: str = "https://api.binance.com/"

    @property
    def is_on_the_wire(self) -> bool:
        """Tell whether it is the connection that fails, not the reply."""
        return self.do in WIRE_FAULTS


class FaultPlan:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, entries: Iterable[object], dialects: Iterable[Dialect]) -> None:
        """Add the entries of a plan; raises ``ConfigError`` for one that makes no sense,
        and then adds none.
        """
        self.faults += [_checked(entry, list(dialects)) for entry in list(entries)]

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self.faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault of a request, if it has one; the first that matches counts it."""
        for fault in self.faults:
            if fnmatchcase(f"{method} {path}", fault.match):
                if fault.skip:
                    fault.skip -= 1
                    return None
                fault.n -= 1
                if not fault.n:
                    self.faults.remove(fault)
                return fault
        return None


def _checked(entry: object, dialects: list[Dialect]) -> Fault:
    try:
        fault = Fault.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"The fault {entry!r}: {'.'.join(map(str, first['loc']))}: {first['msg']}."
        ) from error
    known = fault.is_on_the_wire or fault.do in BODY_FAULTS
    if not known and all(dialect.fault(fault.do) is None for dialect in dialects):
        words = (
            f"{', '.join((*WIRE_FAULTS, *BODY_FAULTS))}, an HTTP status or an error code of the "
            "exchange"
        )
        raise ConfigError(f"The fault {entry!r}: do = {fault.do!r} is none of {words}.")
    return fault


def falsified(reply: Reply, fault: Fault, dialect: Dialect) -> Reply:
    """Return the reply with the fault in it; one on the wire leaves it as it is."""
    if fault.is_on_the_wire:
        return reply
    headers = dict(reply.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.do in BODY_FAULTS:
        if fault.do == "redirect":
            return Reply(307, headers | {"Location": fault.location}, "")
        return Reply(reply.status, headers, _spoilt(reply.body, fault.do, dialect))
    words = dialect.fault(fault.do)
    return (
        reply if words is None else Reply(words.status, dict(words.headers) | headers, words.body)
    )


def _spoilt(body: Any, do: str, dialect: Dialect) -> Any:
    match do:
        case "truncated":
            text = json.dumps(body)
            return text[: max(len(text) * 2 // 3, 1)]
        case "empty":
            return ""
        case "html":
            return "<html><body>Bad Gateway</body></html>"
        case "wrong type":
            return body[0] if isinstance(body, list) and body else [body]
        case _:
            return _each(body, do, dialect)


def _each(body: Any, do: str, dialect: Dialect) -> Any:
    """Spoil every row of a list, or the fields of one object; other bodies have no fields."""
    if isinstance(body, list):
        return [_each(row, do, dialect) for row in body]
    if not isinstance(body, dict):
        return {"nulls": None, "nan": "NaN"}.get(do, body)
    if do == "extra keys":
        return {**body, "futureField": {"of": ["some", "later", "version"]}}
    return {name: _field(name, value, do, dialect) for name, value in body.items()}


def _field(name: str, value: Any, do: str, dialect: Dialect) -> Any:
    if do == "nulls":
        return None
    if do == "nan":
        return (
            _each(value, do, dialect)
            if isinstance(value, (list, dict))
            else "NaN"
            if _is_number(value)
            else value
        )
    if do == "other order" and name in dialect.id_keys:
        return type(value)(int(value) + 7)
    return f"{value}x" if do == "wrong client id" and name in dialect.client_id_keys else value


def _is_number(value: object) -> bool:
    """Tell whether a field is a number in words, as exchanges write amounts."""
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False
