"""`unscramble.judge`: a learnt operator beside the medium that it undoes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array, vstack

from otframe.errors import DataError
from otframe.interfaces import Context, Transform
from otframe.values import LinearMap, SparseMap, Table
from otframe_unscramble.values import Scrambler, Unscrambler

__all__ = ["Judge"]

_AT_ONCE = 4_000_000
"""Numbers of a matrix that are written out at a time."""

_EQUAL = 1e-6
"""Weights whose relative difference is below this are one."""


class Judge(Transform):
    r"""How near a learnt operator A is to undoing the medium S that it was learnt for, in a simulation.

    `right argmax` is the share of scene pixels whose largest weight is on the sensor pixel which sees them most; pixels
    that no sensor pixel sees are not counted, and a tie between weights is wrong. `|A - A*|` is the Frobenius distance
    from the inverse, in parts of the inverse's norm; it is there where S is a permutation and so :math:`A^* = S^\top`.
    `|A S - I|`, in parts of the norm of I, is the same number for a permutation and is there for every S, but what S
    loses no A brings back: then it has a floor above 0. `entries a row` are weights other than 0. `pixels used` is the
    share of sensor pixels on which the largest weight of some row is; for a permutation 1 is right. `degenerate rows`
    is the share without one largest weight: empty, constant or tied; `unseen` the share of scene pixels not in S.

    Sparse maps are never written out, others in blocks of rows.
    """

    def __call__(self, operator: Unscrambler, scrambler: Scrambler, *, ctx: Context) -> Table:
        """One row, named after the item.

        Parameters
        ----------
        operator : Unscrambler
            What was learnt, finite.
        scrambler : Scrambler
            The truth, between the same sizes.
        """
        if operator.source != scrambler.target or operator.target != scrambler.source:
            raise DataError(
                f"the operator takes {_size(operator.source)} to {_size(operator.target)} pixels, "
                f"the scrambler {_size(scrambler.source)} to {_size(scrambler.target)}: one must lead back",
                port="operator",
            )
        medium = _compressed(scrambler.map)
        permutation = _is_permutation(medium)
        scene = medium.shape[1]
        best = np.asarray(medium.max(axis=0).todense()).reshape(-1)
        seen = best > 0
        used: set[int] = set()
        right = degenerate = entries = 0
        apart = 0.0
        for start, rows in _blocks(operator.map):
            ctx.progress(start / scene)
            count = rows.shape[0]
            pixels, single = _largest(rows)
            number = np.arange(start, start + count)
            weight = np.asarray(medium[pixels, number]).reshape(-1)
            hit = single & seen[number] & (weight >= (1 - _EQUAL) * best[number])
            right += int(hit.sum())
            degenerate += int((~single).sum())
            used.update(pixels[single].tolist())
            entries += int(rows.count_nonzero() if isinstance(rows, csr_array) else np.count_nonzero(rows))
            apart += _from_identity(rows @ medium, start)
        found = (apart / scene) ** 0.5
        return Table(
            (
                "operator",
                "right argmax",
                "|A - A*|",
                "|A S - I|",
                "entries a row",
                "pixels used",
                "degenerate rows",
                "unseen",
            ),
            (
                (
                    ctx.key or "operator",
                    right / int(seen.sum()) if seen.any() else None,
                    found if permutation else None,
                    found,
                    entries / scene,
                    len(used) / medium.shape[0],
                    degenerate / scene,
                    int((~seen).sum()) / scene,
                ),
            ),
            "How far the operator undoes the scrambling",
            ("", "higher", "lower", "lower", "", "", "lower", ""),
        )


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _csr(map: SparseMap) -> Any:
    parts = (part.detach().cpu().numpy() for part in (map.weights.double(), map.columns, map.starts))
    made = csr_array(tuple(parts), shape=map.shape)
    made = made.copy()
    made.sum_duplicates()
    made.eliminate_zeros()
    return made


def _compressed(map: LinearMap) -> Any:
    """Any map in compressed rows, float64."""
    if isinstance(map, SparseMap):
        return _csr(map)
    return vstack([csr_array(rows) for _, rows in _blocks(map)], format="csr")


def _blocks(map: LinearMap) -> Iterator[tuple[int, Any]]:
    """Blocks of a map's rows in order, sparse where it is, float64, with the number of the first."""
    count, width = map.shape
    each = max(1, _AT_ONCE // width)
    whole = _csr(map) if isinstance(map, SparseMap) else None
    for start in range(0, count, each):
        stop = min(start + each, count)
        yield start, map.rows(start, stop).detach().double().cpu().numpy() if whole is None else whole[start:stop]


def _largest(rows: Any) -> tuple[np.ndarray, np.ndarray]:
    """Of each row, the column of its largest weight and whether that is larger than all others."""
    count, width = rows.shape
    pixels = np.asarray(rows.argmax(axis=1)).reshape(-1)
    if not isinstance(rows, csr_array):
        most = rows[np.arange(count), pixels]
        return pixels, ((rows == most[:, None]).sum(1) == 1) & ((most != 0) | (width > 1))
    most = np.asarray(rows[np.arange(count), pixels]).reshape(-1)
    held = np.diff(rows.indptr)
    owner = np.repeat(np.arange(count), held)
    equal = np.bincount(owner[rows.data == most[owner]], minlength=count)
    return pixels, (equal + np.where(most == 0, width - held, 0)) == 1


def _from_identity(product: Any, start: int) -> float:
    """The squared Frobenius distance of a block of rows from those of the identity."""
    count = product.shape[0]
    if isinstance(product, np.ndarray):
        product[np.arange(count), np.arange(start, start + count)] -= 1
        return float(np.square(product).sum())
    held = product.indices == np.repeat(np.arange(start, start + count), np.diff(product.indptr))
    absent = count - int(held.sum())
    return float(np.square(product.data - held).sum()) + absent


def _is_permutation(medium: Any) -> bool:
    height, width = medium.shape
    return bool(
        height == width == medium.nnz
        and (medium.data == 1).all()
        and (np.diff(medium.indptr) == 1).all()
        and (np.bincount(medium.indices, minlength=width) == 1).all()
    )
