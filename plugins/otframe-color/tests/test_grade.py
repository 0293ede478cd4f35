"""Looks: what they do to frames, fast and slow, at one time and between two."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from otframe_color.examples import fitted
from otframe_color.grade_edit import BlendedMap, ColorGrade
from otframe_color.grade_worker import Memory, baked
from otframe_color.lut import Lut
from otframe_color.maps import FittedMap

from otframe.errors import DataError
from otframe.values import AffineMap, Image, SolveInfo


def gamma(power=1.5, size=33):
    """A table of a curve."""
    steps = torch.linspace(0, 1, size)
    return Lut(
        torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij"), -1) ** power, torch.zeros(3), torch.ones(3)
    )


def samples(dtype=np.uint8, shape=(40, 50), seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (*shape, 3)).astype(dtype)


def exact(look, given, time):
    """What the maps themselves give, rounded."""
    top = np.iinfo(given.dtype).max
    made = look(Image.from_numpy(given), time).numpy() * top
    return np.clip(np.rint(made), 0, top)


def difference(look, given, time=0.0):
    return np.abs(look.worker()(given, time).astype(np.float64) - exact(look, given, time)).max()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [0, 33])
def test_a_worker_gives_what_the_map_gives(dtype, size):
    top = np.iinfo(dtype).max
    look = ColorGrade((fitted(1),), size=size)
    allowed = 0 if dtype == np.uint8 else top * 3e-5  # affine: the table is exact but for rounding
    assert difference(look, samples(dtype)) <= (allowed or 1)
    assert (look.worker()(samples(dtype), 0.0).astype(int) != samples(dtype)).mean() > 0.5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("time", [-1.0, 0.0, 0.05, 0.1, 0.19, 0.2, 5.0])
@pytest.mark.parametrize("ease", [False, True])
def test_between_two_times_the_maps_are_blended(dtype, time, ease):
    look = ColorGrade((fitted(1), fitted(2)), (0.0, 0.2), ease)
    share = min(max(time / 0.2, 0.0), 1.0)
    share = share * share * (3 - 2 * share) if ease else share
    given = samples(dtype)
    first, second = (exact(ColorGrade((found,)), given, 0.0) for found in look.maps)
    inside = (np.minimum(first, second) > 0).all(2) & (np.maximum(first, second) < np.iinfo(dtype).max).all(2)
    made = look.worker()(given, time).astype(np.float64)
    wanted = (1 - share) * first + share * second
    assert inside.sum() > 100
    assert np.abs(made - wanted)[inside].max() <= (1.01 if dtype == np.uint8 else 3)


def test_a_map_of_light_moves_light():
    doubled = FittedMap(AffineMap(0.0, SolveInfo(), 0.5 * torch.eye(3).double(), torch.zeros(3).double()), "linear")
    given = np.full((2, 2, 3), 188, np.uint8)  # half of the light of white
    assert (ColorGrade((doubled,), size=0).worker()(given, 0.0) == 137).all()  # a quarter


def test_a_curve_through_the_table_is_near_the_curve():
    assert difference(ColorGrade((gamma(1.5),)), samples()) <= 1


def test_every_frame_gets_the_same_colour_for_the_same_colour():
    """What is remembered from one frame to the next is right, whichever colours came before."""
    worker, alone = ColorGrade((fitted(3),)).worker(), []
    for seed in (1, 2, 1, 3):
        given = samples(seed=seed)
        alone.append((worker(given, float(seed)) == ColorGrade((fitted(3),)).worker()(given, 0.0)).all())
    assert all(alone)


def test_a_blend_moves_from_frame_to_frame_by_no_more_than_the_maps_differ():
    look = ColorGrade((fitted(1), fitted(2)), (0.0, 1.0))
    given, worker = samples(np.uint16) // 4 + 20_000, look.worker()  # far from where colours are clipped
    shots = [worker(given, t).astype(np.float64) for t in np.linspace(0, 1, 11)]
    bound = np.abs(shots[-1] - shots[0]).max() / 10 + 3
    assert max(np.abs(b - a).max() for a, b in pairwise(shots)) <= bound


def test_black_white_and_primaries_survive_the_identity():
    """The corners of the cube, and the code 0, which an empty memory holds as well."""
    corners = np.array([[[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]], np.uint8)
    same = FittedMap(AffineMap(0.0, SolveInfo(), torch.eye(3).double(), torch.zeros(3).double()))
    for look in (ColorGrade((same,)), ColorGrade((same, same), (0.0, 1.0))):
        assert (look.worker()(corners, 0.5) == corners).all()


def test_what_is_clipped_is_told():
    bright = FittedMap(AffineMap(0.0, SolveInfo(), 2 * torch.eye(3).double(), torch.zeros(3).double()))
    for dtype in (np.uint8, np.uint16):
        top = np.iinfo(dtype).max
        given = np.array([[[top, 0, 0], [top // 4, 0, 0], [0, 0, 0], [1, 2, 3]]], dtype)
        worker = ColorGrade((bright,)).worker()
        worker(given, 0.0)
        assert worker.notes() == ("25 % of the clip's colours went outside [0, 1] and were clipped",)


def test_a_memory_asks_for_each_colour_once():
    asked = []

    def move(colors):
        asked.append(len(colors))
        return colors

    memory = Memory(move, np.dtype(np.uint8))
    given = samples()
    distinct = len(np.unique(given.reshape(-1, 3), axis=0))
    for _ in range(3):
        assert (memory(given) == given).all()
    assert sum(asked) == distinct


def test_maps_that_give_no_colour_are_refused():
    with pytest.raises(DataError, match="NaN or infinity"):
        baked(lambda colors: colors * float("nan"), 5)
    with pytest.raises(DataError, match="NaN or infinity"):
        Memory(lambda colors: colors / 0, np.dtype(np.uint8))(samples())


@pytest.mark.parametrize(
    ("maps", "times", "size", "message"),
    [
        ((), (), 33, "at least one"),
        ((fitted(0),), (0.0, 1.0), 33, "as many times as maps"),
        ((fitted(0), fitted(1)), (1.0, 1.0), 33, "rise"),
        ((fitted(0),), (0.0,), 1, "2 to 129"),
        ((fitted(0), FittedMap(fitted(0).transport, "linear")), (0.0, 1.0), 33, "one coding"),
    ],
)
def test_a_look_that_cannot_be_is_refused(maps, times, size, message):
    with pytest.raises(DataError, match=message):
        ColorGrade(maps, times, size=size)


def test_a_blend_of_maps_is_their_convex_combination():
    colors = torch.rand(20, 3)
    blend = BlendedMap(fitted(1), fitted(2), 0.25)
    assert torch.allclose(blend(colors), 0.75 * fitted(1)(colors) + 0.25 * fitted(2)(colors), atol=1e-6)
    with pytest.raises(DataError, match="0 to 1"):
        BlendedMap(fitted(1), fitted(2), 1.5)


def test_the_codec_keeps_a_look():
    from otframe.registry import Registry
    from otframe.values.codec import from_bytes, to_bytes

    registry = Registry.installed()
    look = ColorGrade((fitted(1), fitted(2)), (0.0, 0.2), True, 17)
    back = from_bytes(to_bytes(look, registry), registry)
    assert (back.times, back.ease, back.size) == (look.times, look.ease, look.size)
    assert (back.worker()(samples(), 0.1) == look.worker()(samples(), 0.1)).all()
