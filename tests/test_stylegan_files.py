"""StyleGANs of other programs are read into our configuration and weights, or get one sentence."""

from __future__ import annotations

import argparse
import functools
import io
import pickle
import pickletools
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from foreign_files import (
    NETWORK,
    Call,
    expected_weights,
    layer_attributes,
    nested,
    nvidia_file,
    pickled,
    rosinality_state,
    style3_network,
    style_weights,
    tensorflow_file,
)
from torch import Tensor

from explorer.errors import CheckpointError
from explorer.formats import Checkpoint, read_checkpoint, read_config

GOLDENS: Final = Path(__file__).resolve().parents[2] / "shared" / "goldens"
INSTRUCTION: Final = re.compile(rb"[RbsuaetqrhjKXB(}\])\x81\x85-\x87\x93\x94]")
INSTRUCTIONS: Final = [code.code.encode("latin1") for code in pickletools.opcodes]
NO_AVERAGE: Final = "This file holds no average style; it was estimated from 10,000 draws."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.pkl"


# --- files that other programs really wrote ---


def golden(name: str, file: str) -> tuple[Checkpoint, Any]:
    """A checkpoint of the reference data, and the arrays its own program computed from it."""
    if not (GOLDENS / name / file).exists():
        pytest.skip(f"the reference data {name} is not on this machine")
    return read_checkpoint(GOLDENS / name / file), np.load(GOLDENS / name / "expected.npz")


def test_a_real_stylegan2_pickle_is_read() -> None:
    checkpoint, expected = golden("sg2ada_uncond", "network-snapshot-000100.pkl")
    assert checkpoint.config == {
        "family": "stylegan2",
        "name": "network-snapshot-000100",
        "architecture": {
            "z": 64,
            "w": 64,
            "classes": 0,
            "image_channels": 3,
            "resolution": 64,
            "architecture": "skip",
            "channels": [32] * 5,
            "mapping": {"widths": [64, 64], "embed": 0, "multiplier": 0.01, "activation": "lrelu"},
            "activation": "lrelu",
            "noise": True,
            "clamp": 256,
        },
    }
    np.testing.assert_array_equal(checkpoint.weights["mapping.w_avg"].numpy(), expected["w_avg"])
    assert float(checkpoint.weights["synthesis.b8.conv0.resample_filter"].sum()) == 1.0


def test_a_real_stylegan3_pickle_is_read() -> None:
    checkpoint, expected = golden("sg3t_64", "network-snapshot-000100.pkl")
    architecture = checkpoint.config["architecture"]
    assert checkpoint.config["family"] == "stylegan3"
    assert architecture["resolution"] == 64
    assert len(architecture["layers"]) == 15
    assert architecture["layers"][-1]["is_torgb"]
    assert architecture["input"] == {"channels": 32, "size": 36, "sampling_rate": 16, "bandwidth": 2}
    np.testing.assert_array_equal(checkpoint.weights["mapping.w_avg"].numpy(), expected["w_avg"])


def test_a_real_file_of_rosinality_is_read() -> None:
    checkpoint, _ = golden("rosi_sg2_64_tiny_train", "100000.pt")
    architecture = checkpoint.config["architecture"]
    assert (architecture["resolution"], architecture["z"], architecture["channels"]) == (64, 64, [32, 32, 32, 24, 16])
    assert architecture["estimate_average"] is True
    assert "mapping.w_avg" not in checkpoint.weights
    assert NO_AVERAGE in checkpoint.warnings
    picture = checkpoint.weights["synthesis.b8.resample_filter"]
    layer = checkpoint.weights["synthesis.b8.conv0.resample_filter"]
    assert float(picture.sum()) == pytest.approx(1.0)
    assert float(layer.sum()) == pytest.approx(1.0)
    assert not torch.allclose(picture, layer)  # this file's blur is not symmetric, its picture's is
    assert torch.allclose(layer, torch.outer(*[torch.tensor([1.0, 3, 4, 2])] * 2) / 100)


@pytest.mark.parametrize("name", ["sg2ada_uncond", "sg3t_64"])
def test_every_tensor_of_a_real_pickle_is_what_torch_reads(name: str) -> None:
    """Torch itself reads the storages again, one by one."""
    checkpoint, _ = golden(name, "network-snapshot-000100.pkl")
    data = (GOLDENS / name / "network-snapshot-000100.pkl").read_bytes()
    stored = set()
    for code, argument, _ in pickletools.genops(data):
        if "BYTES" in code.name and isinstance(argument, bytes) and argument[:2] == b"\x80\x02":
            storage = torch.load(io.BytesIO(argument), weights_only=True)
            stored.add(torch.tensor([], dtype=storage.dtype).set_(storage._untyped_storage).numpy().tobytes())
    assert all(weight.numpy().tobytes() in stored for weight in checkpoint.weights.values())


# --- NVIDIA's pickles ---


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"classes": 5},
        {"colours": 1},
        {"colours": 4, "channels": (4,)},
        {"noise": False},
        {"architecture": "resnet"},
        {"architecture": "orig", "classes": 2},
        {"layers": 8, "z": 16},
        {"z": 0, "classes": 3},
        {"taps": (1, 2, 4, 3)},
        {"taps": (1, 3, 6, 6, 3, 1)},
    ],
    ids=str,
)
def test_a_stylegan2_comes_back_as_it_was(path: Path, variant: dict[str, Any]) -> None:
    weights = style_weights(**variant)
    for protocol in (2, 3, 4, 5):
        read = opened(path, nvidia_file(nested(weights, layer_attributes), protocol))
        assert_same(read.weights, expected_weights(weights))
    architecture = read.config["architecture"]
    channels = list(variant.get("channels", (8, 6, 4)))
    assert architecture == {
        "z": variant.get("z", 8),
        "w": 8,
        "classes": variant.get("classes", 0),
        "image_channels": variant.get("colours", 3),
        "resolution": 2 << len(channels),
        "architecture": variant.get("architecture", "skip"),
        "channels": channels,
        "mapping": {
            "widths": [8] * variant.get("layers", 2),
            "embed": 8 if variant.get("classes") else 0,
            "multiplier": 0.01,
            "activation": "lrelu",
        },
        "activation": "lrelu",
        "noise": variant.get("noise", True),
        "clamp": 256,
    }


@pytest.mark.parametrize("clamp", [None, 256, np.float64(0.5), np.int64(7)])
def test_settings_that_shapes_cannot_tell_are_read(path: Path, clamp: Any) -> None:
    generator = nested(style_weights(), lambda name: layer_attributes(name, clamp, np.float32(0.5)))
    architecture = opened(path, nvidia_file(generator)).config["architecture"]
    assert architecture["clamp"] == clamp
    assert architecture["mapping"]["multiplier"] == 0.5
    assert type(architecture["clamp"]) in (int, float, type(None))


def test_numbers_of_half_precision_are_read_as_single(path: Path) -> None:
    weights = {name: value.half() for name, value in style_weights().items()}
    read = opened(path, nvidia_file(nested(weights, layer_attributes)))
    assert_same(read.weights, {name: value.float() for name, value in expected_weights(weights).items()})


def test_a_long_filter_stored_as_a_line_becomes_a_square(path: Path) -> None:
    line = torch.tensor([1.0, 2, 3, 4, 4, 3, 2, 1]) / 20
    weights = {name: line if "resample" in name else value for name, value in style_weights().items()}
    read = opened(path, nvidia_file(nested(weights, layer_attributes)))
    assert torch.allclose(read.weights["synthesis.b8.conv0.resample_filter"], torch.outer(line, line))


@pytest.mark.parametrize("is_radial", [False, True])
@pytest.mark.parametrize("classes", [0, 3])
def test_a_stylegan3_comes_back_as_it_was(path: Path, is_radial: bool, classes: int) -> None:
    weights, attributes = style3_network(is_radial, classes)
    for protocol in (2, 3, 4, 5):
        read = opened(path, nvidia_file(nested(weights, attributes), protocol))
        assert_same(read.weights, {name: value for name, value in weights.items() if value is not None})
    architecture = read.config["architecture"]
    assert (architecture["classes"], architecture["resolution"], architecture["image_channels"]) == (classes, 16, 3)
    assert architecture["input"] == {"channels": 6, "size": 20, "sampling_rate": 16, "bandwidth": 2}
    assert architecture["output_scale"] == 0.25
    layer = architecture["layers"][1]
    assert layer["padding"] == attributes("synthesis.L1_36_4")["padding"]
    assert {key: layer[key] for key in ("name", "in_channels", "out_channels", "in_size", "out_size")} == {
        "name": "L1_36_4",
        "in_channels": 6,
        "out_channels": 4,
        "in_size": 20,
        "out_size": 36,
    }
    assert (layer["kernel"], layer["up"], layer["down"], layer["clamp"]) == (1 if is_radial else 3, 4, 2, 256)
    assert [each["is_torgb"] for each in architecture["layers"]] == [False, False, True]


def test_the_description_is_the_same_without_the_weights(path: Path) -> None:
    data = nvidia_file(nested(style_weights(), layer_attributes))
    assert opened(path, data).config == read_config(path)


def test_what_is_ignored_is_said(path: Path) -> None:
    generator = nested(style_weights(), layer_attributes)
    data = nvidia_file(generator, G=generator, D=nested({"x.weight": torch.zeros(1)}, layer_attributes), pl_mean=3)
    assert opened(path, data).warnings == (
        "Its generator G was ignored in favour of the averaged one, G_ema.",
        "Its discriminator D was ignored.",
        "Its part pl_mean was ignored.",
        "The source text in it was not run.",
    )


def test_without_an_average_the_generator_itself_is_opened_and_that_is_said(path: Path) -> None:
    weights = style_weights()
    read = opened(path, nvidia_file(None, G=nested(weights, layer_attributes)))
    assert_same(read.weights, expected_weights(weights))
    assert "no averaged generator" in read.warnings[0]


def test_without_an_average_style_it_is_to_be_estimated(path: Path) -> None:
    weights = {name: value for name, value in style_weights().items() if name != "mapping.w_avg"}
    read = opened(path, nvidia_file(nested(weights, layer_attributes)))
    assert read.config["architecture"]["estimate_average"] is True
    assert NO_AVERAGE in read.warnings


def test_missing_weights_get_one_sentence(path: Path) -> None:
    whole = style_weights(classes=2, channels=(4, 4), layers=1)
    for missing in set(expected_weights(whole)) - {"mapping.w_avg"}:
        weights = {name: value for name, value in whole.items() if name != missing}
        said = sentence(path, nvidia_file(nested(weights, layer_attributes)))
        assert any(part in said for part in ("missing", "none of a StyleGAN2", "neither")), missing


def test_weights_of_a_wrong_shape_are_named(path: Path) -> None:
    whole = style_weights(classes=2, channels=(4, 4), layers=1)
    for name in expected_weights(whole):
        weights = whole | {name: whole[name][..., None]}
        assert name in sentence(path, nvidia_file(nested(weights, layer_attributes)))


def test_weights_of_a_wrong_size_are_named_with_both_sizes(path: Path) -> None:
    weights = style_weights()
    weights["synthesis.b8.conv0.affine.weight"] = torch.zeros(8, 9)
    said = sentence(path, nvidia_file(nested(weights, layer_attributes)))
    assert "its weights synthesis.b8.conv0.affine.weight are 8×9 instead of 8×8" in said


def test_weights_nobody_knows_are_named(path: Path) -> None:
    weights = style_weights() | {"synthesis.b8.attention.weight": torch.zeros(3)}
    assert "synthesis.b8.attention.weight are none of" in sentence(path, nvidia_file(nested(weights, layer_attributes)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers_are_named(path: Path, value: float) -> None:
    weights = style_weights()
    weights["synthesis.b8.conv1.bias"][2] = value
    said = sentence(path, nvidia_file(nested(weights, layer_attributes)))
    assert "its weights synthesis.b8.conv1.bias contain values that are not numbers" in said


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("TriPlaneGenerator", "EG3D"),
        ("SuperresGenerator", "StyleGAN-XL"),
        ("EDMPrecond", "a diffusion network of EDM"),
        ("MyGenerator", "of the class MyGenerator, which is neither"),
    ],
)
def test_other_networks_are_declined_by_their_name(path: Path, kind: str, what: str) -> None:
    network = nested({"backbone.weight": torch.zeros(2)}, layer_attributes, kind)
    assert what in sentence(path, nvidia_file(network))
    assert what in sentence(path, pickled({"ema": network}))


def test_a_stylegan_xl_is_declined_by_its_name(path: Path) -> None:
    weights = style_weights() | {"mapping.embed_proj.weight": torch.zeros(2)}
    assert "StyleGAN-XL" in sentence(path, nvidia_file(nested(weights, layer_attributes)))


def test_a_discriminator_alone_is_told_apart(path: Path) -> None:
    assert "no generator" in sentence(path, pickled({"D": nested({"x": torch.zeros(2)}, layer_attributes)}))


@pytest.mark.parametrize(
    "attributes",
    [
        {"conv_clamp": "256"},
        {"conv_clamp": -1},
        {"conv_clamp": float("nan")},
        {"activation": "nonsense"},
        {"activation": 3},
        {"_parameters": 3},
        {"_parameters": {"weight": 3}},
        {"_modules": {"a": 3}},
        {"_modules": {"a": pickled}},
    ],
    ids=lambda settings: str(settings).split(" at 0x")[0],  # the same in every process
)
def test_impossible_settings_get_one_sentence(path: Path, attributes: dict[str, Any]) -> None:
    if "_modules" in attributes and callable(attributes["_modules"]["a"]):
        attributes = {"_modules": {"a": Call(("torch_utils.persistence", "_reconstruct_persistent_obj"), 3)}}
    sentence(path, nvidia_file(nested(style_weights(), lambda name: layer_attributes(name) | attributes)))


@pytest.mark.parametrize(
    ("layer", "changes"),
    [
        ("synthesis.L0_20_6", {"padding": [1, 2]}),
        ("synthesis.L0_20_6", {"padding": [9, 8, 9, 80]}),
        ("synthesis.L0_20_6", {"padding": [2**40] * 4}),
        ("synthesis.L0_20_6", {"up_factor": 0}),
        ("synthesis.L0_20_6", {"down_factor": 1.5}),
        ("synthesis.L0_20_6", {"in_size": np.array([20, 24])}),
        ("synthesis.L1_36_4", {"in_size": 24}),
        ("synthesis.L1_36_4", {"out_size": 10**9}),
        ("synthesis.L1_36_4", {"is_torgb": True}),
        ("synthesis.L2_16_3", {"is_torgb": False}),
        ("synthesis.input", {"bandwidth": -1}),
        ("synthesis.input", {"size": None}),
        ("synthesis", {"layer_names": ["L0_20_6"]}),
        ("synthesis", {"layer_names": 3}),
        ("synthesis", {"output_scale": 0}),
    ],
    ids=str,
)
def test_impossible_settings_of_stylegan3_get_one_sentence(path: Path, layer: str, changes: dict[str, Any]) -> None:
    weights, attributes = style3_network()
    sentence(path, nvidia_file(nested(weights, lambda name: attributes(name) | (changes if name == layer else {}))))


def test_missing_weights_of_stylegan3_get_one_sentence(path: Path) -> None:
    whole, attributes = style3_network()
    for missing in {name for name, value in whole.items() if value is not None} - {"mapping.w_avg"}:
        weights = {name: value for name, value in whole.items() if name != missing}
        said = sentence(path, nvidia_file(nested(weights, attributes)))
        parts = ("missing", "does not fit its filters", "neither", "none of a StyleGAN3")
        assert any(part in said for part in parts), missing


def test_networks_that_share_their_layers_without_end_are_refused(path: Path) -> None:
    layer = nested({"weight": torch.zeros(1)}, layer_attributes)
    for _ in range(40):
        outer = nested({}, layer_attributes)
        outer.args[0]["state"]["_modules"] = {"mapping": layer, "synthesis": layer}  # type: ignore[index]
        layer = outer
    sentence(path, nvidia_file(layer))


def test_layers_that_share_very_many_parts_are_refused(path: Path) -> None:
    inner = nested({}, layer_attributes)
    parts = {f"fc{index}": inner for index in range(15_000)}
    whole = nested({}, layer_attributes)
    whole.args[0]["state"]["_modules"] = {"mapping": inner, "synthesis": inner}  # type: ignore[index]
    inner_state: Any = nested({"x.weight": torch.zeros(1)}, layer_attributes)
    inner_state.args[0]["state"]["_modules"] = parts
    whole.args[0]["state"]["_modules"] |= {"mapping": inner_state, "synthesis": inner_state, "b": inner_state}  # type: ignore[index]
    start = time.process_time()
    sentence(path, nvidia_file(whole))
    assert time.process_time() - start < 10


# --- rosinality ---

LAYOUTS: Final[dict[str, Callable[[dict[str, Tensor], Tensor], dict[str, Any]]]] = {
    "converted": lambda state, average: {"g_ema": state, "latent_avg": average},
    "training": lambda state, average: {
        "g": {name: value + 1 for name, value in state.items()},
        "d": {"x": torch.zeros(1)},
        "g_ema": state,
        "g_optim": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        "args": argparse.Namespace(size=16),
        "latent_avg": average,
    },
    "parallel": lambda state, average: {
        "g_ema": {f"module.{key}": value for key, value in state.items()},
        "latent_avg": average,
    },
    "encoder": lambda state, average: {
        "state_dict": {"encoder.x": torch.zeros(2)} | {f"decoder.{key}": value for key, value in state.items()},
        "latent_avg": average.repeat(6, 1),
        "opts": {"device": "cuda"},
    },
    "bare": lambda state, average: dict(state) | {"latent_avg": average},
}


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_of_rosinality_comes_back_under_nvidias_names(path: Path, layout: str, is_zip: bool) -> None:
    weights = style_weights(taps=(1, 3, 4, 2))
    content = LAYOUTS[layout](rosinality_state(weights), weights["mapping.w_avg"])
    torch.save(content, path, _use_new_zipfile_serialization=is_zip)
    read = read_checkpoint(path)
    assert_same(read.weights, expected_weights(weights), 1e-7)
    assert read.config["architecture"]["clamp"] is None
    assert read.config["architecture"]["channels"] == [8, 6, 4]
    assert "estimate_average" not in read.config["architecture"]


def test_the_ignored_parts_of_a_training_state_are_said(path: Path) -> None:
    weights = style_weights()
    torch.save(LAYOUTS["training"](rosinality_state(weights), weights["mapping.w_avg"]), path)
    warnings = read_checkpoint(path).warnings
    assert "Its discriminator d was ignored." in warnings
    assert "The state of its training was ignored." in warnings


def test_without_latent_avg_the_average_is_to_be_estimated(path: Path) -> None:
    torch.save({"g_ema": rosinality_state(style_weights())}, path)
    read = read_checkpoint(path)
    assert read.config["architecture"]["estimate_average"] is True
    assert read.warnings == (NO_AVERAGE,)


def test_without_noise_buffers_noise_is_drawn_and_that_is_said(path: Path) -> None:
    state = {name: value for name, value in rosinality_state(style_weights()).items() if not name.startswith("noises")}
    torch.save({"g_ema": state}, path)
    first, second = read_checkpoint(path), read_checkpoint(path)
    assert "no fixed noise" in first.warnings[0]
    assert torch.equal(
        first.weights["synthesis.b8.conv0.noise_const"], second.weights["synthesis.b8.conv0.noise_const"]
    )


def test_wrong_weights_of_rosinality_get_one_sentence(path: Path) -> None:
    state = rosinality_state(style_weights())
    for name in state:
        torch.save({"g_ema": state | {name: torch.zeros(2, 3, 5, 7)}}, path)
        sentence(path)


def test_unknown_weights_of_rosinality_are_named(path: Path) -> None:
    torch.save({"g_ema": rosinality_state(style_weights()) | {"convs.0.extra.weight": torch.zeros(3)}}, path)
    assert "convs.0.extra.weight are none of" in sentence(path)


# --- TensorFlow ---


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "variant",
    [{}, {"classes": 4}, {"architecture": "resnet"}, {"architecture": "orig", "colours": 1}, {"taps": (1, 2, 1)}],
    ids=str,
)
def test_a_stylegan2_of_tensorflow_comes_back_under_nvidias_names(
    path: Path, variant: dict[str, Any], protocol: int
) -> None:
    weights = style_weights(**variant)
    for name, value in weights.items():
        if name.endswith("affine.bias"):
            value.mul_(1024).round_().div_(1024)  # so that 1 can be taken away and added again
    settings: dict[str, Any] = {"resolution": 16, "architecture": variant.get("architecture", "skip")}
    if "taps" in variant:
        settings["resample_kernel"] = list(variant["taps"])
    read = opened(path, tensorflow_file(weights, protocol, **settings, conv_clamp=256, mapping_lrmul=0.02))
    assert_same(read.weights, expected_weights(weights))
    architecture = read.config["architecture"]
    assert (architecture["clamp"], architecture["mapping"]["multiplier"]) == (256, 0.02)
    assert (architecture["classes"], architecture["resolution"]) == (variant.get("classes", 0), 16)
    assert architecture["architecture"] == variant.get("architecture", "skip")


@pytest.mark.parametrize("version", [2, 3])
def test_a_stylegan1_is_refused_as_one(path: Path, version: int) -> None:
    assert "StyleGAN1" in sentence(path, tensorflow_file(style_weights(), 3, version))


def test_labels_of_the_first_conditional_stylegan2_are_refused(path: Path) -> None:
    weights = style_weights(classes=2)
    data = tensorflow_file(weights, 3, resolution=16).replace(b"LabelEmbed/weight", b"LabelConcat/weigh")
    assert "joins classes" in sentence(path, data)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_wrong_number_of_networks_is_refused(path: Path, count: int) -> None:
    network = Call(NETWORK, state={"version": 4}, is_new=True)
    assert f"{count} networks" in sentence(path, pickled((network,) * count))


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"version": 4},
        {"version": 4, "static_kwargs": {}},
        {"version": 4, "static_kwargs": {}, "variables": 3},
        {"version": 4, "static_kwargs": {}, "variables": [3]},
        {"version": 4, "static_kwargs": {}, "variables": [("a", np.zeros(2))]},
        {"version": 4, "static_kwargs": {}, "variables": [], "components": {"mapping": 3}},
        {"version": 4, "static_kwargs": {}, "variables": [], "components": {}},
        {"version": 4, "static_kwargs": {"nonlinearity": "x"}, "variables": []},
        {"version": 4, "static_kwargs": {"resample_kernel": [1, -1]}, "variables": []},
        {"version": 4, "static_kwargs": {"resolution": "x"}, "variables": []},
    ],
    ids=str,
)
def test_a_damaged_network_of_tensorflow_gets_one_sentence(path: Path, state: dict[str, Any]) -> None:
    sentence(path, pickled((Call(NETWORK, state=state, is_new=True),) * 3))


# --- others ---


@pytest.mark.parametrize("key", [None, "g_ema", "state_dict"])
def test_plain_weights_under_nvidias_names_are_read(path: Path, key: str | None) -> None:
    weights = style_weights(architecture="resnet", classes=3)
    torch.save({key: weights} if key else weights, path)
    assert_same(read_checkpoint(path).weights, expected_weights(weights))


def test_an_unknown_file_is_described_by_what_is_in_it(path: Path) -> None:
    torch.save({"epoch": 3, "model": {"a": torch.zeros(2)}, "optimizer": {}}, path)
    assert "it holds 1 tensor of an architecture that is not known here (a)." in sentence(path)
    torch.save({f"layer{index}.weight": torch.zeros(2) for index in range(9)}, path)
    assert "it holds 9 tensors of an architecture that is not known here (layer0.weight, " in sentence(path)
    torch.save(torch.nn.Linear(2, 3).weight.data, path)
    assert "a single tensor" in sentence(path)
    assert "a list of 2 things" in sentence(path, pickle.dumps([1, 2]))
    assert "an object of the class Model" in sentence(path, pickled(Call(("my.models", "Model"), is_new=True)))
    assert "holds nothing" in sentence(path, pickle.dumps(None))


# --- damage ---


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(7))
def test_a_file_with_random_damage_opens_or_gets_one_sentence(tmp_path: Path, seed: int) -> None:
    """Seven kinds of files, 400 damaged ones of each."""
    chance = random.Random(seed)
    path = tmp_path / "network.pkl"
    sound = small_files()
    data = sound[seed % len(sound)]
    read_checkpoint(written(path, data))
    before = memory(), set(sys.modules), set(tmp_path.iterdir())
    for _ in range(400):
        written(path, damaged(data, chance, sound))
        start = time.process_time()
        try:
            read_checkpoint(path)
        except CheckpointError as error:
            said = error.message
            assert said.endswith(".") and path.name in said and said.isprintable(), said  # noqa: PT018
        assert time.process_time() - start < 5
    assert memory() - before[0] < 200e6
    assert set(sys.modules) == before[1]
    assert set(tmp_path.iterdir()) == before[2]


@functools.cache
def small_files() -> list[bytes]:
    """One small sound file of every kind."""
    weights = style_weights(z=2, w=2, channels=(2, 2), layers=1)
    generator = nested(weights, layer_attributes)
    files = [nvidia_file(generator, protocol) for protocol in (2, 3, 4)]
    files.append(nvidia_file(nested(*style3_network())))
    for is_zip in (True, False):
        buffer = io.BytesIO()
        content = LAYOUTS["training"](rosinality_state(weights), weights["mapping.w_avg"])
        torch.save(content, buffer, _use_new_zipfile_serialization=is_zip)
        files.append(buffer.getvalue())
    return [*files, tensorflow_file(weights, 3, resolution=8)]


def damaged(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """The bytes with one to three pieces of damage of several kinds."""
    result = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(result))
        match chance.randrange(8):
            case 0:
                result = result[: place + 1]
            case 1:
                result[place] ^= 1 << chance.randrange(8)
            case 2:
                result[place:place] = chance.randbytes(chance.randint(1, 8))
            case 3:
                del result[place : place + chance.randint(1, 30)]
                result = result or bytearray(b"\0")
            case 4:
                other = chance.choice(others)
                start = chance.randrange(len(other))
                result[place : place + 20] = other[start : start + chance.randint(1, 60)]
            case 5:
                result[place : place + 4] = chance.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f"])
            case _:  # another instruction in the place of one
                found = INSTRUCTION.search(result, place) or INSTRUCTION.search(result)
                place = found.start() if found else 0
                result[place : place + 1] = chance.choice(INSTRUCTIONS)
    return bytes(result)


def memory() -> float:
    """The most memory this process has used, in bytes; 0 where it is not known."""
    if sys.platform == "win32":
        return 0.0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most if sys.platform == "darwin" else most * 1024)


# --- helpers ---


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def opened(path: Path, data: bytes) -> Checkpoint:
    return read_checkpoint(written(path, data))


def sentence(path: Path, data: bytes | None = None) -> str:
    """What is said of a file that cannot be read."""
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(CheckpointError) as raised:
        read_checkpoint(path)
    message = raised.value.message
    assert path.name in message
    assert message.endswith(".")
    assert message.isprintable()
    assert len(message) < 400
    return message


def assert_same(found: Any, wanted: dict[str, Tensor], tolerance: float = 0.0) -> None:
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        assert found[name].dtype == torch.float32, name
        assert found[name].is_contiguous(), name
        assert found[name].shape == value.shape, name
        assert float((found[name] - value).abs().max()) <= tolerance, name
