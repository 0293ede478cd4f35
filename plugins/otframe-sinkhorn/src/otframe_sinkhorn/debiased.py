r"""`between`: the value of the Sinkhorn divergence and its derivatives in the masses, from potentials.

.. math:: S(a, b) = OT(a, b) - \tfrac12 OT(a, a) - \tfrac12 OT(b, b) + \tfrac{\varepsilon}{2} (m_a - m_b)^2

All are taken by their dual values. Those of any potentials are lower bounds, and with the potentials p of (a, a) and q
of (b, b) for (a, b) the value is a squared norm, `eps / 2 |a exp(p / eps) - b exp(q / eps)|^2` in the kernel: the
larger of the two is never negative, however far the iterations went [feydy2019interpolating]_,
[sejourne2019sinkhorn]_.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from otframe_sinkhorn.iteration import Halves, Solution, against
from otframe_sinkhorn.logarithms import logarithm
from otframe_sinkhorn.symmetric import Symmetric

__all__ = ["Debiased", "between"]

_FAR, _LARGE = 50.0, 650.0
"""Exponents of errors, and of masses, are not followed beyond this."""
_MET = 1e-9
"""Marginal error under which a problem counts as solved before it is begun."""
_EQUAL = 1e-13
"""Values that differ by less, as a part of what they are made of, differ by rounding."""


@dataclass(frozen=True)
class Debiased:
    """Sinkhorn divergences of a batch.

    Parameters
    ----------
    values : torch.Tensor
        `(B,)`, float64, 0 or more, in units of the cost.
    f, g : torch.Tensor
        The potentials between both, right also where there is no mass.
    p, q : torch.Tensor
        The potentials of the source onto itself and of the target onto itself, likewise.
    iterations : list of int
    residuals : list of float
        The largest marginal error of the three problems, in L1 and relative.
    """

    values: torch.Tensor
    f: torch.Tensor
    g: torch.Tensor
    p: torch.Tensor
    q: torch.Tensor
    iterations: list[int]
    residuals: list[float]

    def by_masses(self, eps: float, rho: float) -> tuple[torch.Tensor, torch.Tensor]:
        """The derivatives of the values in the masses, `(B, ...)` each: those at fixed potentials (envelope theorem).

        Without a price on mass they are given up to a constant, which masses of sum 1 do not see.
        """
        if math.isinf(rho):
            return self.f - self.p, self.g - self.q
        return tuple(  # type: ignore[return-value]
            (rho + eps) * _apart(own, now, rho) for now, own in ((self.f, self.p), (self.g, self.q))
        )


def between(
    problem: Halves, source: Symmetric, target: Symmetric, solve: Callable[[], Solution], tol: float
) -> Debiased:
    """The divergences of a batch.

    Parameters
    ----------
    problem : Halves
        Source and target.
    source, target : Symmetric
        What was found of each onto itself.
    solve : callable
        Solves the problem. It is not asked where the potentials p and q solve it: between equal measures.
    tol : float
        The marginal error that is asked for.
    """
    eps, rho, scale, at = problem.eps, problem.rho, problem.damping * problem.eps, range(len(problem.a))
    log_a, log_b = logarithm(problem.a), logarithm(problem.b)
    met = problem.to_source(target.p / eps + log_b, at)
    norm = eps / 2 * (source.total + target.total - 2 * _total(torch.exp(source.p / eps + log_a + met)))
    start = met.mul_(-scale)
    errors = _missed(problem.a, (source.p - start) / scale)
    equal = [error < min(_MET, tol) for error in errors]
    solved = Solution(start, target.p, [0] * len(errors), errors) if all(equal) else solve()
    # from here each step can only raise the dual value
    g = problem.to_target(solved.f / eps + log_a, at).mul_(-scale)
    f = problem.to_source(g / eps + log_b, at).mul_(-scale)
    total = _total(problem.b if math.isinf(rho) else torch.exp(log_b - g / rho))
    value = _gained(problem.a, solved.f, source.p, rho) + _gained(problem.b, g, target.p, rho)
    value = value - eps * (total - source.total / 2 - target.total / 2)
    rounding = _EQUAL * (value.abs() + eps * (source.total + target.total))
    # p and q may be as good, or better: then they are the potentials
    own = (norm >= value - rounding) | torch.stack([value.new_full((), float(one)) for one in equal]).bool()
    back = problem.to_target(source.p / eps + log_a, at).mul_(-scale)
    residuals = [first if same else last for first, last, same in zip(errors, solved.residuals, equal, strict=True)]
    return Debiased(
        torch.where(own, norm, value).clamp(min=0),
        torch.where(against(own, f), start, f),
        torch.where(against(own, g), back, g),
        source.updated,
        target.updated,
        [n + source.iterations + target.iterations for n in solved.iterations],
        [max(three) for three in zip(residuals, source.residuals, target.residuals, strict=True)],
    )


def _missed(mass: torch.Tensor, over: torch.Tensor) -> list[float]:
    """Errors of marginals that are what they should be times `exp(over)`, in L1 and relative."""
    over = torch.where(mass > 0, over, 0.0).clamp(max=_FAR)
    return [float(part) for part in _total(mass * torch.expm1(over).abs()) / _total(mass)]


def _gained(mass: torch.Tensor, now: torch.Tensor, own: torch.Tensor, rho: float) -> torch.Tensor:
    """What the potentials `now` give more for the masses than their `own` do, `(B,)`."""
    if math.isinf(rho):
        return _total(mass * (now - own))
    return _total(torch.where(mass > 0, mass * rho * _apart(own, now, rho), 0.0))


def _apart(own: torch.Tensor, now: torch.Tensor, rho: float) -> torch.Tensor:
    """`exp(-own / rho) - exp(-now / rho)`, right also where both are close."""
    least = torch.minimum(own, now)
    apart = torch.exp((-least / rho).clamp(max=_LARGE)) * -torch.expm1(-(own - now).abs() / rho)
    return torch.where(own <= now, apart, -apart)


def _total(values: torch.Tensor) -> torch.Tensor:
    return values.flatten(1).sum(1)
