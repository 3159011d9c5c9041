"""All that the result of a trial follows from, as one word: where it is the same,
so is the result.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cryptonn.config import RunConfig
from cryptonn.output import to_json
from cryptonn.tuning.checks import NOT_TRAINED
from cryptonn.versions import versions_of

__all__ = ["fingerprint_of"]

_PACKAGE = Path(__file__).resolve().parents[1]
_CODE = (
    "market/*.py",
    "learning/**/*.py",
    "evaluation/**/*.py",
    "settings/*.py",
    "config.py",
    "published.py",
    "heldout.py",
    "tuning/trial.py",
)
"""What makes, trains and judges the rows of a trial. Files,
store and download only bring the candles it has.
"""
_LIBRARIES = ("tensorflow", "keras", "numpy", "pandas", "scipy", "ta")


def fingerprint_of(
    config: RunConfig, *, of: str, data: Mapping[str, str], environment: Mapping[str, str]
) -> str | None:
    """Return the word of a trial; None if its candles are not all known by their sha256.

    Parameters
    ----------
    config
        Its run file, without test periods.
    of
        "run" or "published".
    data
        By symbol: sha256 of the candles.
    environment
        Threads and what else decides about last bits.
    """
    published = config.published if of == "published" else None
    trained = config if published is None else config.as_published()
    if not set(trained.data.symbols) <= set(data):
        return None
    plain = trained.model_dump(
        mode="json", exclude={name for name in NOT_TRAINED if "." not in name}
    )
    plain["data"].pop("folder")
    facts = {
        "of": of,
        "config": plain | {"published": None},
        "leaks": None if published is None else published.leaks.model_dump(mode="json"),
        "data": {symbol: data[symbol] for symbol in trained.data.symbols},
        "environment": dict(environment),
        "code": _code(),
        "libraries": versions_of(_LIBRARIES),
    }
    return hashlib.sha256(to_json(facts).encode()).hexdigest()


@lru_cache(maxsize=1)
def _code() -> str:
    digest = hashlib.sha256()
    for pattern in _CODE:
        for file in sorted(_PACKAGE.glob(pattern)):
            digest.update(file.relative_to(_PACKAGE).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()
