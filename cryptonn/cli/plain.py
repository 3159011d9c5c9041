"""Words on a terminal or in a pipe that cannot show every character,
such as a Windows console of code page 1252.
"""

import codecs
import sys
from typing import TextIO

__all__ = ["write_plainly"]

_NAME = "cryptonn-plain"
_PLAIN = {
    "−": "-",
    "–": "-",
    "—": "-",
    "─": "-",
    "━": "-",
    "│": "|",
    "…": "...",
    "·": "*",
    "×": "x",
    "≤": "<=",
    "≥": ">=",
    "→": "->",
    "█": "#",
}
"""What stands for a character where it cannot be written: a minus must stay one."""


def write_plainly(*streams: TextIO) -> None:
    """Let the streams write a likeness of what their encoding lacks, instead of failing;
    "?" where there is none.
    """
    codecs.register_error(_NAME, _likeness)
    for stream in streams or (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a test's own stream may have none
        if reconfigure is not None:
            reconfigure(errors=_NAME)


def _likeness(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(letter, "?") for letter in lacking), error.end
