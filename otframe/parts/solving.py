"""Calling a solver that came as a parameter: palettes and other clouds, whatever kind of measure the solver takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch

from otframe.errors import ParameterError
from otframe.interfaces import Context, Solver
from otframe.ports import Port, describe, signature, unify
from otframe.values import GaussianLaw, PointCloud, Transport

__all__ = ["law_of", "mean_between", "transport_between"]


def transport_between(solver: Solver, source: PointCloud, target: PointCloud, ctx: Context) -> Transport:
    """The transport from one cloud to another, by a solver of clouds or of Gaussian laws.

    Parameters
    ----------
    solver : Solver
        Its first two ports take a `PointCloud`, or a `GaussianLaw`, which is then estimated from the cloud.
    source, target : PointCloud
        n and m points in one dimension.
    ctx : Context
        Lent to the solver.

    Returns
    -------
    Transport
        What the solver gives. `ParameterError` where it takes other things.
    """
    ports = signature(type(solver), "solve").inputs
    if len(ports) < 2 or any(port.required for port in ports[2:]) or {port.gather for port in ports[:2]} != {"one"}:
        raise _unfit(solver, "a transport from a source to a target", "sliced.transport")
    first, second = (_as_wanted(solver, port, cloud) for port, cloud in zip(ports, (source, target), strict=False))
    return cast(Transport, ctx.call(_solve(solver), **{ports[0].name: first, ports[1].name: second}))


def mean_between(solver: Solver, clouds: Sequence[PointCloud], ctx: Context) -> PointCloud | GaussianLaw:
    """The barycentre of clouds, by a solver of clouds or of Gaussian laws.

    Parameters
    ----------
    solver : Solver
        Its only port takes a sequence of `PointCloud`, or of `GaussianLaw`, which are then estimated.
    clouds : sequence of PointCloud
        In one dimension.
    ctx : Context
        Lent to the solver.

    Returns
    -------
    PointCloud or GaussianLaw
        What the solver gives. `ParameterError` where it takes other things.
    """
    ports = signature(type(solver), "solve").inputs
    if not ports or ports[0].gather != "sequence" or any(port.required for port in ports[1:]):
        raise _unfit(solver, "the barycentre of a sequence of clouds", "sliced.barycenter")
    given = [_as_wanted(solver, ports[0], cloud) for cloud in clouds]
    return cast("PointCloud | GaussianLaw", ctx.call(_solve(solver), **{ports[0].name: given}))


def law_of(cloud: PointCloud) -> GaussianLaw:
    """Mean and covariance of a cloud; the covariance of one point, or of equal ones, is zero."""
    moments = cloud.moments()
    freedom = moments.freedom
    spread = moments.scatter / freedom if freedom > 0 else torch.zeros_like(moments.scatter)
    return GaussianLaw(moments.mean, spread, round(moments.count))


def _as_wanted(solver: Solver, port: Port, cloud: PointCloud) -> PointCloud | GaussianLaw:
    if unify(port.hint, type(cloud), {}) is not None:
        return cloud
    if unify(port.hint, GaussianLaw, {}) is not None:
        return law_of(cloud)
    raise _unfit(solver, f"points or Gaussian laws (its port '{port.name}' takes {describe(port.hint)})", "")


def _solve(solver: Solver) -> Any:
    return solver.solve  # type: ignore[attr-defined]


def _unfit(solver: Solver, wanted: str, example: str) -> ParameterError:
    return ParameterError(
        f"wanted a solver of {wanted}, got a {type(solver).__name__}",
        hint=f"such as {example}" if example else "`otframe list` names the solvers that are installed",
    )
