"""The key numbers of the tiny run, kept as diffable JSON: ``make golden`` writes them, a test compares.

Look at the difference before you commit it: it is what your change did to the results.
"""

import json
import math
import tempfile
from pathlib import Path
from typing import Any

from cryptonn import pipeline
from cryptonn.runs import Run
from tests.tiny_run import tiny_config

GOLDEN = Path(__file__).with_name("synthetic.json")
EVERY = 120
"""Bars between two probabilities that are kept."""


def numbers_of(run: Run) -> dict[str, Any]:
    """Return what should not change unless somebody wanted it to; floats to six significant digits."""
    shown = run.predictions.iloc[::EVERY]
    return _rounded(
        {
            "rows": run.facts["rows"],
            "sha256": {symbol: facts["sha256"] for symbol, facts in run.facts["data"].items()},
            "ties_share": run.facts["ties_share"],
            "best_possible_accuracy": run.facts["best_possible_accuracy"],
            "enter": run.enter,
            "history": run.history[["epoch", "loss", "val_loss", "val_accuracy", "best"]].to_dict(
                orient="records"
            ),
            "proba": {str(time): proba for time, proba in shown["proba"].items()},
            "logistic": {str(time): proba for time, proba in shown["logistic"].items()},
            "signals": run.predictions.groupby("period")["signal"].sum().to_dict(),
            "accuracy": {
                period: {model: found.metrics for model, found in models.items()}
                for period, models in run.assessments.items()
            },
            "comparison": run.comparison.to_dict(orient="records"),
            "verdicts": {
                period: [found.headline, *found.sentences] for period, found in run.verdicts.items()
            },
        }
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else str(value)
    return value


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        trained = pipeline.train(tiny_config(), results=Path(folder))
        numbers = numbers_of(pipeline.backtest(trained))
    GOLDEN.write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(GOLDEN)


if __name__ == "__main__":
    main()
