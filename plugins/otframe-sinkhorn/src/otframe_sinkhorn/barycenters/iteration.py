r"""`Iteration`: the potentials of a barycentre on one grid with one blur.

Each density `a_k` has a plan `exp(psi_k(x) + phi_k(y) - c(x, y) / eps) a_k(y)` to the barycentre b. An update makes the
marginals at `a_k` exact, and then those at b equal [benamou2015iterative]_,

.. math:: \varphi_k = -\log K e^{\psi_k}, \qquad l_k = \log K (a_k e^{\varphi_k}), \qquad
          \psi_k = \delta + \sum_j w_j l_j - l_k ,

where `delta` is 0 for the plain barycentre, and follows the barycentre for the debiased one (`Sharpening`). Both
updates are over-relaxed; that of psi without delta, for which `chi = psi - delta` stands, of weighted sum 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from otframe_sinkhorn.barycenters.kernel import soft_minimum
from otframe_sinkhorn.barycenters.pace import Pace
from otframe_sinkhorn.barycenters.sharpening import Sharpening
from otframe_sinkhorn.grids.kernel import Cost
from otframe_sinkhorn.grids.levels import coarser, finer
from otframe_sinkhorn.logarithms import logarithm

__all__ = ["BarycenterProblem", "Iteration"]

_DEBIASED = 1.75
"""The largest factor of a debiased barycentre: delta moves the less, the larger it is."""


@dataclass(frozen=True)
class BarycenterProblem:
    """Densities on one grid, and what their barycentre shall be.

    Parameters
    ----------
    masses : torch.Tensor
        Shape `(n, *shape)`, float64, of sum 1 each.
    weights : torch.Tensor
        Shape `(n,)`, float64, positive, of sum 1.
    spacing : tuple of float
        Distance between neighbours along each axis.
    blur : float
        In units of the spacing: `eps` is `2 blur^2` for the squared cost and `blur` for the absolute one.
    cost : str
        `squared` or `absolute`.
    debiased : bool
        Whether the blur of the plans is taken out of the barycentre.
    """

    masses: torch.Tensor
    weights: torch.Tensor
    spacing: tuple[float, ...]
    blur: float
    cost: Cost
    debiased: bool

    @property
    def eps(self) -> float:
        """Regularisation in units of the cost."""
        return 2 * self.blur**2 if self.cost == "squared" else self.blur

    @property
    def shape(self) -> torch.Size:
        """Cells along each axis."""
        return self.masses.shape[1:]

    def at(self, blur: float, halved: int) -> BarycenterProblem:
        """The same with another blur, on a grid halved so often; the plain one where the blur is another."""
        spacing = tuple(step * 2**halved for step in self.spacing)
        debiased = self.debiased and blur == self.blur
        return replace(self, masses=coarser(self.masses, halved), spacing=spacing, blur=blur, debiased=debiased)


class Iteration:
    """The iteration.

    Parameters
    ----------
    problem : BarycenterProblem
        On this grid, with this blur.
    before : Iteration, optional
        What has been iterated with a larger blur or on a coarser grid.
    halved : int
        How often the grid was halved for it.
    """

    def __init__(self, problem: BarycenterProblem, before: Iteration | None = None, halved: int = 0) -> None:
        self.problem = problem
        self.log_a = logarithm(problem.masses)
        self.weights = problem.weights.reshape(-1, *(1 for _ in problem.shape))
        self.kernel = soft_minimum(problem.shape, problem.spacing, problem.eps, problem.cost, self.log_a.device)
        self.iterations = 0
        self.chi = torch.zeros_like(problem.masses)
        self.log_b = torch.zeros_like(self.chi[:1])
        self.sharpening: Sharpening | None = None
        self._phi: torch.Tensor | None = None
        if before is not None:
            # potentials are nearly the same in units of the cost
            self.chi = finer(before.chi * (before.problem.eps / problem.eps), problem.shape, halved)
            self.log_b = finer(before.log_b, problem.shape, halved)
        if problem.debiased:
            # a barycentre with the blur in it is a smooth start; one of a larger blur would be sharp in its own way
            earlier = before.sharpening if before is not None else None
            if earlier is not None:
                self.sharpening = Sharpening(self.kernel, finer(earlier.delta, problem.shape, halved))
            else:
                self.sharpening = Sharpening.of(self.kernel, self.log_b)
        self.pace = Pace(_largest(problem))

    @property
    def psi(self) -> torch.Tensor:
        """The potentials at the barycentre, shape `(n, *shape)`."""
        return self.chi if self.sharpening is None else self.chi + self.sharpening.delta

    def step(self) -> float:
        """Update all potentials; how far the marginals at the barycentre were from one another and from it, about."""
        omega, exact = self.pace.factor, self._exact()
        phi = exact if self._phi is None else self._phi.lerp_(exact, omega)
        if self.sharpening is not None:
            missed = torch.logsumexp((self.log_a + phi - exact).flatten(1), 1)
            phi = phi - missed.reshape(self.weights.shape)
        self._phi = phi
        seen = self.kernel(self.log_a + phi)
        mean = (self.weights * seen).sum(0, keepdim=True)
        move = torch.sub(mean, seen, out=seen).sub_(self.chi)
        self.log_b = mean if self.sharpening is None else self.sharpening.log_b
        b = _softmax(self.log_b)
        apart = float((self.weights * b * move.abs()).sum())
        if self.sharpening is not None:
            apart += float((b * torch.expm1(self.sharpening.follow(mean, omega)).abs()).sum())
        self.chi = self.chi.add_(move, alpha=omega)
        self.iterations += 1
        self.pace.saw(apart)
        return apart

    def closed(self) -> tuple[torch.Tensor, float]:
        """The barycentre `(*shape)` of sum 1, and how far the plans' marginals are from it, in L1 and weighted.

        The plans have the given densities for their other marginals, exactly.
        """
        seen = self.kernel(self.log_a + self._exact())
        if self.sharpening is None:
            self.log_b = (self.weights * seen).sum(0, keepdim=True)
        else:
            self.log_b = self.sharpening.log_b
        b = _softmax(self.log_b)
        missed = (torch.exp(seen + self.psi) - b).abs_()
        return b[0], float((self.weights * missed).sum())

    def _exact(self) -> torch.Tensor:
        """The potentials that make the marginals at the given densities exact."""
        return self.kernel(self.psi).neg_()


def _softmax(logarithm: torch.Tensor) -> torch.Tensor:
    """The mass of a logarithm `(1, *shape)`, of sum 1."""
    return torch.softmax(logarithm.flatten(), 0).reshape(logarithm.shape)


def _largest(problem: BarycenterProblem) -> float:
    """The limit of the factor: uniform masses on the whole grid mix slowest, and their rate is known."""
    side = max(n * step for n, step in zip(problem.shape, problem.spacing, strict=True))
    share = problem.blur / side if problem.cost == "squared" else math.sqrt(problem.blur / side)
    largest = 2 / (1 + min(1.0, 0.8 * math.pi * share))
    return min(largest, _DEBIASED) if problem.debiased else largest
