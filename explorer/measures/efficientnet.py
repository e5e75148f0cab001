"""EfficientNet-Lite0 up to its pooled features: what pictures are compared by.

The layout is EfficientNet-B0 (Tan and Le 2019, table 1) without squeeze and excitation and with ReLU6. The names are
those of the public state dict, so that it loads as it is.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FEATURES", "EfficientNetLite0"]

FEATURES: Final = 1280
# Of every stage: blocks, kernel, stride of the first block, expansion, channels.
STAGES: Final = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM: Final = 32
EPSILON: Final = 1e-3  # of batch normalisation, as TensorFlow has it


class EfficientNetLite0(nn.Module):
    """Pooled features (n, 1280) of pictures (n, 3, h, w) with values (x - 127) / 128 of 8-bit colours x."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _Same(3, STEM, 3, 2)
        self._bn0 = _norm(STEM)
        blocks: list[nn.Module] = []
        before = STEM
        for count, kernel, stride, expansion, channels in STAGES:
            for index in range(count):
                blocks.append(_Block(before, channels, kernel, stride if index == 0 else 1, expansion))
                before = channels
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = _Same(before, FEATURES, 1, 1)
        self._bn1 = _norm(FEATURES)

    def forward(self, images: Tensor) -> Tensor:
        """The mean over all places of the last layer."""
        x = F.relu6(self._bn0(self._conv_stem(images)))
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))


class _Block(nn.Module):
    """Widen, look around in every channel alone, narrow; added to its input where that has the same shape."""

    def __init__(self, before: int, channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self._adds = stride == 1 and before == channels
        self._expands = expansion != 1
        if self._expands:
            self._expand_conv = _Same(before, wide, 1, 1)
            self._bn0 = _norm(wide)
        self._depthwise_conv = _Same(wide, wide, kernel, stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv = _Same(wide, channels, 1, 1)
        self._bn2 = _norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(x))) if self._expands else x
        wide = F.relu6(self._bn1(self._depthwise_conv(wide)))
        narrow: Tensor = self._bn2(self._project_conv(wide))
        return narrow + x if self._adds else narrow


class _Same(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME": to ceil(size / stride) places, the odd pixel at right and bottom."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        missing = [max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[2:]]
        if any(missing):
            (top, left) = (each // 2 for each in missing)
            x = F.pad(x, (left, missing[1] - left, top, missing[0] - top))
        return super().forward(x)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON)


def prepared(images: Tensor, least_side: int) -> Tensor:
    """Pictures (n, c, h, w) in [-1, 1] as the network wants them: in colour, enlarged to ``least_side`` pixels."""
    if min(images.shape[2:]) < least_side:
        factor = least_side / min(images.shape[2:])
        size = [round(side * factor) for side in images.shape[2:]]
        images = F.interpolate(images, size, mode="bilinear", antialias=True)
    images = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
    return (images.clamp(-1, 1) * 127.5 + 127.5 - 127.0) / 128.0
