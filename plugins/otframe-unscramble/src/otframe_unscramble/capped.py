"""`unscramble.capped`: the entropic loss with a capped distance, by a number of plain iterations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Self

import torch
from pydantic import Field as Parameter
from pydantic import model_validator

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Transform
from otframe.values import Density, Scalar, SolveInfo
from otframe_unscramble.capped_kernel import CappedKernel, scalings

__all__ = ["CappedCost", "Found"]

_RANGE = 300.0
"""The largest exponent of the kernel: scalings then lie between the square of its end and that of its inverse."""


class Found(NamedTuple):
    """What `unscramble.capped` gives: on wires, `node.cost` and `node.info`."""

    cost: Scalar
    """In pixels. It may be negative: the entropy of a plan counts."""
    info: SolveInfo
    """The residual is the error of the first marginal, in L1; the second one is exact."""


class CappedCost(Transform):
    r"""Entropic transport between densities with a capped distance, as published for unscrambling [bolle2022robust]_:

    .. math:: S(a, b) = \min_P \sum_{ij} P_{ij} \min(|p_i - p_j|, c) + \tfrac1\lambda \sum_{ij} P_{ij} \log P_{ij}

    over the plans P with marginals a and b of sum 1 [cuturi2013sinkhorn]_. Distances are in pixels, the kernel is
    `exp(-rate min(|p - q|, cap))`. A fixed number of plain iterations is done, converged or not, and nothing is
    debiased. The derivative in a is the potential `log(u) / rate`, that of S where the iteration has converged. All is
    computed in float64, whatever comes.
    """

    references: ClassVar[tuple[str, ...]] = ("bolle2022robust", "cuturi2013sinkhorn")

    cap: float = Parameter(default=10.0, gt=0.0)
    """The distance in pixels from which on all is equally far."""

    rate: float = Parameter(default=10.0, gt=0.0)
    """One over the regularisation, in 1/pixel: below `1 / rate` pixels nothing is told apart."""

    iterations: int = Parameter(default=100, ge=1)
    """Iterations; one updates both scalings."""

    tol: float = Parameter(default=1e-3, gt=0.0, lt=2.0)
    """The error of the marginals, in L1, under which `info` says that they have converged. It stops nothing."""

    held: int = Parameter(default=2**24, ge=0)
    """Up to so many pairs of pixels the kernel is held, in 8 bytes each; of more, row by row what is needed."""

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        if self.rate * self.cap > _RANGE:
            raise ValueError(
                f"rate times cap is at most {_RANGE:g}, got {self.rate:g} * {self.cap:g}: the kernel would underflow"
            )
        return self

    @classmethod
    def examples(cls) -> list[Component]:
        """As published, and blurred more."""
        return [cls(), cls(cap=5.0, rate=2.0, iterations=20, held=0)]

    def __call__(self, source: Density, target: Density, *, ctx: Context) -> Found:
        """Measure the cost.

        Parameters
        ----------
        source, target : Density
            Two densities on one grid of two dimensions. Both are brought to sum 1. A pixel is as long as the longest
            step of the grid.

        Returns
        -------
        Found
            `cost`, and the `info` that says how far the iterations came.

        Raises
        ------
        DataError
            The grids differ, or have not two dimensions.
        """
        ctx.check_cancelled()
        values, _, _, errors = self._solved(*self._masses(source, target), source.spacing)
        error = float(errors[0])
        return Found(Scalar(float(values[0]), "capped cost"), SolveInfo(self.iterations, error < self.tol, error))

    def loss(self, source: Density, target: Density) -> torch.Tensor:
        """The cost as a tensor without axes, differentiable in both masses. Ports and errors are those of the call."""
        return self.losses(*self._masses(source, target), source.spacing)[0]

    def losses(
        self, sources: torch.Tensor, targets: torch.Tensor, spacing: Sequence[float] | None = None
    ) -> torch.Tensor:
        """The costs `(B,)` of a batch of masses `(B, H, W)`, not negative and somewhere positive; differentiable."""
        if sources.ndim != 3 or sources.shape != targets.shape or sources.numel() == 0:
            raise DataError(
                f"wanted two batches of masses (B, H, W), got {tuple(sources.shape)} and {tuple(targets.shape)}"
            )
        shares = _share(sources), _share(targets.to(sources.device))
        made: torch.Tensor = _Cost.apply(*shares, self, spacing)  # type: ignore[no-untyped-call]
        return made.to(sources.dtype)

    def _masses(self, source: Density, target: Density) -> tuple[torch.Tensor, torch.Tensor]:
        if source.dim != 2 or source.shape != target.shape or source.spacing != target.spacing:
            raise DataError(
                f"wanted two densities on one grid of two dimensions, got {source.shape} with spacing "
                f"{source.spacing} and {target.shape} with spacing {target.spacing}",
                hint="resample one of them",
            )
        return source.mass[None], target.mass.to(source.mass.device)[None]

    def _solved(
        self, sources: torch.Tensor, targets: torch.Tensor, spacing: Sequence[float] | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Values `(B,)`, both potentials `(B, H, W)`, and errors `(B,)`."""
        a, b = (_share(mass.detach()).flatten(1) for mass in (sources, targets))
        shape, steps = sources.shape[1:], tuple(spacing or (1.0, 1.0))
        kernel = CappedKernel(
            (shape[0], shape[1]),
            (steps[0] / max(steps), steps[1] / max(steps)),
            self.cap,
            self.rate,
            self.held,
            a.device,
        )
        log_u, log_v, errors = scalings(kernel, a, b, self.iterations)
        f, g = log_u / self.rate, log_v / self.rate
        return (f * a + g * b).sum(1), f.unflatten(1, shape), g.unflatten(1, shape), errors


class _Cost(torch.autograd.Function):
    """Costs of normalised masses."""

    @staticmethod
    def forward(
        ctx: Any, a: torch.Tensor, b: torch.Tensor, cost: CappedCost, spacing: Sequence[float] | None
    ) -> torch.Tensor:
        values, f, g, _ = cost._solved(a, b, spacing)
        ctx.save_for_backward(f, g)
        return values

    @staticmethod
    def backward(ctx: Any, outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return (*(outer[:, None, None] * part for part in ctx.saved_tensors), None, None)


def _share(mass: torch.Tensor) -> torch.Tensor:
    """Masses in float64 with the sum 1 each; `DataError` where they are none."""
    mass = mass.double()
    total = mass.detach().sum((1, 2))
    if not bool(((mass.detach() >= 0).all() & torch.isfinite(total) & (total > 0)).all()):
        raise DataError("wanted masses that are finite, not negative, and somewhere positive")
    return mass / mass.sum((1, 2), keepdim=True)
