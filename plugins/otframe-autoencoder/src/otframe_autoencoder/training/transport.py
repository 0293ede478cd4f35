"""The Gaussian optimal transport map, differentiable, for training with the transport in the loop."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["gaussian_map", "matrix_roots"]


def matrix_roots(matrix: Tensor, *, iterations: int = 12) -> tuple[Tensor, Tensor]:
    r"""Square root and inverse square root of a positive definite matrix by the Newton-Schulz iteration.

    With :math:`Y_0 = M / \|M\|_F,\ Z_0 = I`:
    :math:`R = \tfrac12 (3I - Z Y),\ Y \leftarrow Y R,\ Z \leftarrow R Z`. Only products, so its gradient is
    stable where eigenvalues meet; that of an eigendecomposition is not.

    References
    ----------
    Higham, Functions of Matrices, 2008, section 6.7.
    """
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    norm = matrix.norm()
    y, z = matrix / norm, eye
    for _ in range(iterations):
        r = 0.5 * (3 * eye - z @ y)
        y, z = y @ r, r @ z
    return y * norm.sqrt(), z / norm.sqrt()


def moments(latent: Tensor, others: Tensor | None, shrinkage: float) -> tuple[Tensor, Tensor]:
    """Mean ``(C,)`` and covariance ``(C, C)`` over the positions of a latent ``(N, C, h, w)``, in float64.

    With `others` (detached), the values are those of both together and the gradient is that of `latent` alone: as
    exact as many images, for the price of few.
    """
    rows = latent.transpose(0, 1).flatten(1).double()
    mean, covariance = rows.mean(1), torch.cov(rows)
    if others is not None:
        both = torch.cat([rows.detach(), others.transpose(0, 1).flatten(1).double()], 1)
        mean = mean + (both.mean(1) - mean).detach()
        covariance = covariance + (torch.cov(both) - covariance).detach()
    return mean, covariance + shrinkage * covariance.diagonal().mean() * torch.eye(len(mean), dtype=rows.dtype)


def gaussian_map(
    source: Tensor, target: Tensor, *, others: tuple[Tensor, Tensor] | None = None, shrinkage: float = 1e-3
) -> tuple[Tensor, Tensor]:
    r"""Give ``A, b`` of the map ``x -> A x + b`` between the Gaussian laws of two latents (patches of 1 x 1).

    :math:`A = S_s^{-1/2} (S_s^{1/2} S_t S_s^{1/2})^{1/2} S_s^{-1/2},\ b = \mu_t - A \mu_s`. A batch has few
    positions; `shrinkage` (relative to the mean variance) keeps the smallest eigenvalues away from zero, and
    `others` (a source and a target latent without gradient) make the moments more exact.
    """
    mean_s, cov_s = moments(source, others and others[0], shrinkage)
    mean_t, cov_t = moments(target, others and others[1], shrinkage)
    root, inverse = matrix_roots(cov_s, iterations=20)
    middle, _ = matrix_roots(root @ cov_t @ root, iterations=24)
    matrix = inverse @ middle @ inverse
    return matrix.float(), (mean_t - matrix @ mean_s).float()
