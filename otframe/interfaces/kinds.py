"""Kinds of model that other components take on a port, whatever plugin they come from."""

from __future__ import annotations

import abc

from otframe.interfaces.model import Model, verb
from otframe.values import Image, Latent

__all__ = ["Autoencoder", "Restorer"]


class Autoencoder(Model, abc.ABC):
    """Encodes an image and decodes it back at its own size. Subclasses give both verbs a `net` argument."""

    @verb
    @abc.abstractmethod
    def encode(self, image: Image) -> Latent:
        """The latent of an image of any size."""

    @verb
    @abc.abstractmethod
    def decode(self, latent: Latent) -> Image:
        """The image of a latent, cropped to the size of the image that was encoded; values may leave [0, 1]."""


class Restorer(Model, abc.ABC):
    """Restores a degraded image. Subclasses give the verb a `net` argument."""

    @verb
    @abc.abstractmethod
    def restore(self, image: Image) -> Image:
        """The restored image."""
