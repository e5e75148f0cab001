"""Files of rosinality's Glow are read, and give what its own code gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from examples import CPU
from flow_examples import tiny_glow
from torch import Tensor

from explorer.errors import CheckpointError
from explorer.formats.drafts import finish
from explorer.formats.opcodes import Refusal
from explorer.formats.rosinality_glow import rosinality_glow_draft
from explorer.formats.trees import read_tree
from explorer.generators.flow import GlowGenerator
from explorer.nets.glow import Glow

GOLDEN: Final = Path(__file__).parents[2] / "shared" / "goldens" / "rosi_glow_affine_3block_gray"
PARTS: Final = {"actnorm": 1, "invconv": 2, "coupling": 3}


@pytest.fixture(scope="module")
def golden() -> tuple[GlowGenerator, dict[str, Any]]:
    if not GOLDEN.exists():
        pytest.skip(f"the reference data {GOLDEN} is not here")
    return opened(GOLDEN / "model_000001.pt"), dict(np.load(GOLDEN / "expected.npz"))


def test_the_likelihood_is_that_of_the_reference(golden: tuple[GlowGenerator, dict[str, Any]]) -> None:
    generator, expected = golden
    with torch.no_grad():
        coded = generator.net(torch.from_numpy(expected["x"]))
    found = torch.stack(coded.priors).sum(0).double().numpy()
    np.testing.assert_allclose(found, expected["log_p_f64"], rtol=1e-5)
    np.testing.assert_allclose(coded.log_determinant.numpy(), expected["logdet_f64"], rtol=1e-5)


def test_latents_give_the_pictures_of_the_reference(golden: tuple[GlowGenerator, dict[str, Any]]) -> None:
    generator, expected = golden
    points = torch.cat([torch.from_numpy(expected[f"eps{level}"]).flatten(1) for level in (2, 1, 0)], 1)
    pictures = generator.decode(points) / 2
    np.testing.assert_allclose(pictures.numpy(), expected["sample_from_eps_f64"], atol=1e-4, rtol=0)


def test_pictures_come_back_as_in_the_reference(golden: tuple[GlowGenerator, dict[str, Any]]) -> None:
    generator, expected = golden
    values = torch.from_numpy(expected["x"])
    found = generator.decode(generator.encode(2 * values)) / 2
    np.testing.assert_allclose(found.numpy(), expected["reconstruct"], atol=1e-4, rtol=0)


def test_bits_per_dimension_without_noise_are_those_of_the_reference(
    golden: tuple[GlowGenerator, dict[str, Any]],
) -> None:
    generator, expected = golden
    with torch.no_grad():
        density = generator.net(torch.from_numpy(expected["x"])).log_density.double().numpy()
    np.testing.assert_allclose(5 - density / 1024 / np.log(2), expected["bpd"], rtol=1e-5)


@pytest.mark.parametrize("coupling", ["affine", "additive"])
@pytest.mark.parametrize("is_lu", [True, False])
@pytest.mark.parametrize("prefix", ["module.", ""])
def test_a_network_comes_back_from_its_file(tmp_path: Path, coupling: str, is_lu: bool, prefix: str) -> None:
    net = tiny_glow(coupling, "sigmoid")
    torch.save(foreign(net, is_lu, prefix), tmp_path / "glow.pt")
    generator = opened(tmp_path / "glow.pt")
    architecture = generator.config["architecture"]
    assert architecture == {
        "size": 32,  # by the number of levels
        "channels": 1,
        "steps": [2, 2, 2],
        "widths": [8, 8, 8],
        "coupling": coupling,
        "scale": "sigmoid",
        "bits": 5,
    }
    pictures = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0)) / 4
    with torch.no_grad():
        expected, found = net(pictures), generator.net(pictures)
    torch.testing.assert_close(found.points, expected.points, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.log_density, expected.log_density, atol=1e-2, rtol=1e-5)


def test_what_the_file_does_not_say_is_said(tmp_path: Path) -> None:
    torch.save(foreign(tiny_glow(scale="sigmoid")), tmp_path / "glow.pt")
    told = " ".join(draft_of(tmp_path / "glow.pt").warnings)
    assert "32 x 32 was taken" in told
    assert "5 bits were taken" in told


def test_a_file_without_training_is_one_sentence(tmp_path: Path) -> None:
    weights = foreign(tiny_glow(scale="sigmoid"))
    weights["module.blocks.1.flows.0.actnorm.initialized"] = torch.tensor(0, dtype=torch.uint8)
    torch.save(weights, tmp_path / "glow.pt")
    with pytest.raises(Refusal, match="saved before its training began"):
        draft_of(tmp_path / "glow.pt")


@pytest.mark.parametrize(
    "missing", ["blocks.0.flows.0.coupling.net.0.weight", "blocks.1.flows.0.coupling.net.0.weight"]
)
def test_a_file_without_a_coupling_is_one_sentence(tmp_path: Path, missing: str) -> None:
    weights = foreign(tiny_glow(scale="sigmoid"))
    del weights["module." + missing]
    torch.save(weights, tmp_path / "glow.pt")
    with pytest.raises(Refusal, match="are missing"):
        draft_of(tmp_path / "glow.pt")


@pytest.mark.parametrize("name", ["module.blocks.0.flows.0.actnorm.bias", "module.decoder.weight"])
def test_a_file_with_other_weights_is_one_sentence(tmp_path: Path, name: str) -> None:
    torch.save({**foreign(tiny_glow(scale="sigmoid")), name: torch.zeros(3)}, tmp_path / "glow.pt")
    with pytest.raises(Refusal, match="are none of a Glow's"):
        draft_of(tmp_path / "glow.pt")


@pytest.mark.parametrize("shape", [(), (0,), (1, 5, 1, 1), (9,)])
def test_weights_of_the_wrong_shape_are_one_sentence(tmp_path: Path, shape: tuple[int, ...]) -> None:
    weights = foreign(tiny_glow(scale="sigmoid"))
    weights["module.blocks.0.flows.0.actnorm.loc"] = torch.zeros(shape)
    torch.save(weights, tmp_path / "glow.pt")
    with pytest.raises((Refusal, CheckpointError)):
        opened(tmp_path / "glow.pt")


def test_a_scale_of_zero_is_one_sentence(tmp_path: Path) -> None:
    weights = foreign(tiny_glow(scale="sigmoid"))
    weights["module.blocks.0.flows.0.actnorm.scale"][:] = 0
    torch.save(weights, tmp_path / "glow.pt")
    with pytest.raises(CheckpointError, match="not numbers"):
        opened(tmp_path / "glow.pt")


@pytest.mark.parametrize("content", [{}, [], {"a": torch.zeros(3)}, {"module.blocks": 3}])
def test_other_files_are_left_to_other_readers(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pt")
    assert rosinality_glow_draft(read_tree(tmp_path / "other.pt")) is None


def opened(path: Path) -> GlowGenerator:
    tree = read_tree(path)
    draft = rosinality_glow_draft(tree)
    assert draft is not None
    return GlowGenerator.build(finish(tree, draft), CPU)


def draft_of(path: Path) -> Any:
    return rosinality_glow_draft(read_tree(path))


def foreign(net: Glow, is_lu: bool = True, prefix: str = "module.") -> dict[str, Tensor]:
    """The weights as that program saves them; its last block always has the factors of its rotations."""
    saved: dict[str, Tensor] = {}
    for block, level in enumerate(net.levels):
        for number, layer in enumerate(level.layers):  # type: ignore[union-attr, arg-type]  # a list of modules
            flow, kind = divmod(number - 1, 3)
            place = f"blocks.{block}.flows.{flow}.{('actnorm', 'invconv', 'coupling')[kind]}"
            if number == 0:
                continue
            if kind == 0:
                saved[f"{place}.loc"] = layer.shift.view(1, -1, 1, 1)
                saved[f"{place}.scale"] = (layer.sign * layer.log_scale.exp()).view(1, -1, 1, 1)
                saved[f"{place}.initialized"] = torch.tensor(1, dtype=torch.uint8)
            elif kind == 1 and not is_lu and block < len(net.levels) - 1:
                saved[f"{place}.weight"] = layer._weight(torch.float32)[:, :, None, None]
            elif kind == 1:
                names = {"w_p": "permutation", "w_l": "lower", "w_u": "upper", "w_s": "log_diagonal", "s_sign": "sign"}
                saved |= {f"{place}.{theirs}": getattr(layer, ours) for theirs, ours in names.items()}
                saved[f"{place}.l_mask"] = torch.ones_like(layer.lower).tril(-1)
            else:
                saved |= {f"{place}.{name}": shaped(name, value) for name, value in layer.state_dict().items()}
        prior = level.prior.state_dict()  # type: ignore[union-attr]  # a Glow has one
        saved |= {f"blocks.{block}.prior.{name}": shaped(name, value) for name, value in prior.items()}
    return {prefix + name: value.detach().clone() for name, value in saved.items()}


def shaped(name: str, value: Tensor) -> Tensor:
    return value.view(1, -1, 1, 1) if name.endswith("scale") else value
