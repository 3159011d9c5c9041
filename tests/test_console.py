"""What a person sees on a terminal, and a log does not."""

import io

import pytest
from rich.console import Console

from cryptonn.cli import console


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_says_what_it_waits_for(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    shown = Console(file=io.StringIO(), force_terminal=terminal)
    monkeypatch.setattr(console, "stderr", shown)
    with console.loading():
        pass
    assert isinstance(shown.file, io.StringIO)
    assert ("Loading the network" in shown.file.getvalue()) is terminal
