"""An operator judged beside its medium, against matrices that are written out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from otframe_unscramble import judge
from otframe_unscramble.judge import Judge
from otframe_unscramble.scrambling.glitter import Glitter
from otframe_unscramble.scrambling.permutation import Permutation
from otframe_unscramble.values import Scrambler, Unscrambler

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import DenseMap, LowRankMap, SolveInfo, SparseMap

SIZE = (6, 7)
COUNT = 42


def sparse(matrix: torch.Tensor) -> SparseMap:
    columns = torch.arange(matrix.shape[1]).expand(matrix.shape)
    return SparseMap.of_slots(columns, matrix, matrix.shape[1])


def judged(map, medium: Scrambler) -> dict[str, float | str | None]:
    operator = Unscrambler(map, medium.target, medium.source, SolveInfo(1, True, 0.0))
    table = Judge()(operator, medium, ctx=Context())
    return dict(zip(table.columns, table.rows[0], strict=True))


@pytest.fixture(params=[4_000_000, 100])
def permutation(request, monkeypatch) -> Scrambler:
    """In one block, and in many."""
    monkeypatch.setattr(judge, "_AT_ONCE", request.param)
    return Permutation(height=6, width=7)(ctx=Context())


@pytest.fixture
def glitter() -> Scrambler:
    """A sensor of another size, and points that are not seen."""
    return Glitter(height=6, width=7, sensor_height=8, sensor_width=5, facets=0.7)(ctx=Context())


def random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("form", [sparse, DenseMap, lambda a: LowRankMap(a, torch.eye(a.shape[1]))])
def test_the_inverse_is_right(form, permutation):
    found = judged(form(permutation.map.dense().T.contiguous()), permutation)
    assert found == {
        "operator": "operator",
        "right argmax": 1.0,
        "|A - A*|": 0.0,
        "|A S - I|": 0.0,
        "entries a row": 1.0,
        "pixels used": 1.0,
        "degenerate rows": 0.0,
        "unseen": 0.0,
    }


@pytest.mark.parametrize("form", [sparse, DenseMap, lambda a: LowRankMap(a, torch.eye(a.shape[1]))])
def test_numbers_are_those_of_the_matrices(form, permutation):
    wanted = permutation.map.dense().T
    matrix = 0.4 * random(1, COUNT, COUNT) * (random(2, COUNT, COUNT) > 0.5) + wanted
    matrix[:5] = -wanted[:5]  # the right pixel has the least weight
    found = judged(form(matrix), permutation)
    assert found["|A - A*|"] == pytest.approx(float((matrix - wanted).norm() / wanted.norm()), rel=1e-5)
    assert found["|A S - I|"] == pytest.approx(found["|A - A*|"])
    right = matrix.argmax(1) == wanted.argmax(1)
    assert 0.2 < found["right argmax"] < 0.9
    assert found["right argmax"] == pytest.approx(float(right.float().mean()))
    assert found["entries a row"] == pytest.approx(float((matrix != 0).float().sum(1).mean()))
    assert found["pixels used"] == pytest.approx(len(matrix[5:].argmax(1).unique()) / COUNT, abs=0.05)


@pytest.mark.parametrize("form", [sparse, DenseMap])
def test_rows_without_one_largest_weight_are_told_and_wrong(form, permutation):
    wanted = permutation.map.dense().T
    matrix = wanted.clone()
    matrix[0] = 0
    matrix[1] = 0.5
    matrix[2] = -matrix[2]  # negative where it has weight: the zeros are tied
    tied, alone = [row for row in range(3, COUNT) if int(wanted[row].argmax()) < COUNT - 1][:2]
    matrix[tied, -1] = 1.0  # behind the right one
    matrix[alone] = wanted[alone] - 1.0  # nothing is more than less than nothing: one largest weight
    found = judged(form(matrix), permutation)
    assert found["degenerate rows"] == pytest.approx(4 / COUNT)
    assert found["right argmax"] == pytest.approx(1 - 4 / COUNT)


@pytest.mark.parametrize("form", [sparse, DenseMap])
def test_for_glitter_the_pixel_that_sees_a_point_most_is_right(form, glitter):
    dense = glitter.map.dense()
    seen = dense.sum(0) > 0
    assert 0 < int((~seen).sum()) < COUNT
    found = judged(form(dense.T.contiguous()), glitter)
    assert found["right argmax"] == 1.0
    assert found["|A - A*|"] is None
    assert found["unseen"] == pytest.approx(float((~seen).float().mean()))
    matrix = random(4, COUNT, 40)
    found = judged(form(matrix), glitter)
    right = matrix.argmax(1) == dense.argmax(0)
    assert found["right argmax"] == pytest.approx(float(right[seen].float().mean()))
    assert found["|A S - I|"] == pytest.approx(float((matrix @ dense - torch.eye(COUNT)).norm() / COUNT**0.5), rel=1e-5)


def test_a_dense_medium_is_judged_as_a_sparse_one(glitter):
    matrix = random(5, COUNT, 40)
    assert judged(DenseMap(matrix), replace(glitter, map=DenseMap(glitter.map.dense()))) == pytest.approx(
        judged(DenseMap(matrix), glitter)
    )


def test_an_operator_for_another_size_is_refused(permutation):
    other = Permutation(height=7, width=6)(ctx=Context())
    operator = Unscrambler(other.map, other.source, other.target, SolveInfo(1, True, 0.0))
    with pytest.raises(DataError, match="7 x 6"):
        Judge()(operator, permutation, ctx=Context())
