"""``python -m tests.benchmarks [NAME ...]``: each benchmark in a process of its own, one table at the end.

Ratios compare two things measured in the same process, so they hold on a noisy machine; single times do not.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tests.benchmarks.cases import Figure, bench_backtrader, bench_bars, bench_help, bench_import
from tests.benchmarks.learning import bench_memory, bench_training
from tests.benchmarks.searching import bench_published_size, bench_search
from tests.benchmarks.trading_on_paper import bench_paper
from tests.benchmarks.whole import bench_whole

CASES = {
    "import": bench_import,
    "bars": bench_bars,
    "help": bench_help,
    "training": bench_training,
    "memory": bench_memory,
    "backtrader": bench_backtrader,
    "search": bench_search,
    "published": bench_published_size,
    "paper": bench_paper,
    "whole": bench_whole,
}

REAL_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def main(names: list[str]) -> int:
    """Run the named benchmarks (all by default); return how many targets were missed."""
    unknown = [name for name in names if name not in CASES]
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}. There are: {', '.join(CASES)}.")
    if not REAL_DATA.is_dir():
        sys.exit(
            f"the benchmarks need the real candles in {REAL_DATA}, which are not part of the project."
        )
    figures: list[tuple[str, Figure]] = []
    for name in names or list(CASES):
        print(f"{name} …", file=sys.stderr, flush=True)
        figures += [(name, figure) for figure in _in_own_process(name)]
    _show(figures)
    return sum(not figure.met for _, figure in figures)


def _in_own_process(name: str) -> list[Figure]:
    start = time.perf_counter()
    command = [sys.executable, "-m", "tests.benchmarks", "--case", name, str(REAL_DATA)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    print(f"  {time.perf_counter() - start:.1f} s", file=sys.stderr)
    return [Figure(**values) for values in json.loads(answer.stdout.splitlines()[-1])]


def _case(name: str, data: Path) -> None:
    print(json.dumps([asdict(figure) for figure in CASES[name](data)]))


def _show(figures: list[tuple[str, Figure]]) -> None:
    table = Table(title="cryptonn benchmarks", title_justify="left", box=SIMPLE_HEAD)
    for column in ("benchmark", "figure", "measured", "target", "met"):
        table.add_column(column, justify="left" if column in ("benchmark", "figure") else "right")
    for name, figure in figures:
        met = "yes" if figure.met else "NO"
        table.add_row(name, figure.name, figure.measured, figure.target, met)
    Console(width=128).print(table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        _case(sys.argv[2], Path(sys.argv[3]))
    else:
        sys.exit(min(main(sys.argv[1:]), 1))
