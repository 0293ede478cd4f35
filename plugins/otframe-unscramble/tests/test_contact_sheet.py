"""The contact sheet: each picture in its row and column, enlarged whole times."""

import pytest
import torch
from otframe_unscramble.contact_sheet import ContactSheet

from otframe.errors import DataError
from otframe.values import Image


def flat(value, side=4, channels=3):
    return Image(torch.full((channels, side, side), value), None, "srgb" if channels == 3 else "gray")


def test_pictures_stand_in_their_places():
    made = ContactSheet(side=16)([flat(0.1), flat(0.2)], [flat(0.3, 8), flat(0.4, 8)], [flat(0.5, 4, 1), flat(2.0)])
    assert made.pixels.shape == (3, 3 * 22, 2 * 22)
    middles = made.pixels[:, 11::22, 11::22]
    wanted = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 1.0]])
    assert torch.allclose(middles, wanted.expand(3, 3, 2))
    inside = made.pixels[:, 3:19, 3:19]
    assert torch.equal(inside, torch.full_like(inside, 0.1))


def test_no_more_than_asked_for():
    row = [flat(0.5)] * 5
    assert ContactSheet(side=16, most=2)(row, row, row).size == (66, 44)


def test_rows_that_do_not_match_are_told():
    with pytest.raises(DataError, match="as many pictures in each row, got 2, 1, 2"):
        ContactSheet()([flat(0.5)] * 2, [flat(0.5)], [flat(0.5)] * 2)
    with pytest.raises(DataError, match="got 0, 0, 0"):
        ContactSheet()([], [], [])
    with pytest.raises(DataError, match="one with 2 channels"):
        ContactSheet()(*[[flat(0.5, channels=2)]] * 3)
