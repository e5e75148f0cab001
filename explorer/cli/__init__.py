"""The command line: everything the window does, without a display. Results go to stdout, all else to stderr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from explorer import __version__
from explorer.cli.benchmarks import bench
from explorer.cli.codes import encode
from explorer.cli.comparing import compare
from explorer.cli.films import animate
from explorer.cli.inversion import invert
from explorer.cli.pictures import convert, inspect, render
from explorer.cli.score import score
from explorer.cli.telling import PROGRAM, guarded
from explorer.cli.train_autoencoder import train_autoencoder
from explorer.cli.train_consistency import train_consistency
from explorer.cli.train_dcgan import train_dcgan, train_wgan_gp
from explorer.cli.train_diffusion import train_diffusion, train_flow_matching, train_latent_diffusion
from explorer.cli.train_glow import train_glow, train_realnvp
from explorer.cli.train_stylegan2 import train_stylegan2
from explorer.cli.train_vae import train_vae
from explorer.cli.train_vqvae import train_vqvae

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
families = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Train a model on pictures of your own.")
app.add_typer(families, name="train")
families.command("vae")(guarded(train_vae))
families.command("vqvae")(guarded(train_vqvae))
families.command("stylegan2")(guarded(train_stylegan2))
families.command("dcgan")(guarded(train_dcgan))
families.command("wgan-gp")(guarded(train_wgan_gp))
families.command("glow")(guarded(train_glow))
families.command("realnvp")(guarded(train_realnvp))
families.command("latent-diffusion")(guarded(train_latent_diffusion))
families.command("diffusion")(guarded(train_diffusion))
families.command("flow-matching")(guarded(train_flow_matching))
families.command("consistency")(guarded(train_consistency))
families.command("autoencoder")(guarded(train_autoencoder))
for command in (inspect, render, encode, invert, convert, animate, compare, score, bench):
    app.command()(guarded(command))


def main(arguments: Sequence[str]) -> int:
    """Run one command line, without the name of the program, and give its exit code: 2 bad input, 1 failure."""
    command = typer.main.get_command(app)
    try:
        command.main(args=_with_every_seed(arguments), prog_name=PROGRAM, obj=tuple(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def _explain(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Explore generative image models.

    Without a command, latent-explorer [CHECKPOINT|SESSION] [--device NAME] opens the window.
    """


def _with_every_seed(arguments: Sequence[str]) -> list[str]:
    """The arguments with ``--seed 1 2 3`` written as ``--seed 1 --seed 2 --seed 3``."""
    written: list[str] = []
    for argument in arguments:
        if len(written) > 1 and written[-2] == "--seed" and argument.isdecimal() and written[-1].isdecimal():
            written.append("--seed")
        written.append(argument)
    return written
