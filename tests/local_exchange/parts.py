"""Settings of a local exchange, written side by side, sorted into the records it takes."""

from dataclasses import fields
from typing import Any

from cryptonn.local_exchange.clock import Replay
from cryptonn.local_exchange.fees import Rates


def parts(**settings: Any) -> dict[str, Any]:
    """Arguments for ``local_exchange``: ``start_ms`` goes into the replay, ``taker`` into the rates."""
    replay = {field.name for field in fields(Replay)} & settings.keys()
    rates = {field.name for field in fields(Rates)} & settings.keys()
    return {
        "replay": Replay(**{name: settings[name] for name in replay}),
        "rates": Rates.of(**{name: settings[name] for name in rates}),
        **{name: value for name, value in settings.items() if name not in replay | rates},
    }
