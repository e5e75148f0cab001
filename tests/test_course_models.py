"""Weights of courses and examples, known by their shapes; and what is said of weights that are not known."""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from examples import CPU
from gan_examples import dcgan_weights, lively, make_vanilla_vae, vanilla_vae_weights
from torch import Tensor, nn

from explorer.errors import CheckpointError
from explorer.formats.course_models import course_draft
from explorer.formats.drafts import finish
from explorer.formats.opcodes import Refusal
from explorer.formats.trees import read_tree
from explorer.formats.unknown_models import describe_unknown
from explorer.generators import Generator, capabilities
from explorer.generators.dcgan import DCGANGenerator
from explorer.generators.vanilla_vae import VanillaVAEGenerator
from explorer.latents import draw
from explorer.nets.dcgan import DCGANShape
from explorer.nets.vanilla_vae import VanillaVAEShape


class Course(nn.Module):
    """A DCGAN as a course writes it: other names, biases everywhere, another depth and a picture of 28 pixels."""

    def __init__(self, colours: int = 1) -> None:
        super().__init__()
        self.deconv1, self.deconv1_bn = nn.ConvTranspose2d(10, 12, 7, 1, 0), nn.BatchNorm2d(12)
        self.deconv2, self.deconv2_bn = nn.ConvTranspose2d(12, 6, 4, 2, 1), nn.BatchNorm2d(6)
        self.deconv3 = nn.ConvTranspose2d(6, colours, 4, 2, 1)

    def forward(self, latents: Tensor) -> Tensor:
        features = self.deconv1_bn(self.deconv1(latents[:, :, None, None])).relu()
        return torch.tanh(self.deconv3(self.deconv2_bn(self.deconv2(features)).relu()))


def opened(path: Path, content: object) -> Generator:
    torch.save(content, path)
    tree = read_tree(path)
    draft = course_draft(tree)
    assert draft is not None, "should be recognised"
    families = {family.family: family for family in (DCGANGenerator, VanillaVAEGenerator)}
    checkpoint = finish(tree, draft)
    model = families[draft.config["family"]].build(checkpoint, CPU)
    model.warnings += checkpoint.warnings
    return model


def content_of(make: str, weights: OrderedDict[str, Tensor]) -> Any:
    inside: dict[str, Any] = {
        "plain": weights,
        "parallel": OrderedDict((f"module.{name}", value) for name, value in weights.items()),
        "netG": {"epoch": 3, "netG": weights, "netD": {"main.0.weight": torch.zeros(4, 1, 4, 4)}},
        "generator": {"generator": weights, "optimizer": {"state": {}, "param_groups": []}},
        "state_dict": {"epoch": 1, "state_dict": {f"module.{name}": value for name, value in weights.items()}},
        "both players": {
            "state_dict": {
                **{f"generator.{name}": value for name, value in weights.items()},
                "discriminator.main.0.weight": torch.zeros(4, 1, 4, 4),
            }
        },
    }
    return inside[make]


# --- DCGAN ---


@pytest.mark.parametrize("make", ["plain", "parallel", "netG", "generator", "state_dict", "both players"])
def test_a_dcgan_is_known_however_it_is_wrapped(tmp_path: Path, make: str) -> None:
    weights = dcgan_weights()
    model = opened(tmp_path / "netG_epoch_24.pth", content_of(make, weights))
    assert (model.image_shape, model.latent_shape, model.name) == ((1, 16, 16), (8,), "netG_epoch_24")
    assert torch.equal(model.net.state_dict()["main.0.weight"], weights["main.0.weight"])
    assert model.warnings == ()


@pytest.mark.parametrize(
    "shape", [DCGANShape.of(64, 3, 100, 2), DCGANShape.of(128, 3, 50, 1), DCGANShape.of(32, 1, 3, 4)]
)
def test_other_widths_points_and_depths_are_known(tmp_path: Path, shape: DCGANShape) -> None:
    model = opened(tmp_path / "netG.pth", dcgan_weights(shape))
    assert isinstance(model, DCGANGenerator)
    assert model.net.shape == shape


def test_a_model_of_a_course_gives_the_pictures_it_gives_there(tmp_path: Path) -> None:
    torch.manual_seed(0)
    course = lively(Course())
    model = opened(tmp_path / "course.pt", course.state_dict())
    points = draw(0, (4, 10))
    with torch.no_grad():
        expected = course(points)
    torch.testing.assert_close(model.decode(points), expected, atol=1e-5, rtol=0)
    assert any("taken to be as in a DCGAN" in warning for warning in model.warnings)


def test_a_model_of_the_course_on_gans_makes_28_pixels(tmp_path: Path) -> None:
    layers: list[nn.Module] = []
    for inputs, outputs, kernel, stride in ((8, 16, 3, 2), (16, 8, 4, 1), (8, 4, 3, 2)):
        layer = nn.ConvTranspose2d(inputs, outputs, kernel, stride)
        layers.append(nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU()))
    layers.append(nn.Sequential(nn.ConvTranspose2d(4, 1, 4, 2), nn.Tanh()))
    course = nn.ModuleDict({"gen": nn.Sequential(*layers)})
    lively(course)
    model = opened(tmp_path / "gen.pt", course.state_dict())
    points = draw(0, (2, 8))
    with torch.no_grad():
        torch.testing.assert_close(model.decode(points), course["gen"](points[:, :, None, None]), atol=1e-5, rtol=0)
    assert model.image_shape == (1, 28, 28)


@pytest.mark.parametrize(
    "change",
    [
        {"main.1.running_mean": torch.zeros(3)},
        {"main.3.weight": torch.zeros(5, 8, 4, 4)},
        {"main.3.weight": torch.zeros(16, 8, 4, 3)},
        {"main.3.weight": torch.zeros(16, 8, 9, 9)},
        {"main.6.weight": torch.zeros(8, 2, 4, 4)},
        {"extra.weight": torch.zeros(3, 3)},
    ],
)
def test_weights_that_only_resemble_a_dcgan_are_not_taken_for_one(tmp_path: Path, change: dict[str, Tensor]) -> None:
    torch.save({**dcgan_weights(), **change}, tmp_path / "odd.pth")
    assert course_draft(read_tree(tmp_path / "odd.pth")) is None


def test_a_discriminator_is_not_taken_for_a_generator(tmp_path: Path) -> None:
    layers = [nn.Conv2d(3, 8, 4, 2, 1, bias=False), nn.Conv2d(8, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16)]
    torch.save(nn.Sequential(*layers, nn.Conv2d(16, 1, 4, bias=False)).state_dict(), tmp_path / "netD.pth")
    assert course_draft(read_tree(tmp_path / "netD.pth")) is None


# --- VanillaVAE ---


@pytest.mark.parametrize("prefix", ["", "model."])
def test_a_vanilla_vae_is_known(tmp_path: Path, prefix: str) -> None:
    weights = {f"{prefix}{name}": value for name, value in vanilla_vae_weights().items()}
    content = {"epoch": 3, "state_dict": weights, "hyper_parameters": {"LR": 0.005}} if prefix else weights
    model = opened(tmp_path / "last.ckpt", content)
    assert (model.image_shape, model.latent_shape) == ((3, 16, 16), (6,))
    assert {"encodes", "posterior"} <= set(capabilities(model))
    assert "likelihood" not in capabilities(model)


def test_the_published_size_of_a_vanilla_vae_is_64_pixels() -> None:
    assert VanillaVAEShape(128, 3, (32, 64, 128, 256, 512)).size == 64


def test_a_vanilla_vae_gives_the_codes_and_pictures_of_its_own_program(tmp_path: Path) -> None:
    def doubling(before: int, after: int) -> list[nn.Module]:
        return [nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1), nn.BatchNorm2d(after),
                nn.LeakyReLU()]  # fmt: skip

    weights = vanilla_vae_weights()
    weights["final_layer.3.bias"] -= 0.5  # as dark as pictures from -1 to 1 are
    encoder = nn.Sequential(
        *(nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU())
          for a, b in ((3, 8), (8, 8), (8, 16)))
    )  # fmt: skip
    decoder = nn.Sequential(*(nn.Sequential(*doubling(a, b)) for a, b in ((16, 8), (8, 8))))
    last = nn.Sequential(*doubling(8, 8), nn.Conv2d(8, 3, 3, padding=1), nn.Tanh())
    for part, module in (("encoder.", encoder), ("decoder.", decoder), ("final_layer.", last)):
        module.load_state_dict({k.removeprefix(part): v for k, v in weights.items() if k.startswith(part)})
        module.eval()
    model = opened(tmp_path / "last.ckpt", weights)
    assert isinstance(model, VanillaVAEGenerator)
    images, points = draw(1, (2, 3, 16, 16)).clamp(-1, 1), draw(2, (2, 6))
    with torch.no_grad():
        bottom = torch.flatten(encoder(images), start_dim=1)
        mean = bottom @ weights["fc_mu.weight"].T + weights["fc_mu.bias"]
        log_variance = bottom @ weights["fc_var.weight"].T + weights["fc_var.bias"]
        features = points @ weights["decoder_input.weight"].T + weights["decoder_input.bias"]
        picture = last(decoder(features.view(-1, 16, 2, 2)))
    assert model.range == "signed"
    torch.testing.assert_close(model.encode(images), mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(model.posterior(images)[1], log_variance.exp(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model.decode(points), picture, atol=1e-5, rtol=0)


def test_pictures_from_0_to_1_are_stretched_and_encoded_as_such(tmp_path: Path) -> None:
    weights = vanilla_vae_weights()
    weights["final_layer.3.bias"] = torch.full((3,), 3.0)  # bright everywhere, as nothing trained from -1 to 1 is
    model = opened(tmp_path / "unit.ckpt", weights)
    assert isinstance(model, VanillaVAEGenerator)
    assert model.range == "unit"
    assert any("from 0 to 1" in warning for warning in model.warnings)
    images = draw(1, (2, 3, 16, 16)).clamp(-1, 1)
    torch.testing.assert_close(model.encode(images), model.net.posterior((images + 1) / 2)[0])
    torch.testing.assert_close(model.decode(draw(0, (2, 6))), model.net.decode(draw(0, (2, 6))) * 2 - 1)
    again = VanillaVAEGenerator.build(model.checkpoint(), CPU)
    assert (again.range, again.warnings) == ("unit", ())


def test_a_range_that_is_not_known_is_one_sentence() -> None:
    model = make_vanilla_vae()
    checkpoint = model.checkpoint()
    checkpoint.config["architecture"]["range"] = "loud"
    with pytest.raises(CheckpointError, match="unknown range"):
        VanillaVAEGenerator.build(checkpoint, CPU)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoder.0.0.weight": torch.zeros(8, 5, 3, 3)}, "not of one VAE"),
        ({"fc_mu.weight": torch.zeros(6, 65)}, "makes no square"),
        ({"head.weight": torch.zeros(2, 2)}, "none of a VAE"),
    ],
)
def test_a_damaged_vae_is_told(tmp_path: Path, change: dict[str, Tensor], words: str) -> None:
    torch.save({**vanilla_vae_weights(), **change}, tmp_path / "odd.ckpt")
    with pytest.raises(Refusal, match=words):
        course_draft(read_tree(tmp_path / "odd.ckpt"))


# --- what is not known ---

RESNET = {
    "conv1.weight": (64, 3, 7, 7),
    "layer1.0.conv1.weight": (64, 64, 3, 3),
    "fc.weight": (1000, 512),
    "fc.bias": (1000,),
}
CRITIC = {"main.0.weight": (64, 3, 4, 4), "main.2.weight": (128, 64, 4, 4), "main.5.weight": (1, 128, 4, 4)}
UNET = {"time_embed.0.weight": (512, 128), "input_blocks.0.0.weight": (128, 3, 3, 3), "out.2.weight": (3, 128, 3, 3)}
ENCODER = {"encoder.0.weight": (32, 3, 3, 3), "fc_mu.weight": (10, 512)}
LINEAR_GAN = {"model.0.weight": (128, 100), "model.2.weight": (256, 128), "model.4.weight": (784, 256)}
LINEAR_VAE = {
    "fc1.weight": (400, 784),
    "fc21.weight": (20, 400),
    "fc22.weight": (20, 400),
    "fc3.weight": (400, 20),
    "fc4.weight": (784, 400),
}
UPSAMPLING = {
    "l1.0.weight": (8192, 100),
    "conv_blocks.2.weight": (128, 128, 3, 3),
    "conv_blocks.9.weight": (1, 64, 3, 3),
}
CYCLE = {"model.1.weight": (64, 3, 7, 7), "model.4.weight": (128, 64, 3, 3), "model.26.weight": (3, 64, 7, 7)}
LORA = {"lora_unet_down.lora_up.weight": (320, 4), "lora_unet_down.lora_down.weight": (4, 320)}
TEXT = {"wte.weight": (50257, 768), "h.0.attn.c_attn.weight": (768, 2304)}
AJBROCK = {"shared.weight": (1000, 128), "linear.weight_orig": (2, 2), "blocks.0.0.conv1.weight": (64, 64, 3, 3)}
LATENTS = {"encoder.down.0.block.0.conv1.weight": (128, 128, 3, 3), "quant_conv.weight": (8, 8, 1, 1)}


@pytest.mark.parametrize(
    ("shapes", "what"),
    [
        (RESNET, r"a classifier \('?fc\.weight'? 1000 x 512\)"),
        (CRITIC, "only a discriminator"),
        (UNET, r"a network that removes noise \(a U-Net\)"),
        (ENCODER, "an encoder without a decoder"),
        (LINEAR_GAN, "a generator of fully connected layers, 100 to 784 numbers .pictures of 28 x 28 pixels, grey"),
        (LINEAR_VAE, "a VAE of fully connected layers .pictures of 28 x 28"),
        (UPSAMPLING, "a generator of convolutions"),
        (CYCLE, "turns one picture into another"),
        (LORA, "changes to a model"),
        (TEXT, "a model of text with 50,257 words"),
        (AJBROCK, "the generator of a BigGAN"),
        (LATENTS, "an autoencoder of pictures"),
        ({"x": (3,)}, "1 tensor of an architecture that is not known"),
        ({}, "no weights at all"),
    ],
)
def test_unknown_weights_are_described(shapes: dict[str, tuple[int, ...]], what: str) -> None:
    told, hint = describe_unknown(shapes)
    assert re.search(what, told), told
    assert hint.endswith(".")
