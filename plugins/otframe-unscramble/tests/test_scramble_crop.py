"""Small random pictures of few photographs: each is what `Frame` makes of the square that it tells."""

import pytest
import torch
from otframe_unscramble.scrambling.crop import Crop
from otframe_unscramble.scrambling.frame import Frame

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import Draw, Image

PHOTOS = [
    Image(torch.rand(3, *size, generator=torch.Generator().manual_seed(size[0]))) for size in ((40, 25), (30, 64))
]


def crops(crop, count, photos=PHOTOS, seed=0):
    return [crop(photos, Draw(k), ctx=Context(seed=seed, node="crop", key=f"{k:03}")) for k in range(count)]


def test_a_crop_is_the_mean_of_the_square_that_it_tells():
    for made in crops(Crop(side=8, zoom=3.0), 30):
        number, top, left, side = made.meta["crop"]
        square = PHOTOS[number].pixels[:, top : top + side, left : left + side]
        assert square.shape == (3, side, side), "the square lies in the photograph"
        assert 8 <= side <= 24
        wanted = Frame(side=8)(Image(square.flip(2) if made.meta["mirrored"] else square)).pixels
        assert torch.equal(made.pixels, wanted)


def test_all_of_it_is_drawn():
    told = [made.meta for made in crops(Crop(side=8, zoom=3.0), 300)]
    assert {meta["mirrored"] for meta in told} == {True, False}
    assert 110 < sum(meta["crop"][0] for meta in told) < 190, "either photograph"
    sides = torch.tensor([meta["crop"][3] for meta in told]).double()
    assert sides.min() == 8
    assert sides.max() == 24
    assert abs(float((sides / 8).log().mean()) - 0.5 * torch.tensor(3.0).log()) < 0.06
    tops = {meta["crop"][1] for meta in told if meta["crop"][0] == 0 and meta["crop"][3] == 8}
    assert min(told, key=lambda meta: meta["crop"][1])["crop"][1] == 0
    assert len(tops) > 3


def test_the_whole_of_a_photograph_may_be_taken():
    sides = {made.meta["crop"][3] for made in crops(Crop(side=20, zoom=9.0), 400)}
    assert {20, 25, 30} <= sides
    assert max(sides) == 30


def test_the_same_key_gives_the_same_and_another_another():
    first, again = crops(Crop(side=6), 2), crops(Crop(side=6), 2)
    assert torch.equal(first[0].pixels, again[0].pixels)
    assert not torch.equal(first[0].pixels, first[1].pixels)
    assert not torch.equal(first[0].pixels, crops(Crop(side=6), 1, seed=1)[0].pixels)
    assert [made.meta["stem"] for made in first] == ["000", "001"]


def test_no_zoom_is_no_averaging_and_grey_has_one_channel():
    (made,) = crops(Crop(side=7, zoom=1.0, grey=True), 1)
    assert made.meta["crop"][3] == 7
    assert (made.channels, made.space) == (1, "gray")


def test_what_is_seen_through_is_black():
    clear = Image(torch.ones(3, 9, 9), torch.zeros(9, 9))
    (made,) = crops(Crop(side=4), 1, [clear])
    assert made.alpha is None
    assert float(made.pixels.abs().max()) == 0


def test_photographs_that_will_not_do():
    with pytest.raises(DataError, match="no photograph"):
        crops(Crop(), 1, [])
    with pytest.raises(DataError, match=r"at least 26 x 26 pixels, one is 40 x 25"):
        crops(Crop(side=26), 1)
    broken = Image(torch.full((3, 9, 9), float("nan")))
    with pytest.raises(DataError, match="finite") as caught:
        crops(Crop(side=4), 1, [broken])
    assert caught.value.port == "photos"
