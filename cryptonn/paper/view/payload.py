"""A status as JSON: the words and the curve that the page shows,
and the exact values for programs.
"""

import json
from dataclasses import asdict
from typing import Any

from cryptonn.errors import CryptonnError
from cryptonn.paper.view.formats import clean, moment
from cryptonn.paper.view.status import Status
from cryptonn.paper.view.words import incident_words, notices, readings, title

__all__ = ["status_json", "waiting_json"]


def status_json(status: Status) -> str:
    """Return the JSON object of a status; money and amounts are text, so that they stay exact."""
    shown = {
        "ready": True,
        "title": title(status),
        "now": f"{moment(status.now_ms, form='%Y-%m-%d %H:%M:%S')} UTC",
        "notices": [asdict(notice) for notice in notices(status)],
        "readings": [asdict(reading) for reading in readings(status)],
        "incidents": [incident_words(incident) for incident in status.incidents],
        "incident_count": status.incident_count,
        "quote": status.facts.quote,
        "start": status.funds.start_cash,
        "curve": status.curve,
        "exact": _exact(status),
    }
    return _json(shown)


def waiting_json(error: CryptonnError) -> str:
    """Return the JSON object that says why there is no status."""
    return _json({"ready": False, "message": clean(str(error))})


def _exact(status: Status) -> dict[str, Any]:
    facts = status.facts
    funds = status.funds
    row = status.decision
    decision = None if row is None else asdict(row.decision)
    if (
        decision is not None and decision["proba"] != decision["proba"]
    ):  # NaN while the network warms up
        decision["proba"] = None
    if decision is not None:
        del decision["refused"]  # none is read back; what could not be sent stands in "reach"
    return {
        "run": facts.run,
        "venue": facts.venue,
        "symbol": facts.symbol,
        "started_ms": facts.started_ms,
        "now_ms": status.now_ms,
        "next_close_ms": status.next_close_ms,
        "candle": None if status.candle is None else status.candle._asdict(),
        "decision": decision,
        "order": None if status.order is None else asdict(status.order),
        "reach": asdict(status.reach),
        **asdict(funds),
        "profit": funds.profit,
        "orders": status.orders,
        "trades": status.trades,
        "fills": status.fills,
        **asdict(status.freshness),
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, default=str, separators=(",", ":")
    )
