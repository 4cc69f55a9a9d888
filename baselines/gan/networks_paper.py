"""The ``paper`` networks: the released ExpertSim / SDI-GAN architecture, for the two ZDC images.

Counts of trainable parameters for the proton calorimeter: generator 6,933,185, discriminator 309,937.
"""

import torch
from torch import Tensor, nn

SLOPE = 0.1
LOG_LIMIT = 12.0  # of a log image: 160,000 photons in one pixel; keeps a diverging training finite

PROTON, NEUTRON = (56, 30), (44, 44)


def check_shape(shape: tuple[int, int]) -> None:
    """Refuse a detector that the released architecture does not fit.

    Raises:
        ValueError: the shape is neither of the two ZDC images.
    """
    if shape not in (PROTON, NEUTRON):
        raise ValueError(
            f"the paper preset serves responses of {PROTON} and {NEUTRON} pixels only, found {shape}; "
            "the compact preset serves any"
        )


class Dropout(nn.Module):
    """Sets elements to zero with probability ``rate`` and scales the others up; nothing in evaluation.

    The masks come from a generator that is passed in, so that a training is reproducible.

    Args:
        rate: probability of a zero.
        generator: source of the masks; a network that is only evaluated needs none.
    """

    def __init__(self, rate: float, generator: torch.Generator | None) -> None:
        super().__init__()
        self.rate, self.generator = rate, generator

    def forward(self, values: Tensor) -> Tensor:
        """The values with some of them dropped.

        Raises:
            ValueError: in training mode without a generator.
        """
        if not self.training:
            return values
        if self.generator is None:
            raise ValueError("dropout in training mode needs a random generator, found None")
        keep = 1 - self.rate
        return values * torch.empty_like(values).bernoulli_(keep, generator=self.generator) / keep


def _dense(before: int, after: int, rate: float, generator: torch.Generator | None) -> list[nn.Module]:
    return [
        nn.Linear(before, after),
        nn.BatchNorm1d(after),
        Dropout(rate, generator),
        nn.LeakyReLU(SLOPE),
    ]


def _convolution(before: int, after: int, kernel: int, generator: torch.Generator | None) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, kernel),
        nn.BatchNorm2d(after),
        Dropout(0.2, generator),
        nn.LeakyReLU(SLOPE),
    ]


class Generator(nn.Module):
    """Noise (B, Z) and scaled conditions (B, K) to photons (B, H, W), real numbers: expm1 of a log image.

    Args:
        shape: (56, 30) or (44, 44).
        conditions: K.
        noise: Z.
        generator: source of the dropout masks; needed in training only.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int],
        conditions: int,
        noise: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        shape = (int(shape[0]), int(shape[1]))
        check_shape(shape)
        self.seed_shape = (128, 20, 10) if shape == PROTON else (128, 13, 13)
        pixels = self.seed_shape[0] * self.seed_shape[1] * self.seed_shape[2]
        self.head = nn.Sequential(
            *_dense(noise + conditions, 256, 0.2, generator), *_dense(256, pixels, 0.2, generator)
        )
        if shape == PROTON:
            layers = [
                nn.Upsample(scale_factor=(3, 2)),  # 60 x 20
                *_convolution(128, 256, 2, generator),  # 59 x 19
                nn.Upsample(scale_factor=(1, 2)),  # 59 x 38
                *_convolution(256, 128, 2, generator),  # 58 x 37
                *_convolution(128, 64, 2, generator),  # 57 x 36
                nn.Conv2d(64, 1, (2, 7)),  # 56 x 30
            ]
        else:
            layers = [
                nn.Upsample(scale_factor=2),  # 26 x 26
                *_convolution(128, 256, 3, generator),  # 24 x 24
                nn.Upsample(scale_factor=2),  # 48 x 48
                *_convolution(256, 128, 3, generator),  # 46 x 46
                *_convolution(128, 64, 2, generator),  # 45 x 45
                nn.Conv2d(64, 1, 2),  # 44 x 44
            ]
        self.body = nn.Sequential(*layers, nn.ReLU())

    def forward(self, noise: Tensor, conditions: Tensor) -> Tensor:
        """Photons (B, H, W), not yet rounded."""
        hidden = self.head(torch.cat([noise, conditions], dim=1))
        log_image: Tensor = self.body(hidden.view(-1, *self.seed_shape))
        return torch.expm1(log_image.squeeze(1).clamp(max=LOG_LIMIT))


class Discriminator(nn.Module):
    """Judges log images and scaled conditions.

    Args:
        shape: (56, 30) or (44, 44).
        conditions: K.
        generator: source of the dropout masks; needed in training only.
    """

    def __init__(
        self, *, shape: tuple[int, int], conditions: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_shape(shape)
        self.shape = shape
        self.image = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.BatchNorm2d(32),
            nn.LeakyReLU(SLOPE),
            Dropout(0.2, generator),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 16, 3),
            nn.BatchNorm2d(16),
            nn.LeakyReLU(SLOPE),
            Dropout(0.2, generator),
            nn.MaxPool2d((2, 1)),
            nn.Flatten(),
        )
        height, width = (shape[0] - 2) // 2 - 2, (shape[1] - 2) // 2 - 2
        self.body = nn.Sequential(
            *_dense(16 * (height // 2) * width + conditions, 128, 0.2, generator),
            *_dense(128, 64, 0.2, generator),
        )
        self.logit = nn.Linear(64, 1)

    def features(self, counts: Tensor) -> Tensor:
        """The log image (B, 1, H, W) of photons (B, H * W)."""
        return torch.log1p(counts).view(-1, 1, *self.shape)

    def latent(self, features: Tensor, conditions: Tensor) -> Tensor:
        """The last hidden layer (B, 64)."""
        hidden: Tensor = self.body(torch.cat([self.image(features), conditions], dim=1))
        return hidden

    def forward(self, features: Tensor, conditions: Tensor) -> Tensor:
        """Logits (B,)."""
        logits: Tensor = self.logit(self.latent(features, conditions))
        return logits.squeeze(1)


class _Residual(nn.Module):
    """Two 5 x 5 convolutions, the first of stride 2, beside a 1 x 1 convolution of stride 2."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 5, stride=2, padding=2),
            nn.BatchNorm2d(after),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(after, after, 5, padding=2),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride=2), nn.BatchNorm2d(after))
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.activation(self.body(images) + self.shortcut(images))
        return out


class Regressor(nn.Module):
    """The auxiliary regressor: photons (B, H * W) to positions (B, 2) of the brightest pixel."""

    def __init__(self, *, shape: tuple[int, int], generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.image = nn.Sequential(
            nn.Conv2d(1, 32, 5, stride=2, padding=2),
            nn.BatchNorm2d(32),
            nn.LeakyReLU(SLOPE),
            nn.MaxPool2d(2, stride=1),
            _Residual(32, 32),
            nn.MaxPool2d(2, stride=1),
            _Residual(32, 64),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.body = nn.Sequential(
            *_dense(64, 128, 0.3, generator), *_dense(128, 64, 0.3, generator), nn.Linear(64, 2)
        )

    def forward(self, counts: Tensor) -> Tensor:
        """Predicted (k, l) of the brightest pixel, in units of the image."""
        position: Tensor = self.body(self.image(torch.log1p(counts).view(-1, 1, *self.shape)))
        return position
