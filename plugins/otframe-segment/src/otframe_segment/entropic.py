"""Transport to an exemplar with an entropy: a likelihood whose densities may be used up."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe_segment.terms import Slot, Term

__all__ = ["EntropicTerm"]

_TINY = 1e-300


@dataclass(eq=False)
class EntropicTerm(Term):
    r"""`Term` with an entropy of the plan, relative to the exemplar.

    .. math:: \min_P \sum_{ij} P_{ij} C_{ij} + \sum_i w_i + \varepsilon \sum_{ij} P_{ij} \log \frac{P_{ij}}{z_i a_j}
              + \varepsilon \sum_i w_i \log \frac{w_i}{z_i}, \quad w_i = z_i - \sum_j P_{ij}

    It is convex and of degree 1 still, and its potentials are soft minima weighted by the exemplar,

    .. math:: f_i = -\varepsilon \log \Bigl( e^{-1 / \varepsilon} + \sum_j a_j e^{-(C_{ij} + g_j) / \varepsilon} \Bigr)

    Without prices, where there is room for all, that is the logarithm of a kernel estimate of the density of the
    exemplar's colours: the likelihood that a Bayes classifier takes. With prices, likely colours may be used up.
    """

    entropy: float = 0.1

    def add_prices(self, into: dict[Slot, torch.Tensor], blur: float) -> None:
        """Add what a pixel of each colour costs its region: exact for any blur, which is not used."""
        assert self.exemplar is not None
        into[self.source] += self.weight * -self.entropy * torch.logsumexp(self._logits(), 1)
        into[self.source] -= self.weight * self.capacity * (self.exemplar * self.prices).sum()

    def plan(self, histograms: dict[Slot, torch.Tensor], blur: float) -> torch.Tensor:
        """The plan of least cost under the prices, `(M, m)`."""
        return torch.softmax(self._logits(), 1)[:, :-1] * histograms[self.source][:, None].clamp(min=0)

    def ascend(self, histograms: dict[Slot, torch.Tensor], blur: float, step: float) -> None:
        """Raise the price of colours that are used beyond their room, and lower it where room is left."""
        super().ascend(histograms, self.entropy, 0.5 * step)

    def value(self, histograms: dict[Slot, torch.Tensor], blur: float) -> float:
        """The cost of a plan that keeps to all bounds."""
        assert self.exemplar is not None
        mass = histograms[self.source].clamp(min=0)
        plan = self.plan(histograms, blur)
        room = self.offered(histograms).clamp(min=0)
        kept = plan * (room / plan.sum(0).clamp(min=_TINY)).clamp(max=1)
        lost, rest = (plan - kept).sum(1), (room - kept.sum(0)).clamp(min=0)
        kept = kept + lost[:, None] * rest / torch.maximum(rest.sum(), lost.sum()).clamp(min=_TINY)
        wasted = (mass - kept.sum(1)).clamp(min=0)
        spent = (kept * self.cost).sum() + self.waste * wasted.sum()
        relative = mass[:, None] * self.exemplar
        told = torch.special.xlogy(kept, kept / relative.clamp(min=_TINY)).sum()
        told = told + torch.special.xlogy(wasted, wasted / mass.clamp(min=_TINY)).sum()
        return self.weight * float(spent + self.entropy * told)

    def _logits(self) -> torch.Tensor:
        assert self.exemplar is not None
        near = self.exemplar.log() - (self.cost + self.prices) / self.entropy
        return torch.cat([near, near.new_full((len(near), 1), -self.waste / self.entropy)], 1)
