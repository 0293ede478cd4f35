"""Distances between two sets of feature vectors: Frechet, and the kernel distance KID."""

from __future__ import annotations

import numpy as np

__all__ = ["frechet", "kid"]


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Wasserstein-2 distance of the Gaussians fitted to the rows of `a` and `b` (Heusel et al., 2017).

    The trace of the root comes from eigenvalues of the symmetric product, which stays real where `sqrtm` does not.
    """
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    shift = a.mean(0) - b.mean(0)
    return max(0.0, float(shift @ shift + np.trace(cov_a) + np.trace(cov_b) - 2 * cross))


def kid(a: np.ndarray, b: np.ndarray) -> float:
    """Kernel distance times 1000: the unbiased estimate of MMD^2 with the kernel `(x.y / d + 1)^3` (Binkowski, 2018).

    It is unbiased for independent sets. Here both sets show the same scenes, so that an image's term with its own truth
    enters the cross sum: the same set twice gives a negative number, the floor of a table.
    """
    dim = a.shape[1]

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x @ y.T / dim + 1) ** 3

    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel(a, a), kernel(b, b))]
    return float(1000 * (sum(within) - 2 * kernel(a, b).mean()))
