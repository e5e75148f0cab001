"""The entry point: commands go to ``explorer.cli``, everything else opens the window.

Nothing heavy is imported before it is known to be needed: the window should be on the screen within a second.
"""

from __future__ import annotations

import os
import sys
from typing import Final

__all__ = ["COMMANDS", "main"]

COMMANDS: Final = ("inspect", "render", "encode", "invert", "convert", "animate", "compare", "score", "train", "bench")
OPTIONS: Final = ("-h", "--help", "--version")
PACKAGES: Final = (  # what Debian and Ubuntu call the libraries that Qt takes from the system
    "libgl1 libegl1 libxkbcommon0 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libglib2.0-0 libx11-xcb1 "
    "libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-randr0 libxcb-shape0 libxcb-sync1 libxcb-xfixes0"
)


def main() -> int:
    """Run the program with the arguments of the command line and give its exit code."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in COMMANDS + OPTIONS:
        from explorer.cli import main as run_command

        return run_command(arguments)
    return _open_window(arguments)


def _open_window(arguments: list[str]) -> int:
    """Open the window on a checkpoint, session or picture, or as it was last left."""
    import argparse  # a command line this small does not need typer, which takes longer than the window may

    parser = argparse.ArgumentParser("latent-explorer", add_help=False, allow_abbrev=False)
    parser.add_argument("files", nargs="*", metavar="CHECKPOINT|SESSION")
    parser.add_argument("--device", default="", metavar="NAME")
    options = parser.parse_args(arguments)
    files: list[str] = options.files
    if len(files) > 1 or not all(map(os.path.exists, files)):
        commands = f"The commands are {', '.join(COMMANDS)}; 'latent-explorer --help' explains them."
        print(f"{files[0]} is no command, and no single file to open. {commands}", file=sys.stderr)
        return 2
    problem = _display_problem()
    if problem:
        print(problem, file=sys.stderr)
        return 1
    if sys.platform == "win32":
        import torch  # noqa: F401  # once Qt is loaded, c10.dll of torch fails with WinError 1114; elsewhere it may wait
    try:
        from explorer.app import run
    except ImportError as error:
        missing = _missing_library(error)
        if missing is None:
            raise
        print(_told(missing), file=sys.stderr)
        return 1
    return run(files[0] if files else None, options.device)


def _display_problem() -> str | None:
    """Why Qt would abort instead of opening a window, in a sentence; None where nothing speaks against it."""
    if sys.platform != "linux" or "QT_QPA_PLATFORM" in os.environ or "WAYLAND_DISPLAY" in os.environ:
        return None
    if "DISPLAY" not in os.environ:
        return (
            "There is no display to open a window on. Without one these commands work: "
            f"{', '.join(COMMANDS)}; 'latent-explorer --help' explains them."
        )
    missing = _missing_for_x11()
    return None if missing is None else _told(missing)


def _missing_for_x11() -> str | None:
    """The system library without which Qt cannot talk to an X11 display; Qt itself only aborts."""
    import ctypes
    from importlib.util import find_spec

    package = find_spec("PySide6")
    for folder in (package and package.submodule_search_locations) or ():
        plugin = os.path.join(folder, "Qt", "plugins", "platforms", "libqxcb.so")
        if os.path.exists(plugin):
            try:
                ctypes.CDLL(plugin)
            except OSError as error:
                return _missing_library(error)
    return None


def _missing_library(error: Exception) -> str | None:
    """The library, such as libEGL.so.1, that the loader says it cannot find, if that is what the error is about."""
    name, _, reason = str(error).partition(":")
    return name if name.startswith("lib") and ".so" in name and "cannot open shared object" in reason else None


def _told(library: str) -> str:
    return (
        f"This program needs Qt's system libraries, and {library} is missing. On Debian and Ubuntu:\n"
        f"  sudo apt install {PACKAGES}"
    )


if __name__ == "__main__":
    sys.exit(main())
