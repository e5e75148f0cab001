"""The command line on diffusion models: what is asked of them in words, and what is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from diffusion_folders import own_folder
from typer import BadParameter

from explorer.cli import main
from explorer.cli.pictures import _number
from explorer.cli.wishes import Wishes, class_number
from explorer.errors import SceneError
from explorer.generators import Generator, open_generator
from explorer.scene import Denoising, Sampling, Scene


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_folder(tmp_path_factory.mktemp("models") / "shoes", latent=False)


@pytest.fixture(scope="module")
def generator(folder: Path) -> Generator:
    """A model of the classes boot, clog and pump."""
    return open_generator(folder, "cpu")


def drawn(folder: Path, out: Path, *arguments: str) -> np.ndarray:
    assert main(["render", str(folder), "--seed", "3", *arguments, "-o", str(out), "--device", "cpu"]) == 0
    return np.load(out)


@pytest.mark.slow
def test_a_class_is_drawn_by_its_name_as_by_its_number(folder: Path, tmp_path: Path) -> None:
    by_number = drawn(folder, tmp_path / "a.npy", "--label", "1")
    assert np.array_equal(drawn(folder, tmp_path / "b.npy", "--label", "Clog"), by_number)
    assert not np.array_equal(drawn(folder, tmp_path / "c.npy", "--label", "pump"), by_number)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("2", 2), ("BOOT", 0), ("clog", 1), (" pu ", 2), ("c", 1)])
def test_a_class_is_known_by_number_name_or_beginning(generator: Generator, text: str, number: int) -> None:
    assert class_number(generator, text) == number
    scene = Wishes(label=text).named(generator).dress(Scene())
    assert scene.condition.classes == ((number, 1.0),)


@pytest.mark.parametrize("text", ["3", "-1", "shoe", "", "bootee", "²"])
def test_an_unknown_class_is_refused_with_the_names_there_are(generator: Generator, text: str) -> None:
    with pytest.raises(SceneError, match=r"classes 0 to 2.*boot, clog, pump"):
        class_number(generator, text)


def test_a_beginning_of_several_names_is_refused_with_those(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(generator), "class_names", ("Bag", "Bagel", "Shoe"))
    assert class_number(generator, "bag") == 0  # wholly
    assert class_number(generator, "bage") == 1
    with pytest.raises(SceneError, match=r"several.*Bag, Bagel\."):
        class_number(generator, "ba")


@pytest.mark.parametrize("scale", [100.5, -101.0, 1e9])
def test_guidance_far_beyond_sense_is_refused(scale: float) -> None:
    with pytest.raises(BadParameter, match="between -100 and 100"):
        Wishes(guidance=scale)
    assert Wishes(guidance=-100.0).guidance == -100.0


def test_eta_is_refused_where_the_sampler_does_not_use_it(generator: Generator) -> None:
    Wishes(eta=0.5).check(generator)  # its own is DDIM
    Wishes(eta=0.5, sampler="ddim").check(generator)
    with pytest.raises(SceneError, match=r"Heun does not use --eta"):
        Wishes(eta=0.5, sampler="heun").check(generator)
    written = Scene(denoising=Denoising(Sampling("heun")))
    wishes = Wishes(eta=0.5)
    with pytest.raises(SceneError, match="does not use --eta"):
        wishes.check(generator, [wishes.dress(written)])


def test_whole_numbers_are_told_without_a_point() -> None:
    assert [_number(value) for value in (200.0, 0.25, 7, "fid", float("inf"))] == ["200", "0.25", "7", "fid", "inf"]
