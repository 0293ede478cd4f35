r"""The optimal coupling of two covariances, degenerate or not: one eigenbasis, one singular value decomposition.

Write the source as :math:`S = L L'` with `L = U D` of full column rank r (eigenvectors U, deviations D above the floor)
and the target as :math:`\Sigma = R R'`. Every linear coupling is :math:`y = R W L^+ x + w` with a contraction W; the
cost is least where :math:`\operatorname{tr}(L' R W)` is greatest, which is the polar factor of `(L' R)'`. With
:math:`L' R = P \Theta Q'` that is :math:`W = Q P'`, so

.. math:: A = R Q P' L^+, \qquad N = R (I - Q Q') R'.

On the source's range A is :math:`D^{-1} P \Theta P' D^{-1}`: symmetric, and for a source of full rank all of A, the map
of [olkin1982distance]_, with N = 0. Otherwise N is the covariance that the source cannot give [freirich2021theory]_; it
lives in the source's null space, and `A S A' + N` is the target's covariance exactly.

Singular values of `L' R` keep the digits that the textbook root of `S^(1/2) Sigma S^(1/2)` loses: its eigenvalues are
their squares. And the target is taken into U's basis as a multiple of the source plus a difference, so that a law and
itself, or itself in other units, give the identity however badly the covariance is conditioned.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.numerics import spectrum, symmetrise

__all__ = ["Coupling", "couple"]


@dataclass(frozen=True, eq=False)
class Coupling:
    """The optimal linear coupling: `y = A x + w`, `cov(w) = noise`, at cost `E|x - y|^2`; centred laws."""

    A: torch.Tensor
    noise: torch.Tensor | None
    cost: float
    residual: float


def couple(source: torch.Tensor, target: torch.Tensor, floor: float) -> Coupling:
    """Couple two covariances `(d, d)`, float64.

    Parameters
    ----------
    source, target : torch.Tensor
        Shape `(d, d)`, positive semidefinite.
    floor : float
        Source eigenvalues up to `floor` times the largest count as zero.
    """
    source, target = symmetrise(source), symmetrise(target)
    d = source.shape[0]
    basis = spectrum(source, floor=floor)
    r, U = basis.rank, basis.vectors
    trace = float(torch.diagonal(source).sum())
    ratio = float(torch.diagonal(target).sum()) / trace if trace > 0.0 else 0.0
    in_basis = symmetrise(U.T @ torch.sub(target, source, alpha=ratio) @ U)
    in_basis.diagonal().add_(basis.values, alpha=ratio)
    R = _factor(in_basis)
    D = basis.values[:r].sqrt()
    P, theta, Qt = torch.linalg.svd(D[:, None] * R[:r], full_matrices=False)
    # What couples no more than rounding is not coupled: its partner would be an arbitrary vector.
    sure = theta > theta[:1].sum() * (d * torch.finfo(torch.float64).eps)
    P, theta, Qt = P[:, sure], theta[sure], Qt[sure]
    on_range = symmetrise((P * theta) @ P.T / (D[:, None] * D))
    tall = torch.zeros(d, r, dtype=source.dtype, device=source.device)
    tall[:r] = on_range
    noise = None
    spread = 0.0
    if r < d:
        rest = R[r:]
        coupled = rest @ Qt.T
        tall[r:] = coupled @ P.T / D
        left = rest - coupled @ Qt
        spread = float(left.square().sum())
        if spread > d * torch.finfo(torch.float64).eps * float(torch.diagonal(target).sum()):
            noise = symmetrise(U[:, r:] @ (left @ left.T) @ U[:, r:].T)
    A = tall @ U[:, :r].T
    A = U @ A
    if r == d:
        A = symmetrise(A)
    # As a sum of squares the cost cannot come out negative, nor lose its digits where the laws nearly agree.
    moved = tall.clone()
    moved[:r].diagonal().sub_(1.0)
    lost = basis.values[r:].clamp(min=0.0).sum()
    cost = float((moved * D).square().sum() + lost) + spread
    reached = A @ source @ A.T if noise is None else A @ source @ A.T + noise
    size = float(torch.linalg.norm(target))
    residual = float(torch.linalg.norm(reached - target)) / size if size > 0.0 else 0.0
    return Coupling(A, noise, cost, residual)


def _factor(matrix: torch.Tensor) -> torch.Tensor:
    """`R` with `R R'` the matrix: Cholesky's where it is definite, else from clamped eigenvalues."""
    factor: torch.Tensor
    factor, info = torch.linalg.cholesky_ex(matrix)
    if int(info) == 0 and bool(torch.isfinite(factor).all()):
        return factor
    found = spectrum(matrix, floor=0.0)
    root: torch.Tensor = found.vectors * found.values.clamp(min=0.0).sqrt()
    return root
