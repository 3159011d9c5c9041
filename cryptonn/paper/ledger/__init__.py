"""The ledger of a session: candles, decisions, orders, fills,
balances and incidents in one SQLite file.
"""

from cryptonn.paper.ledger.holding import Holding
from cryptonn.paper.ledger.ledger import Ledger
from cryptonn.paper.ledger.lock import take_lock
from cryptonn.paper.ledger.queries import LedgerReader
from cryptonn.paper.ledger.rows import (
    Added,
    CandleRow,
    DecisionRow,
    EpochRow,
    EventRow,
    FillRow,
    IncidentRow,
    OrderRow,
    SessionFacts,
)

__all__ = [
    "Added",
    "CandleRow",
    "DecisionRow",
    "EpochRow",
    "EventRow",
    "FillRow",
    "Holding",
    "IncidentRow",
    "Ledger",
    "LedgerReader",
    "OrderRow",
    "SessionFacts",
    "take_lock",
]
