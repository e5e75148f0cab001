"""Files become checkpoints or one sentence about what is wrong with them; nothing in a file is ever executed."""

from __future__ import annotations

import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from examples import CPU, make_prior_vae, make_vae, save_model
from safetensors.torch import save_file

from explorer.errors import CheckpointError
from explorer.formats import Checkpoint, find_bad_values, read_checkpoint, read_config, write_native
from explorer.generators import build_generator, open_generator
from explorer.imaging import write_png

KEY: Final = "latent-explorer"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound checkpoint."""
    return save_model(tmp_path / "model.safetensors")


# --- what is sound ---


def test_configuration_and_weights_come_back_as_they_were(tmp_path: Path) -> None:
    config = {"family": "vae", "name": "Kleider für alle", "architecture": {"size": 16}, "list": [1, 2.5, None, True]}
    weights = {"a": torch.randn(3, 4), "b.c": torch.tensor(2.0), "whole": torch.arange(3), "half": torch.ones(2).half()}
    write_native(tmp_path / "m.safetensors", config, weights)
    read = read_checkpoint(tmp_path / "m.safetensors")
    assert read.config == config
    assert read.weights.keys() == weights.keys()
    assert all(torch.equal(read.weights[name], value) for name, value in weights.items())
    assert all(read.weights[name].dtype == value.dtype for name, value in weights.items())


def test_weights_that_are_views_are_written_whole(tmp_path: Path) -> None:
    matrix = torch.arange(12.0).view(3, 4)
    write_native(tmp_path / "m.safetensors", {"family": "vae"}, {"a": matrix.T, "b": torch.arange(6.0)[1::2]})
    weights = read_checkpoint(tmp_path / "m.safetensors").weights
    assert torch.equal(weights["a"], matrix.T)
    assert weights["b"].tolist() == [1.0, 3.0, 5.0]


def test_the_name_of_a_file_does_not_matter(path: Path) -> None:
    assert read_checkpoint(path.rename(path.with_name("model.txt"))).config["family"] == "vae"


def test_the_configuration_can_be_read_alone(path: Path) -> None:
    assert read_config(path) == read_checkpoint(path).config


def test_a_model_without_a_name_is_called_like_its_file(tmp_path: Path) -> None:
    path = save_model(tmp_path / "faces.safetensors", make_vae(name=""))
    assert read_checkpoint(path).name == "faces"


def test_the_same_model_is_written_as_the_same_bytes(tmp_path: Path) -> None:
    first, second = save_model(tmp_path / "a.safetensors"), save_model(tmp_path / "b.safetensors")
    assert first.read_bytes() == second.read_bytes()


# --- what is not ---


def test_an_empty_file_gets_one_sentence(path: Path) -> None:
    path.write_bytes(b"")
    assert "is empty" in sentence(path)


@pytest.mark.parametrize("share", np.linspace(0.0, 0.999, 20).round(3).tolist())
def test_a_truncated_file_gets_one_sentence(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: max(1, int(share * len(whole)))])
    sentence(path)


def test_a_file_without_its_last_byte_is_incomplete(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    assert "damaged or incomplete" in sentence(path)


def test_a_file_with_a_byte_too_many_gets_one_sentence(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")
    sentence(path)


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_get_one_sentence(path: Path, seed: int) -> None:
    path.write_bytes(random.Random(seed).randbytes(2000))
    sentence(path)


@pytest.mark.parametrize("length", [0, 1, 1 << 20, 1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_an_absurd_length_of_the_header_gets_one_sentence(path: Path, length: int) -> None:
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    assert "damaged or incomplete" in sentence(path)


@pytest.mark.parametrize(
    "header", [b"{not json", b"{" * 5000, b"{}", b'{"__metadata__": 3}', b'{"a": ' * 90_000, b"{\xff}"]
)
def test_a_header_that_is_no_description_gets_one_sentence(path: Path, header: bytes) -> None:
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    sentence(path)


@pytest.mark.parametrize(
    "text", ["", "3", "null", "[]", "{}", '{"family": 3}', "[" * 100_000, '{"name": "without a family"}', "\ud800"]
)
def test_a_configuration_without_a_family_gets_one_sentence(path: Path, text: str) -> None:
    header = json.dumps({"__metadata__": {KEY: text}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    sentence(path)


def test_another_programs_file_is_told_apart(path: Path) -> None:
    save_file({"weight": torch.ones(2)}, path)
    assert "of another program" in sentence(path)


def test_another_programs_file_with_its_own_metadata_is_told_apart(path: Path) -> None:
    save_file({"weight": torch.ones(2)}, path, {"format": "pt"})
    assert "of another program" in sentence(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_numbers_are_named(path: Path, value: float) -> None:
    changed(path, lambda weights: weights["decoder.0.bias"].fill_(value))
    assert "decoder.0.bias" in sentence(path)


def test_weights_too_large_for_single_precision_are_named() -> None:
    assert find_bad_values({"fine": torch.ones(1), "large": torch.tensor([1e300]).double()}) == "large"


def test_weights_in_eight_bits_can_be_looked_at() -> None:
    assert find_bad_values({"small": torch.ones(2).to(torch.float8_e4m3fn)}) is None


def test_a_weight_of_the_wrong_shape_is_named(path: Path) -> None:
    changed(path, lambda weights: weights.update({"decoder.0.bias": torch.ones(3)}))
    assert "decoder.0.bias is 3, not 128" in sentence(path)


def test_a_missing_weight_is_named(path: Path) -> None:
    changed(path, lambda weights: weights.pop("decoder.0.bias"))
    assert "decoder.0.bias is absent, not 128" in sentence(path)


def test_a_superfluous_weight_is_named(path: Path) -> None:
    changed(path, lambda weights: weights.update({"extra": torch.tensor(1.0)}))
    assert "extra is a single number, not absent" in sentence(path)


def test_statistics_of_the_wrong_shape_are_left_out(path: Path) -> None:
    changed(path, lambda weights: weights.update({"statistics.covariance": torch.ones(2, 2)}))
    assert open_generator(path, "cpu").data_covariance() is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", 17),
        ("size", -16),
        ("size", 1 << 40),
        ("size", "large"),
        ("size", None),
        ("size", 1e999),
        ("size", float("nan")),
        ("channels", 2),
        ("latent", 0),
        ("latent", -5),
        ("latent", 1 << 50),
        ("latent", [5]),
        ("widths", [8, -8]),
        ("widths", [8]),
        ("widths", [8] * 100),
        ("widths", [8, 1 << 40]),
        ("widths", [7, 8]),
        ("widths", 8),
        ("widths", "wide"),
        ("widths", [None, 8]),
        ("couplings", 1 << 40),
        ("couplings", -1),
        ("prior_width", 0),
        ("prior_width", 1e999),
    ],
)
def test_an_impossible_architecture_gets_one_sentence(path: Path, key: str, value: object) -> None:
    checkpoint = make_prior_vae().checkpoint()
    architecture = {**checkpoint.config["architecture"], key: value}
    with pytest.raises(CheckpointError, match="describes an impossible VAE"):
        build_generator(Checkpoint({"family": "vae", "architecture": architecture}, checkpoint.weights, path), CPU)


@pytest.mark.parametrize("architecture", [None, 3, [], {}, "16"])
def test_a_description_of_the_wrong_kind_gets_one_sentence(architecture: object) -> None:
    with pytest.raises(CheckpointError, match="describes an impossible VAE"):
        build_generator(Checkpoint({"family": "vae", "architecture": architecture}, {}), CPU)


def test_a_configuration_without_an_architecture_gets_one_sentence() -> None:
    with pytest.raises(CheckpointError, match="describes an impossible VAE"):
        build_generator(Checkpoint({"family": "vae"}, {}), CPU)


def test_the_largest_possible_architecture_costs_no_memory_before_its_weights_are_seen() -> None:
    architecture = {
        "size": 256,
        "channels": 3,
        "latent": 4096,
        "widths": [2048] * 6,
        "couplings": 64,
        "prior_width": 8192,
    }
    with pytest.raises(CheckpointError, match="does not fit its own description"):
        build_generator(Checkpoint({"family": "vae", "architecture": architecture}, {}), CPU)


def test_a_picture_is_told_apart(path: Path) -> None:
    write_png(path, np.zeros((4, 4, 3), np.uint8))
    assert "is a picture, not a model" in sentence(path)


def test_a_web_page_is_told_apart(path: Path) -> None:
    path.write_text("\n  <!doctype html><html>Not found</html>", "utf-8")
    assert "is a saved web page" in sentence(path)


def test_a_pointer_to_a_file_that_was_not_downloaded_is_told_apart(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "utf-8")
    assert "is only a pointer" in sentence(path)


def test_a_zip_file_is_told_apart(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02.")
    assert "is a PyTorch or zip file" in sentence(path)


def test_a_pickle_is_told_apart_and_not_run(path: Path) -> None:
    mark = path.with_name("was run")
    path.write_bytes(pickle.dumps(Bomb(mark)))
    assert "is a Python pickle" in sentence(path)
    assert not mark.exists()


def test_a_pickle_saved_by_torch_is_not_run(path: Path) -> None:
    mark = path.with_name("was run")
    torch.save({"weights": Bomb(mark)}, path)
    sentence(path)
    assert not mark.exists()


def test_a_folder_gets_one_sentence(tmp_path: Path) -> None:
    assert "is a folder" in sentence(tmp_path)


def test_a_missing_file_gets_one_sentence(tmp_path: Path) -> None:
    assert "does not exist" in sentence(tmp_path / "missing.safetensors")


def test_a_file_that_may_not_be_read_gets_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # the system refuses nothing to an administrator
    assert "cannot be opened: Permission denied" in sentence(path)


@pytest.mark.parametrize("seed", range(6))
def test_a_file_with_random_damage_opens_or_gets_one_sentence(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    model = make_prior_vae() if seed % 2 else make_vae()
    path = save_model(tmp_path / "model.safetensors", model)
    sound = path.read_bytes()
    for _ in range(50):
        path.write_bytes(damaged(sound, chance))
        try:
            open_generator(path, "cpu")
        except CheckpointError as error:
            is_one_sentence(error, path)


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one of several kinds of damage, most of it in the header, where it is interesting."""
    header = 8 + int(struct.unpack("<Q", data[:8])[0])
    place = chance.randrange(header if chance.random() < 0.8 else len(data))
    match chance.randrange(6):
        case 0:
            return data[:place]
        case 1:
            return data[:place] + chance.randbytes(chance.randint(1, 8)) + data[place:]
        case 2:
            return data[:place] + data[place + chance.randint(1, 40) :]
        case 3:
            digits = [index for index in range(8, header) if data[index : index + 1].isdigit()]
            place = chance.choice(digits)
            return data[:place] + str(chance.randrange(10)).encode() + data[place + 1 :]
        case 4:
            other = chance.randrange(header)
            return data[:place] + data[other : other + 20] + data[place + 20 :]
        case _:
            return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def changed(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Write the checkpoint again with other weights."""
    checkpoint = read_checkpoint(path)
    weights = {name: value.clone() for name, value in checkpoint.weights.items()}
    change(weights)
    write_native(path, checkpoint.config, weights)


def sentence(path: Path) -> str:
    """What is said of a file that cannot be opened."""
    with pytest.raises(CheckpointError) as raised:
        open_generator(path, "cpu")
    is_one_sentence(raised.value, path)
    return raised.value.message


def is_one_sentence(error: CheckpointError, path: Path) -> None:
    assert path.name in error.message
    assert error.message.endswith(".")
    assert "\n" not in error.message
    assert "Error" not in error.message
    assert "Traceback" not in str(error)
