"""A request, a reply, and what a dialect must be: how one real exchange speaks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

__all__ = ["Dialect", "Handler", "Reply", "Request", "find_handler"]


@dataclass(frozen=True)
class Request:
    """One HTTP request as it came."""

    method: str
    path: str
    """Without the query."""
    query: str
    """As sent, without the question mark."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: str
    params: Mapping[str, str]
    """What the segments in braces of the route stand for."""


class Reply(NamedTuple):
    """What goes back: ``body`` is something JSON can hold, or a str that is sent as it is."""

    status: int
    headers: Mapping[str, str]
    body: Any


Handler = Callable[[Request], Reply]


class Dialect(Protocol):
    """How one real exchange speaks; see server.py."""

    name: str
    id_keys: frozenset[str]
    client_id_keys: frozenset[str]

    @property
    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Return who answers which method and path."""

    def client_id(self, request: Request) -> str | None:
        """Return the client id in a request for a new order, else None."""

    def fault(self, do: str) -> Reply | None:
        """Return the dialect's words for an injected error, or None where it has none."""


def find_handler(
    routes: Mapping[tuple[str, str], Handler], method: str, path: str
) -> tuple[Handler, dict[str, str]] | None:
    """Return the handler of a path and what its segments in braces stand for."""
    wanted = path.split("/")
    for (verb, route), handler in routes.items():
        segments = route.split("/")
        if verb == method and len(segments) == len(wanted):
            pairs = [
                (mark, part) for mark, part in zip(segments, wanted, strict=True) if mark != part
            ]
            if all(mark.startswith("{") for mark, _ in pairs):
                return handler, {mark.strip("{}"): part for mark, part in pairs}
    return None
