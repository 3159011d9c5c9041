"""The probabilities that trials gave to what went up and what went down:
one small histogram a trial.
"""

from collections.abc import Sequence
from textwrap import wrap

import pandas as pd

from cryptonn.reporting.figures_accuracy import draw_ups_and_downs
from cryptonn.reporting.picture import Picture, canvas, house_style, picture
from cryptonn.tuning.records import Record
from cryptonn.tuning.space import words_of

__all__ = ["draw_probabilities"]

_COLUMNS = 4


def draw_probabilities(records: Sequence[Record]) -> Picture:
    """Draw the probabilities that trials gave to true ups (green) and true downs (red)."""
    columns = min(_COLUMNS, len(records))
    rows = -(-len(records) // columns)
    wide = 5.0 if columns == 1 else 3.4
    with house_style():
        figure, all_axes = canvas(
            rows, columns, size=(wide * columns, (3.0 if rows == 1 else 2.3) * rows)
        )
        ends = _ends(records)
        for axes, record in zip(all_axes, records, strict=False):
            draw_ups_and_downs(axes, record.histogram)
            axes.set_title(_title(record, wide=wide), fontsize=9)
            axes.set_xlim(*ends)
        for axes in all_axes[len(records) :]:
            axes.set_axis_off()
        all_axes[0].legend(loc="upper left")
        tables = [record.histogram.assign(trial=record.number) for record in records]
        return picture(
            figure,
            pd.concat(tables, ignore_index=True),
            name="probabilities",
            title="Probabilities given",
            caption=(
                "P(up) of the validation moves that went up (green) and down (red), on one scale. "
                "Skill pulls the two apart."
            ),
        )


def _ends(records: Sequence[Record]) -> tuple[float, float]:
    """Return the lowest and highest probability of any trial: one scale for all,
    so that they can be compared.
    """
    tables = [record.histogram for record in records]
    return min(float(one["bin_low"].min()) for one in tables), max(
        float(one["bin_high"].max()) for one in tables
    )


def _title(record: Record, *, wide: float) -> str:
    return "\n".join(
        wrap(f"{record.number}: {words_of(record.choices)}", width=int(wide * 12), max_lines=3)
    )
