"""`color.relaxed`: a map between palettes that may leave masses unequal, and moves like colours alike."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field as Parameter

from otframe.errors import ConvergenceError, DataError
from otframe.interfaces import Component, Context, Solver
from otframe.values import PointCloud, PointMap, SolveInfo
from otframe.values.maps import interpolated
from otframe_color.palette import masses, palette
from otframe_color.relaxed_plan import solved
from otframe_color.relaxed_problem import Problem, neighbours

__all__ = ["RelaxedTransport"]

_NEAR = 4
_REACH, _HELD = 1.0, 0.05
_PIECE = 4096


class RelaxedTransport(Solver):
    r"""Relaxed and regularised transport between palettes [ferradans2014regularized]_:

    .. math:: \min_{\pi \ge 0} \; \sum_{ij} \pi_{ij} |x_i - y_j|^2 + \lambda \, |G V|, \qquad
              \sum_j \pi_{ij} = a_i, \quad k \, b_j \le \sum_i \pi_{ij} \le K \, b_j

    where `V_i = sum_j pi_ij y_j / a_i - x_i` is the displacement and `G V` its slopes along the edges of the graph of
    nearest neighbours among the x, averaged over edges. The bounds let the target's colours be used more or less often
    than they occur, where a large part of an image would have to be torn otherwise; the slopes keep like colours
    together.

    Both clouds are replaced by palettes of means first. The problem is solved by primal-dual steps to a gap that is
    proven. From the palette, the displacement is carried to all colours by affine fits to near ones, and in three
    dimensions to a table.
    """

    references: ClassVar[tuple[str, ...]] = (
        *("ferradans2014regularized", "pock2011diagonal", "applegate2021practical", "arthur2007kmeans"),
    )

    palette: int = Parameter(default=128, ge=1, le=2048)
    """Colours of each palette at most."""

    regularity: float = Parameter(default=0.02, ge=0.0, le=1e6)
    """The weight lambda of the slopes; the squared spread of both clouds is the unit of the cost."""

    norm: Literal["absolute", "squared"] = "absolute"
    """Slopes count by their absolute values, so that the displacement may break in few places, or squared."""

    low: float = Parameter(default=0.8, ge=0.0, le=1.0)
    """k: the least part of its mass that a colour of the target takes."""

    high: float = Parameter(default=1.25, ge=1.0, le=1e6)
    """K: how many times its mass it takes at most."""

    neighbours: int = Parameter(default=6, ge=1, le=100)
    """Edges of the graph at each colour of the source, at least."""

    tolerance: float = Parameter(default=5e-3, gt=0.0, lt=1.0)
    """The gap between the plan and what is proven to be the least, in units of the squared spread."""

    max_iter: int = Parameter(default=30_000, ge=1)
    """Steps after which it counts as not reached."""

    table: int = Parameter(default=33, ge=0, le=129)
    """Nodes on each axis of the table in three dimensions; 0 for no table."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default, one with squared slopes, and plain transport between small palettes."""
        return [
            cls(palette=16, tolerance=0.01),
            cls(palette=16, norm="squared", tolerance=0.01),
            cls(palette=8, regularity=0.0, low=1.0, high=1.0, tolerance=0.01),
        ]

    def solve(self, source: PointCloud, target: PointCloud, *, ctx: Context) -> PointMap:
        """Find the map.

        Parameters
        ----------
        source, target : PointCloud
            n and m points in one dimension d, weighted or not. Weights are scaled to sum 1. `DataError` where something
            is NaN or infinite, or a cloud has no mass.
        ctx : Context
            The palettes are drawn from it; also told the progress.

        Returns
        -------
        PointMap
            `points` and `images` are those of the source's palette, `cost` is that of the plan between the palettes and
            `info.residual` the gap, both in squared units of the points. `ConvergenceError` with the map where the
            tolerance is not reached.
        """
        if source.dim != target.dim:
            raise DataError(
                f"the clouds have dimensions {source.dim} and {target.dim}",
                hint="give points of the same space, such as colours of images with as many channels",
            )
        x, a = palette(*masses(source, "source"), self.palette, ctx.rng)
        goal, b = masses(target, "target")
        y, b = palette(goal.to(x.device), b.to(x.device), self.palette, ctx.rng)
        centre = (a @ x + b @ y) / 2
        spread = float(((a @ (x - centre).square() + b @ (y - centre).square()).sum() / 2).sqrt())
        unit = spread if spread > 0 else 1.0
        inner, outer = (x - centre) / unit, (y - centre) / unit
        edges = neighbours(inner, self.neighbours)
        problem = Problem(inner, outer, a, self.low * b, self.high * b, edges, self.regularity, self.norm)
        found = solved(problem, gap=self.tolerance, max_iter=self.max_iter, ctx=ctx)
        reached = found.gap <= self.tolerance
        info = SolveInfo(found.iterations, reached, found.gap * unit**2)
        shift = (found.shares @ outer - inner) * unit
        made = self._carried(x, shift, problem.cost(found.shares) * unit**2, info, source)
        if not reached:
            raise ConvergenceError(
                f"the relaxed transport was not reached in {self.max_iter} steps: its gap is {found.gap:.1e} of the "
                f"squared spread, wanted {self.tolerance:.0e}",
                hint="raise max_iter or tolerance, or take a smaller palette",
            ).reached(made)
        return made

    def _carried(
        self, x: torch.Tensor, shift: torch.Tensor, cost: float, info: SolveInfo, source: PointCloud
    ) -> PointMap:
        dtype = torch.promote_types(source.points.dtype, torch.float32)
        if self.table < 2 or x.shape[1] != 3:
            return PointMap(cost, info, x.to(dtype), (x + shift).to(dtype))
        corners = source.points.to(torch.float64)
        low, high = corners.amin(0), corners.amax(0)
        # an axis on which all points agree gets some width, also where the origin is far
        high = torch.where(high > low, high, low + 1 + 1e-6 * low.abs())
        axes = [torch.linspace(0, 1, self.table, dtype=torch.float64).to(x)] * 3
        nodes = low + (high - low) * torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
        table = spread_out(x, shift, nodes.reshape(-1, 3)).reshape(nodes.shape)
        images = x + interpolated(table, low, high, x)
        return PointMap(cost, info, x.to(dtype), images.to(dtype), table.to(dtype), low.to(dtype), high.to(dtype))


def spread_out(x: torch.Tensor, values: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Values `(n, c)` that are known at x at other points: affine fits to near ones, as wide as these are apart there.

    Slopes are held down where the near ones do not tell them.
    """
    made = []
    middle = x.mean(0)
    x, points = x - middle, points - middle
    eye = torch.eye(x.shape[1], dtype=x.dtype).to(x)
    least = 1e-12 * float(x.square().sum(1).amax()) + 1e-100
    for part in points.split(_PIECE):
        apart = torch.cdist(part, x, compute_mode="donot_use_mm_for_euclid_dist").square()
        width = apart.topk(min(_NEAR, len(x)), dim=1, largest=False).values.mean(1, keepdim=True)
        near = torch.where(width > 0, apart / torch.where(width > 0, width, torch.ones_like(width)), 0.0)
        share = torch.softmax(-near / _REACH, dim=1)
        centre, level = share @ x, share @ values
        second = torch.einsum("pn,ni,nj->pij", share, x, x) - centre[:, :, None] * centre[:, None]
        mixed = torch.einsum("pn,ni,nc->pic", share, x, values) - centre[:, :, None] * level[:, None]
        held = _HELD * width + least
        slope = torch.linalg.solve(second + held[:, :, None] * eye, mixed)
        made.append(level + torch.einsum("pi,pic->pc", part - centre, slope))
    return torch.cat(made)
