"""The ``cryptonn`` command.

Stages are imported inside each command, so that ``cryptonn --help`` stays instant and only commands
that need the network load TensorFlow.
"""

import sys

import typer

from cryptonn.cli import data, local_exchange, paper, paper_results, runs, tuning
from cryptonn.cli.console import stderr
from cryptonn.cli.plain import write_plainly
from cryptonn.errors import CryptonnError

__all__ = ["app", "main"]

app = typer.Typer(
    name="cryptonn",
    help=(
        "Does this neural-net crypto signal make money after fees? Train, validate, backtest, "
        "report."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cryptonn {version('cryptonn')}")
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Options before the command."""


for _module in (runs, tuning, data, local_exchange, paper, paper_results):
    for _command in _module.COMMANDS:
        # the whole first paragraph: click's own is cut at "..."
        _first = str(_command.__doc__).partition("\n\n")[0]
        app.command(short_help=" ".join(_first.split()))(_command)


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    """Say nothing of an object of TensorFlow's that Ctrl-C left half built;
    Python would print a trace as it goes.
    """
    if not str(getattr(found.object, "__module__", "")).startswith("tensorflow"):
        sys.__unraisablehook__(found)


def main() -> None:
    """Run the command line: a user's error is one message and exit code 2;
    a bug keeps its trace.
    """
    sys.unraisablehook = _unraisable
    write_plainly()
    try:
        app(prog_name="cryptonn")
    except CryptonnError as error:
        stderr.print(f"Error: {error}", style="bold red", soft_wrap=True, markup=False)
        sys.exit(2)
