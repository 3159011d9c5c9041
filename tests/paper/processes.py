"""Genuine processes for the long checks of paper trading: ``cryptonn local-exchange``, ``cryptonn paper``, a drawn run.

Without the real candles they take synthetic ones.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.errors import CryptonnError
from cryptonn.paper.ledger import LedgerReader
from cryptonn.settings import CostsConfig
from tests.conftest import ROOT, SHARED_DATA

MINUTE = 60_000
SYMBOLS = ("ETH/USD", "BTC/USD")
RULE = {"hold": 4}


def drawn_run(
    folder: Path,
    tables: dict[str, pd.DataFrame],
    *,
    entering: float = 0.05,
    **sections: dict[str, Any],
) -> Path:
    """Make a run folder with a network drawn at random, as far as a session reads it.

    The run enters at so many of the bars. Its costs are those of an exchange that is told of none.
    """
    sys.path.insert(0, str(Path(__file__).parent))
    from session_cases import drawn_model

    from cryptonn.learning.features import make_features
    from cryptonn.learning.prediction import predict_proba
    from cryptonn.market.candles import align

    frame = align({symbol: table.iloc[:4000] for symbol, table in tables.items()}, timeframe="1m")
    costs = CostsConfig().model_dump(mode="json")
    model = drawn_model(frame, **{"signal": RULE, "costs": costs} | sections)
    features = make_features(frame, target=SYMBOLS[0], config=model.config.features)
    enter = float(predict_proba(model, features).quantile(1 - entering))
    run = folder / "drawn"
    model.save(run / "model")
    (run / "config.toml").write_text(model.config.to_toml())
    (run / "run.json").write_text(json.dumps({"enter": enter}))
    return run


def minutes(days: int) -> dict[str, pd.DataFrame]:
    """Real minutes, or made-up ones where there are none."""
    sys.path.insert(0, str(Path(__file__).parent))
    from real_minutes import real_minutes

    from tests.tiny_run import tiny_candles

    return real_minutes(SHARED_DATA, days) if SHARED_DATA.is_dir() else tiny_candles(days=days)


@contextmanager
def exchange(*words: str) -> Iterator[int]:
    """Run ``cryptonn local-exchange`` with some words; give its port."""
    with command(
        "local-exchange", *words, "--port", "0", "--json", stdout=subprocess.PIPE
    ) as process:
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the exchange did not start")
            text += line
        yield json.loads(text)["port"]


@contextmanager
def command(*words: str, **more: Any) -> Iterator[Any]:
    """Run ``cryptonn`` with some words; what is still running at the end is stopped as by Ctrl-C."""
    process = subprocess.Popen(_started_as(words), text=True, cwd=ROOT, env=_environment(), **more)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def outcome(*words: str) -> subprocess.CompletedProcess[str]:
    """Run ``cryptonn`` with some words to its end; return its exit code and what it said."""
    return subprocess.run(
        _started_as(words),
        capture_output=True,
        check=False,
        text=True,
        cwd=ROOT,
        env=_environment(),
    )


def control(port: int, what: str, wanted: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Ask the exchange behind its clients' backs, or tell it something; return what it answers."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        body = None if wanted is None else json.dumps(wanted)
        connection.request("GET" if wanted is None else "POST", f"/_ctl/{what}", body=body)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    return answer


def newest_bar(path: Path) -> int:
    """Return the newest bar that a session has decided on, as its open in milliseconds; 0 before the first."""
    try:
        with LedgerReader.open(path) as ledger:
            newest = ledger.newest_decision()
    except CryptonnError:  # not there yet
        return 0
    return 0 if newest is None else newest.decision.time_ms


def _started_as(words: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-c", "from cryptonn.cli import main; main()", *words]


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "COLUMNS": "200"}
