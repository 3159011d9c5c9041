"""What a session is, as the first row of its ledger keeps it: run file, settings, model files, and
the market's rules.

The rules stand there so that a session can be replayed without asking its exchange again.
"""

import hashlib
import json
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptonn.config import RunConfig
from cryptonn.errors import DataError
from cryptonn.paper.ledger import SessionFacts
from cryptonn.paper.settings import PaperSettings
from cryptonn.trading.rules import MarketRules

__all__ = ["model_sha", "recorded_rules", "session_config", "sha256"]


def sha256(*parts: bytes) -> str:
    """Return the hash of some parts, kept apart."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def model_sha(run: Path) -> str:
    """Return the hash of a run's model files."""
    return sha256(*(path.read_bytes() for path in sorted((run / "model").iterdir())))


def session_config(
    config: RunConfig, settings: PaperSettings, rules: MarketRules, *, enter: float
) -> tuple[str, str]:
    """Return what a session is begun with as JSON, and the hash of the part that must stay the
    same.

    The rules of a market are the exchange's to change, so they are kept but not hashed; the
    probability ``enter``, at which the signal enters, follows from the model and is kept to be
    shown.
    """
    plain: dict[str, Any] = {"run": config.model_dump(mode="json"), "paper": settings.plain()}
    market = {name: str(value) for name, value in asdict(rules).items()}
    text = json.dumps(plain | {"market": market, "enter": enter}, sort_keys=True)
    return text, sha256(json.dumps(plain, sort_keys=True).encode())


def recorded_rules(facts: SessionFacts) -> MarketRules:
    """Return the rules of the market that a session was begun in; it is decided under them to its
    end.

    Raises
    ------
    DataError
        If it was begun before they were kept.
    """
    market = json.loads(facts.config).get("market")
    if market is None:
        raise DataError(
            f"{facts.run}: this paper session was begun before the rules of its market were kept, "
            "so it cannot be replayed. Begin another one: `cryptonn paper RUN --session NAME`."
        )
    steps = {name: Decimal(value) for name, value in market.items() if name != "fee_in"}
    return MarketRules(**steps, fee_in=market["fee_in"])
