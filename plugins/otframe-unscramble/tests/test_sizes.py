"""Sizes of calibration pairs: the usual one is that of most, and the odd pair is refused by itself."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from otframe_unscramble.pairs import GatherPairs
from otframe_unscramble.sizes import GatherSizes, PairSizes

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import Image


def picture(height, width=4, channels=3):
    return Image(torch.rand(channels, height, width))


def folded(heights):
    gather = GatherSizes()
    states = [gather.lift(picture(height), picture(height + 1)) for height in heights]
    state = states[0]
    for other in states[1:]:
        state = gather.merge(state, other)
    return gather.finish(state)


@given(st.lists(st.integers(2, 5), min_size=1, max_size=20))
def test_the_usual_size_is_that_of_most_and_the_first_of_equals(heights):
    found = folded(heights)
    wanted = max(dict.fromkeys(heights), key=heights.count)
    assert found.usual == ((3, wanted, 4), (3, wanted + 1, 4))
    assert found.told == f"{heights.count(wanted)} of {len(heights)}"
    assert sum(found.counts) == len(heights)


def test_the_first_picture_may_be_the_odd_one():
    sizes, gather = folded([2, 5, 5]), GatherPairs()
    with pytest.raises(DataError, match=r"scrambled picture is 2 x 4 with 3 channels, wanted 5 x 4 .*, as 2 of 3 are"):
        gather.lift(picture(2), picture(3), sizes, ctx=Context(key="a"))
    with pytest.raises(DataError, match=r"the clear picture is 5 x 4 .*, wanted 6 x 4") as caught:
        gather.lift(picture(5), picture(5), sizes, ctx=Context(key="b"))
    assert caught.value.port == "clear"
    assert gather.lift(picture(5), picture(6), sizes, ctx=Context(key="c")).chunks[0].count == 1


def test_without_sizes_the_message_names_both():
    gather = GatherPairs()
    states = [gather.lift(picture(n), picture(n), ctx=Context(key=f"p{n}")) for n in (2, 3)]
    with pytest.raises(DataError, match=r"'p3' is 3 x 4 with 3 channels, the first, 'p2', 2 x 4"):
        gather.merge(*states)


def test_one_channel_is_told_as_one():
    with pytest.raises(DataError, match="4 x 4 with 1 channel, wanted 4 x 4 with 3 channels"):
        GatherPairs().lift(picture(4, channels=1), picture(4, channels=1), folded([4]), ctx=Context(key="a"))


def test_no_sizes_are_no_value():
    with pytest.raises(DataError, match="a count for each"):
        PairSizes((), ())
