"""Closed forms of entropic transport between Gaussian laws. Each cites where its equation is from.

All work in float64 on the CPU and share no code with the solvers that they judge. The cost is `|x - y|^2`, and values
are those of `cost + eps KL(plan | source x target)`, with the price of mass where there is one.
"""

from __future__ import annotations

import math

import torch

from otframe.values import GaussianLaw

__all__ = ["entropic_cost", "entropic_cross", "gaussian_divergence", "unbalanced_cost"]


def _power(matrix: torch.Tensor, exponent: float) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix.double())
    made: torch.Tensor = (vectors * values**exponent) @ vectors.T
    return made


def entropic_cross(source: GaussianLaw, target: GaussianLaw, eps: float) -> torch.Tensor:
    r"""Covariance `(d, d)` of source and target under the entropic plan [janati2020entropic]_:

    .. math:: S_s^{1/2} \bigl(S_s^{1/2} S_t S_s^{1/2} + \tfrac{\varepsilon^2}{16} I\bigr)^{1/2} S_s^{-1/2}
              - \tfrac{\varepsilon}{4} I
    """
    root, back = _power(source.cov, 0.5), _power(source.cov, -0.5)
    eye = torch.eye(source.dim, dtype=torch.float64)
    return root @ _power(root @ target.cov.double() @ root + eps**2 / 16 * eye, 0.5) @ back - eps / 4 * eye


def entropic_cost(source: GaussianLaw, target: GaussianLaw, eps: float) -> float:
    r"""The value between two laws [janati2020entropic]_, with the covariance K of source and target under the plan:

    .. math:: |m_s - m_t|^2 + \operatorname{tr}(S_s + S_t - 2 K)
              - \tfrac{\varepsilon}{2} \log \det\bigl(I - S_s^{-1} K S_t^{-1} K^T\bigr)

    The last term is the mutual information of the plan, times eps.
    """
    K = entropic_cross(source, target, eps)
    eye = torch.eye(source.dim, dtype=torch.float64)
    spread = torch.trace(source.cov.double() + target.cov.double() - 2 * K)
    inner = torch.linalg.solve(source.cov.double(), K) @ torch.linalg.solve(target.cov.double(), K.T)
    shift = (source.mean - target.mean).double().square().sum()
    return float(shift + spread - eps / 2 * torch.logdet(eye - inner))


def gaussian_divergence(source: GaussianLaw, target: GaussianLaw, eps: float) -> float:
    """The Sinkhorn divergence of two laws: the value between them less the mean of those onto themselves."""
    own = [entropic_cost(law, law, eps) for law in (source, target)]
    return entropic_cost(source, target, eps) - sum(own) / 2


def unbalanced_cost(
    source: GaussianLaw, target: GaussianLaw, masses: tuple[float, float], eps: float, rho: float
) -> float:
    r"""The value where masses are `m_s` and `m_t`, and both marginals are held by `rho KL` [janati2020entropic]_.

    The plan is a Gaussian of mass m, and the value `rho (m_s + m_t) + eps m_s m_t - (2 rho + eps) m`. Its marginals are
    the laws times `exp(-f / rho)` and `exp(-g / rho)`, hence its precision `[[P, -2/eps], [-2/eps, Q]]`: with
    `l = (rho + eps) / 2`, `k = 4 rho / (eps^2 (rho + eps))`, `A = (S_s^{-1} + 1/l)^{-1}` and B likewise,

    .. math:: P = A^{-1} W, \quad Q = W B^{-1}, \quad W = \tfrac12 I + \bigl(\tfrac14 I + k A B\bigr)^{1/2}

    and its means `m_s - S_s w`, `m_t + S_t w` with `(S_s + S_t + l) w = m_s - m_t`. Its density is known at the means
    up to the mass, which follows.
    """
    d, eye = source.dim, torch.eye(source.dim, dtype=torch.float64)
    S, T = source.cov.double(), target.cov.double()
    half = (rho + eps) / 2
    A, B = (torch.linalg.inv(torch.linalg.inv(cov) + eye / half) for cov in (S, T))
    root, back = _power(A, 0.5), _power(A, -0.5)
    inner = _power(eye / 4 + 4 * rho / (eps**2 * (rho + eps)) * root @ B @ root, 0.5)
    W = eye / 2 + root @ inner @ back
    precision = torch.cat(
        [
            torch.cat([torch.linalg.solve(A, W), -2 / eps * eye], 1),
            torch.cat([-2 / eps * eye, W @ torch.linalg.inv(B)], 1),
        ]
    )
    plan = torch.linalg.inv((precision + precision.T) / 2)
    w = torch.linalg.solve(S + T + half * eye, (source.mean - target.mean).double())
    lost = torch.zeros((), dtype=torch.float64)
    for cov, own in ((S, plan[:d, :d]), (T, plan[d:, d:])):
        # twice the logarithm of the law over the plan's marginal, at the plan's mean
        ratio = torch.logdet(own) - torch.logdet(cov) - w @ cov @ w
        lost = lost + rho / (2 * eps) * ratio - (torch.logdet(2 * math.pi * cov) + w @ cov @ w) / 2
    peak = lost - (half * w).square().sum() / eps + torch.logdet(2 * math.pi * plan) / 2
    held = (1 + rho / eps) * math.log(masses[0] * masses[1]) + peak
    mass = math.exp(float(held) / (1 + 2 * rho / eps))
    return rho * sum(masses) + eps * masses[0] * masses[1] - (2 * rho + eps) * mass
