"""Closed forms that solvers are held against. Each cites where its equation is from (keys of `docs/references.bib`).

All work in float64 on the CPU and share no code with the solvers that they judge.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from otframe.values import GaussianLaw, PointCloud

__all__ = [
    "affine_cost",
    "assignment",
    "barycenter_of_commuting",
    "convex_gradient",
    "dirac_cost",
    "gaussian_cost",
    "gaussian_map",
    "permuted",
    "pushed",
    "quantile_cost",
    "scaled",
    "shifted",
    "sorted_cost",
]


def _root(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix.double())
    root: torch.Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


def gaussian_map(source: GaussianLaw, target: GaussianLaw) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Matrix `(d, d)` and offset `(d,)` of the optimal map between regular Gaussian laws [olkin1982distance]_:

    .. math:: A = S_s^{-1/2} (S_s^{1/2} S_t S_s^{1/2})^{1/2} S_s^{-1/2}, \quad b = m_t - A m_s
    """
    root = _root(source.cov)
    inverse = torch.linalg.inv(root)
    A = inverse @ _root(root @ target.cov.double() @ root) @ inverse
    return A, target.mean.double() - A @ source.mean.double()


def gaussian_cost(source: GaussianLaw, target: GaussianLaw) -> float:
    r"""Squared Wasserstein-2 distance of Gaussian laws [gelbrich1990formula]_:

    .. math:: |m_s - m_t|^2 + \operatorname{tr}(S_s + S_t - 2 (S_s^{1/2} S_t S_s^{1/2})^{1/2})
    """
    root = _root(source.cov)
    cross = _root(root @ target.cov.double() @ root)
    spread = torch.trace(source.cov.double() + target.cov.double() - 2 * cross)
    return float((source.mean - target.mean).double().square().sum() + spread)


def affine_cost(source: GaussianLaw, A: torch.Tensor, b: torch.Tensor) -> float:
    r"""What an affine map costs, `E |x - A x - b|^2` under the source law: at least the distance of the laws.

    .. math:: |m - A m - b|^2 + \operatorname{tr}((I - A) S (I - A)^T)
    """
    rest = torch.eye(source.dim, dtype=torch.float64) - A.double()
    moved = rest @ source.mean.double() - b.double()
    return float(moved.square().sum() + torch.trace(rest @ source.cov.double() @ rest.T))


def barycenter_of_commuting(laws: list[GaussianLaw]) -> GaussianLaw:
    r"""Equally weighted barycentre of Gaussian laws whose covariances commute [agueh2011barycenters]_:

    .. math:: S^{1/2} = \frac{1}{n} \sum_i S_i^{1/2}
    """
    root = sum((_root(law.cov) for law in laws), torch.zeros(())) / len(laws)
    mean = sum((law.mean.double() for law in laws), torch.zeros(())) / len(laws)
    return GaussianLaw(mean, root @ root)


def shifted(measure: GaussianLaw | PointCloud, by: torch.Tensor) -> GaussianLaw | PointCloud:
    """The measure moved by a vector `(d,)`: the optimal map is that translation, and its cost `|v|^2`.

    Remark "Translations" in [peyre2019computational]_, section 2.
    """
    if isinstance(measure, GaussianLaw):
        return GaussianLaw(measure.mean + by.to(measure.mean), measure.cov, measure.count)
    return PointCloud(measure.points + by.to(measure.points), measure.weights)


def pushed(source: GaussianLaw, A: torch.Tensor, b: torch.Tensor, noise: torch.Tensor | None = None) -> GaussianLaw:
    r"""The law of `A x + b + w`, w of covariance N: `(A m + b, A S A^T + N)`."""
    cov = A @ source.cov.to(A) @ A.T + (0 if noise is None else noise)
    return GaussianLaw(A @ source.mean.to(A) + b, (cov + cov.T) / 2)


def sorted_cost(source: torch.Tensor, target: torch.Tensor) -> float:
    r"""Squared distance of as many uniform points on the line `(n,)`: sorted points are matched in order.

    .. math:: W_2^2 = \frac{1}{n} \sum_i (x_{(i)} - y_{(i)})^2

    Remark "One-dimensional case, empirical measures" in [peyre2019computational]_, section 2.
    """
    return float((source.double().sort().values - target.double().sort().values).square().mean())


def assignment(source: PointCloud, target: PointCloud) -> tuple[np.ndarray, float]:
    r"""The optimal assignment of as many uniform points, and its mean squared cost.

    Between uniform measures of n points the transport linear programme has a permutation as solution (Birkhoff and von
    Neumann; Proposition 2.1 of [peyre2019computational]_), which SciPy finds exactly.
    """
    cost = torch.cdist(source.points.double(), target.points.double()).square().numpy()
    rows, columns = linear_sum_assignment(cost)
    return columns, math.fsum(cost[rows, columns]) / len(rows)


def permuted(cloud: PointCloud, seed: int = 0) -> PointCloud:
    """The same measure with its points in another order: nothing moves, at no cost."""
    order = torch.randperm(cloud.count, generator=torch.Generator().manual_seed(seed))
    return PointCloud(cloud.points[order], None if cloud.weights is None else cloud.weights[order])


def scaled(measure: GaussianLaw | PointCloud, by: float) -> GaussianLaw | PointCloud:
    """The measure of `by x`. Between measures that are both scaled the optimal map is `by T(x / by)`, the cost `by^2`.

    Proposition 2.2 of [peyre2019computational]_ is why: the squared distance is homogeneous.
    """
    if isinstance(measure, GaussianLaw):
        return GaussianLaw(measure.mean * by, measure.cov * by**2, measure.count)
    return PointCloud(measure.points * by, measure.weights)


def dirac_cost(cloud: PointCloud, at: torch.Tensor, p: float = 2.0) -> float:
    r"""What it costs to bring a measure to one point `(d,)`, or from there: there is no other plan than the product.

    .. math:: \sum_i w_i |x_i - a|^p
    """
    distances = (cloud.points.double() - at.double()).square().sum(1).sqrt()
    return float((_weights(cloud) * distances**p).sum())


def convex_gradient(points: torch.Tensor) -> torch.Tensor:
    r"""Points `(n, d)` moved by the gradient of a convex function: the optimal map to their images [brenier1991polar]_.

    .. math:: \nabla \Big( \tfrac14 |x|^2 + \sum_k \log \cosh(w_k \cdot x) + v \cdot x \Big)
       = \tfrac12 x + \sum_k \tanh(w_k \cdot x) \, w_k + v
    """
    random = torch.Generator().manual_seed(0)
    w = torch.randn(3, points.shape[1], generator=random, dtype=torch.float64)
    v = torch.randn(points.shape[1], generator=random, dtype=torch.float64)
    return 0.5 * points.double() + torch.tanh(points.double() @ w.T) @ w + v


def quantile_cost(source: PointCloud, target: PointCloud, p: float = 2.0) -> float:
    r"""Cost of the optimal plan between weighted points on the line: mass goes in the order of the points.

    .. math:: \int_0^1 |F^{-1}(t) - G^{-1}(t)|^p \, dt

    Remark 2.30 of [peyre2019computational]_.
    """
    heaps = []
    for cloud in (source, target):
        order = cloud.points[:, 0].argsort()
        heaps.append(list(zip(cloud.points[order, 0].tolist(), _weights(cloud)[order].tolist(), strict=True)))
    (x, a), (y, b) = heaps[0].pop(0), heaps[1].pop(0)
    told = []
    while True:
        told.append(min(a, b) * abs(x - y) ** p)
        a, b = a - min(a, b), b - min(a, b)
        if not heaps[int(b <= a)]:
            return math.fsum(told)
        if b <= a:
            y, b = heaps[1].pop(0)
        else:
            x, a = heaps[0].pop(0)


def _weights(cloud: PointCloud) -> torch.Tensor:
    """Weights `(n,)` of sum 1, float64."""
    weights = torch.ones(cloud.count) if cloud.weights is None else cloud.weights
    return weights.double() / weights.double().sum()
