"""`color.variational`: an image that is regular and has the colours of a palette."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field as Parameter
from pydantic import model_validator

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Transform
from otframe.values import Image, Scalar, SolveInfo
from otframe_color.alike import check_alike, check_finite
from otframe_color.cloud_value import ColorCloud
from otframe_color.lines import Lines
from otframe_color.spaces import converted
from otframe_color.total_variation import Smoother, total_variation

__all__ = ["Regular", "Variational"]

_INNER = 500
_SHARE = 0.25
"""The proximal map is found to this share of what its step gains."""


class Regular(NamedTuple):
    """What `color.variational` gives: on wires, `node.image`, `node.energy` and `node.info`."""

    image: Image
    """The image with the least energy that was found."""
    energy: Scalar
    """Its energy."""
    info: SolveInfo
    """Steps, whether the last was small enough, and its root mean square, in units of the working space."""


class Variational(Transform):
    r"""An image f that stays near what it starts from, is regular, and has the colours of a reference
    [rabin2011wasserstein]_:

    .. math:: \min_f \; \frac{\alpha}{2} |f - f_0|^2 + \lambda \mathrm{TV}(f - u) +
              \frac{\mu}{2B} \sum_b \sum_{\theta \in b} W_2^2(\langle f, \theta \rangle, \langle y, \theta \rangle)

    with means over pixels, the total variation of all channels together, and the sliced distance along B orthonormal
    bases. `f_0` is the start, such as an image with its colours transferred, or the image itself. The total variation
    is that of the change of the image, so that its detail stays, or of the picture (u = 0), which is painted flat.

    One step forward along the sliced distance, exact by sorting, and one backward, the proximal map of the total
    variation: each minimises a function that lies above the energy and touches it, so that the energy never rises. It
    has many local minima, and the start decides which one is found. Without colours the minimiser is that of
    [rudin1992nonlinear]_.

    The time is that of sorting all pixels 3 B times a step: a fraction of a second for 100,000, minutes for millions.
    """

    references: ClassVar[tuple[str, ...]] = ("rabin2011wasserstein", "rudin1992nonlinear", "beck2009fast")

    fidelity: float = Parameter(default=1.0, ge=0.0, le=1e6)
    """The weight alpha of what the image starts from."""

    smoothness: float = Parameter(default=0.2, ge=0.0, le=1e6)
    """The weight lambda of the total variation."""

    colors: float = Parameter(default=1.0, ge=0.0, le=1e6)
    """The weight mu of the reference's colours."""

    of: Literal["change", "picture"] = "change"
    """Whether the change of the image is smooth, or the picture."""

    bases: int = Parameter(default=6, ge=1, le=1000)
    """Random orthonormal bases, drawn once."""

    tolerance: float = Parameter(default=1e-3, gt=0.0, lt=1.0)
    """The energy counts as minimised where a step changes colours by no more than this (root mean square)."""

    max_iter: int = Parameter(default=200, ge=1, le=100_000)
    """Steps after which it counts as not minimised: `info` tells."""

    @model_validator(mode="after")
    def _held(self) -> Variational:
        if self.fidelity == 0 and self.colors == 0:
            raise ValueError("one of fidelity and colors must be above 0: nothing else holds the image")
        return self

    @classmethod
    def examples(cls) -> list[Component]:
        """The change made smooth, the picture made flat, and colours alone."""
        few = {"max_iter": 4, "bases": 2}
        return [cls(**few), cls(of="picture", smoothness=0.1, **few), cls(fidelity=0, smoothness=0, **few)]

    def __call__(self, image: Image, reference: ColorCloud, start: Image | None = None, *, ctx: Context) -> Regular:
        """Minimise the energy.

        Parameters
        ----------
        image : Image
            The image, coded for displays or linear; grey counts as equal channels. `DataError` where it is in another
            space, or something is NaN or infinite. Pixels of alpha 0 do not count as colours.
        reference : ColorCloud
            The colours wanted. Everything is measured in its working space.
        start : Image, optional
            What the result is to stay near, of the image's size and coding; the image where absent.
        ctx : Context
            The bases are drawn from it; also told the progress.

        Returns
        -------
        Regular
            `image` with the alpha and metadata of the image, `energy` and `info`.
        """
        if start is None:
            check_finite(image, "image")
        else:
            check_alike(image, start, "start")
        u = self._entered(image, reference, "image")
        f0 = u if start is None else self._entered(start, reference, "start")
        counted = None if image.alpha is None else image.alpha.reshape(-1) > 0
        count = u[0].numel() if counted is None else int(counted.sum())
        if count == 0:
            raise DataError("every pixel of the image is transparent: it has no colours", port="image")
        lines = Lines(reference, self.bases if self.colors else 0, count, u, ctx.rng)
        made, energy, info = self._minimised(f0, u if self.of == "change" else torch.zeros_like(u), lines, counted, ctx)
        coding = "linear" if image.space == "linear" else "srgb"
        colors = converted(made.reshape(3, -1).T, reference.space, coding)
        pixels = colors.T.reshape(u.shape).to(image.pixels)
        return Regular(replace(image, pixels=pixels, space=coding), Scalar(energy, "energy"), info)

    def _entered(self, image: Image, reference: ColorCloud, port: str) -> torch.Tensor:
        if image.space not in ("srgb", "linear", "gray") or image.channels not in (1, 3):
            raise DataError(
                f"wanted 1 or 3 channels in space srgb, linear or gray, got {image.channels} in '{image.space}'",
                hint="convert it first: image.convert",
                port=port,
            )
        coding = "linear" if image.space == "linear" else "srgb"
        pixels = image.pixels.to(torch.float32).expand(3, -1, -1)
        return converted(pixels.reshape(3, -1).T, coding, reference.space).T.reshape(pixels.shape).contiguous()

    def _minimised(
        self, f0: torch.Tensor, u: torch.Tensor, lines: Lines, counted: torch.Tensor | None, ctx: Context
    ) -> tuple[torch.Tensor, float, SolveInfo]:
        weight = self.fidelity + self.colors
        gamma = self.smoothness / weight
        count = lines.count
        smoother = Smoother(f0)
        f = f0.clone()
        step, turn, solved = torch.inf, 0, False
        wanted, cost = lines(f, counted)
        while not solved and turn < self.max_iter:
            z = (self.fidelity * f0 + self.colors * wanted) / weight
            if gamma > 0:
                old = float((f - z).square().sum(dtype=torch.float64)) / 2 + gamma * total_variation(f - u)
                gap = 0.1 * self.tolerance**2 * count
                new, reached, left = smoother(z - u, gamma, below=old, share=_SHARE, gap=gap, limit=_INNER)
                new, lower, exact = new + u, reached <= old, left <= gap
            else:
                new, lower, exact = z, True, True
            step = float(((new - f).square().sum(dtype=torch.float64) / count).sqrt())
            turn += 1
            if not lower:  # what is nearest the minimiser has more energy: rounding, or a map that was not found
                solved = exact and step <= self.tolerance
                break
            f = new
            solved = step <= self.tolerance
            wanted, cost = lines(f, counted)
            ctx.progress(turn / self.max_iter, f"step {step:.1e}")
        near = float((f - f0).square().sum(dtype=torch.float64)) / count
        energy = self.fidelity / 2 * near + self.smoothness * total_variation(f - u) / count + self.colors / 2 * cost
        return f, energy, SolveInfo(turn, solved, step)
