"""How commands speak to a person: notes and progress on stderr, and every failure as one sentence."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, ParamSpec, TypeAlias

import typer

from explorer.errors import ExplorerError

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["PROGRAM", "CheckpointArgument", "DeviceOption", "guarded", "print_json", "progress_bar", "tell"]

PROGRAM: Final = "latent-explorer"
INTERRUPTED: Final = 130  # what shells expect after Ctrl-C

P = ParamSpec("P")

CheckpointArgument: TypeAlias = Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="The model.")]
DeviceOption: TypeAlias = Annotated[
    str, typer.Option("--device", metavar="NAME", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
]


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """The command, with its failures told in a sentence on stderr and turned into an exit code."""

    @functools.wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
            sys.stdout.flush()
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except KeyboardInterrupt:
            tell("Interrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _forget_stdout()
            raise typer.Exit(1) from None
        except ExplorerError as error:
            tell(str(error))
            raise typer.Exit(error.exit_code) from None
        except Exception as error:
            tell(_unforeseen(error))
            raise typer.Exit(1) from None

    return run


def tell(sentence: str) -> None:
    """Print a sentence to stderr, unless nobody listens any more."""
    with contextlib.suppress(BrokenPipeError):
        print(sentence, file=sys.stderr, flush=True)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object to stdout."""
    print(json.dumps(value, indent=2))


@contextlib.contextmanager
def progress_bar(*columns: str) -> Iterator[Progress]:
    """A bar that shows what is done, the given columns and the time left, where stderr is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    shown = [TextColumn(column, markup=False) for column in ("{task.description}", *columns)]
    parts = (shown[0], BarColumn(20), *shown[1:], TimeRemainingColumn())
    with Progress(*parts, console=console, disable=not console.is_terminal) as progress:
        yield progress


def _forget_stdout() -> None:
    """Point stdout nowhere, so that Python does not fail again when it empties the buffer at the end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unforeseen(error: Exception) -> str:
    """One sentence for a failure nobody foresaw; the traceback goes to a file."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the latter is torch's
        return "There is too little memory for this. Close other programs, or try --device cpu."
    details = "".join(traceback.format_exception(error))
    what = f"Something went wrong: {error or type(error).__name__}."
    try:
        from platformdirs import user_log_path

        path = user_log_path(PROGRAM) / f"failure-{time.strftime('%Y%m%d-%H%M%S')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(details, encoding="utf-8")
    except OSError:
        return f"{what}\n{details}"
    return f"{what} The details are in {path}."
