"""Patches of a field and back: `patch.unfold` and `patch.fold`."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Transform
from otframe.values import Field, Latent, PatchSet

__all__ = ["Fold", "Unfold"]

F = TypeVar("F", bound=Field)


class Unfold(Transform):
    """All overlapping patches of an image or latent, at stride 1, without padding.

    The result is a view: nothing is copied, and an affine map of the patches followed by `patch.fold` is done as one
    convolution [adrai2023deep]_.
    """

    references: ClassVar[tuple[str, ...]] = ("adrai2023deep",)
    promises: ClassVar[tuple[str, ...]] = ("inverse:patch.fold",)

    size: int = Parameter(default=3, ge=1, le=64)
    """Side of a patch, in samples of the grid; odd or even."""

    def __call__(self, field: F) -> PatchSet[F]:
        """Take the patches.

        Parameters
        ----------
        field : Field
            An image, latent or other field with a grid `(C, H, W)`, at least `size` on each side.

        Returns
        -------
        PatchSet
            `(H - size + 1)(W - size + 1)` patches of dimension `C size^2`.
        """
        if isinstance(field, Latent) and min(field.grid.shape[1:]) < self.size:
            (height, width), least = field.size, self.size * field.stride
            raise DataError(
                f"an image of {height} x {width} pixels is encoded on {' x '.join(map(str, field.grid.shape[1:]))} "
                f"samples, which hold no patch of {self.size} x {self.size}",
                hint=f"give images of at least {least} x {least} pixels, or a smaller patch",
            )
        return PatchSet(field, self.size)


class Fold(Transform):
    """The field in which each sample is the mean over all patches that cover it (a uniform window)."""

    references: ClassVar[tuple[str, ...]] = ("adrai2023deep",)

    def __call__(self, patches: PatchSet[F]) -> F:
        """Fold.

        Parameters
        ----------
        patches : PatchSet
            Patches, moved or not.

        Returns
        -------
        Field
            A field of the kind and size that the patches were taken of.
        """
        return patches.fold()
