"""Linear maps: dense, of low rank and sparse ones do what their matrix does, come back as they were, and refuse."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from otframe.errors import DataError
from otframe.registry import Registry
from otframe.values import DenseMap, LowRankMap, SparseMap
from otframe.values.codec import from_bytes, to_bytes

SEEDS = st.integers(0, 2**31)


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def compressed(matrix):
    """A matrix in compressed rows, entry by entry."""
    starts, columns, weights = [0], [], []
    for row in matrix.tolist():
        held = [(j, weight) for j, weight in enumerate(row) if weight != 0]
        columns += [j for j, _ in held]
        weights += [weight for _, weight in held]
        starts.append(len(columns))
    numbers = torch.tensor(starts), torch.tensor(columns, dtype=torch.int64)
    return SparseMap(*numbers, torch.tensor(weights, dtype=matrix.dtype), matrix.shape[1])


def maps(m, n, seed, dtype=torch.float64):
    """Each kind of map, with its matrix and the numbers that it is made of."""
    full = normal(m, n, seed=seed, dtype=dtype)
    left, right = normal(m, 3, seed=seed + 1, dtype=dtype), normal(3, n, seed=seed + 2, dtype=dtype)
    thin = full * (normal(m, n, seed=seed + 3) > 0.5)
    thin[m // 2] = 0  # a row without entries
    product = torch.stack([sum(left[:, k, None] * right[k] for k in range(3))])[0]
    return [
        (DenseMap(full), full, m * n),
        (LowRankMap(left, right), product, 3 * (m + n)),
        (compressed(thin), thin, int((thin != 0).sum())),
    ]


@settings(max_examples=25, deadline=None)
@given(m=st.integers(1, 8), n=st.integers(1, 8), k=st.integers(0, 5), seed=SEEDS)
def test_each_is_its_matrix(m, n, k, seed):
    for made, matrix, numbers in maps(m, n, seed):
        assert made.shape == (m, n)
        assert made.entries == numbers
        assert torch.allclose(made.dense(), matrix, atol=1e-12)
        rows = normal(k, n, seed=seed + 9, dtype=torch.float64)
        wanted = torch.stack([matrix @ row for row in rows]) if k else torch.empty(0, m).double()
        assert made(rows).shape == (k, m)
        assert torch.allclose(made(rows), wanted, atol=1e-12)
        for start in range(m):
            for stop in range(start, m + 1):
                assert torch.allclose(made.rows(start, stop), matrix[start:stop], atol=1e-12)


def test_rows_come_in_any_precision_and_keep_it():
    rows = normal(4, 6, dtype=torch.float64)
    for made, matrix, _ in maps(5, 6, 3, torch.float32):
        assert made(rows).dtype == torch.float64
        assert torch.allclose(made(rows), rows @ matrix.double().T, atol=1e-6)
        assert made(rows.float()).dtype == torch.float32


def test_each_comes_back_from_bytes():
    registry = Registry(allow=[])
    for made, _, _ in maps(5, 4, 7, torch.float32):
        back = from_bytes(to_bytes(made, registry), registry)
        assert type(back) is type(made)
        assert back.shape == made.shape
        assert torch.equal(back.dense(), made.dense())
        assert back.dense().dtype == torch.float32
        assert to_bytes(back, registry) == to_bytes(made, registry)


def test_slots_of_no_weight_are_left_out():
    columns = torch.tensor([[2, 0], [1, 1], [0, 2]])
    weights = torch.tensor([[0.5, 0.0], [1.0, 2.0], [0.0, 0.0]])
    made = SparseMap.of_slots(columns, weights, 4)
    assert made.entries == 3
    assert made.numbers.tolist() == [0, 1, 1]
    # what is there twice counts twice, written out and applied
    wanted = torch.tensor([[0, 0, 0.5, 0], [0, 3.0, 0, 0], [0, 0, 0, 0]])
    assert torch.equal(made.dense(), wanted)
    assert torch.equal(made(torch.eye(4)), wanted.T)


def test_rows_of_a_sparse_map_end_where_it_ends():
    made = maps(5, 4, 0)[2][0]
    assert made.rows(3, 99).shape == (2, 4)
    assert made.rows(4, 2).shape == (0, 4)
    assert torch.equal(made.rows(-3, 2), made.rows(0, 2))


def test_a_sparse_map_passes_gradients_to_its_rows():
    made, matrix, _ = maps(5, 4, 1)[2]
    rows = normal(3, 4, dtype=torch.float64).requires_grad_()
    made(rows).sum().backward()
    assert torch.allclose(rows.grad, matrix.sum(0).expand(3, 4))


@pytest.mark.parametrize("rows", [torch.ones(4), torch.ones(2, 5), torch.ones(2, 4, dtype=torch.int64)])
def test_rows_of_another_kind_are_refused(rows):
    for made, _, _ in maps(3, 4, 0):
        with pytest.raises(DataError, match=r"takes floating point rows \(k, 4\), got"):
            made(rows)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (torch.ones(3), "floating point"),
        (torch.ones(2, 2, dtype=torch.int64), "torch.int64"),
        (torch.ones(0, 3), "floating point"),
        (torch.tensor([[1.0, torch.nan]]), "finite"),
        (torch.tensor([[torch.inf]]), "finite"),
    ],
)
def test_what_is_no_matrix_is_refused(matrix, message):
    with pytest.raises(DataError, match=message):
        DenseMap(matrix)
    with pytest.raises(DataError, match=message):
        LowRankMap(matrix, torch.ones(1, 1))
    with pytest.raises(DataError, match=message):
        LowRankMap(torch.ones(1, 1), matrix)


def test_factors_that_do_not_meet_are_refused():
    with pytest.raises(DataError, match=r"\(m, r\) and \(r, n\), got \(2, 3\) and \(2, 3\)"):
        LowRankMap(torch.ones(2, 3), torch.ones(2, 3))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"starts": torch.tensor([0])}, "at least 1"),
        ({"starts": torch.tensor([[0, 1, 2]])}, "at least 1"),
        ({"starts": torch.tensor([0.0, 1.0, 2.0])}, "int64"),
        ({"columns": torch.tensor([0, 1], dtype=torch.int32)}, "int64"),
        ({"weights": torch.tensor([1, 2])}, "floating point weights"),
        ({"weights": torch.ones(3)}, "2 columns and 3 weights"),
        ({"starts": torch.tensor([1, 1, 2])}, "rise from 0"),
        ({"starts": torch.tensor([0, 3, 2])}, "rise from 0"),
        ({"starts": torch.tensor([0, 1, 1])}, "rise from 0"),
        ({"columns": torch.tensor([0, 3])}, r"\[0, 3\)"),
        ({"columns": torch.tensor([-1, 2])}, r"\[0, 3\)"),
        ({"weights": torch.tensor([1.0, torch.nan])}, "finite"),
    ],
)
def test_what_is_no_sparse_map_is_refused(parts, message):
    right = {"starts": torch.tensor([0, 1, 2]), "columns": torch.tensor([0, 2]), "weights": torch.ones(2)}
    SparseMap(**right, width=3)
    with pytest.raises(DataError, match=message):
        SparseMap(**right | parts, width=3)
