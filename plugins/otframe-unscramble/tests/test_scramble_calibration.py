"""What goes wrong with calibration pictures: shifts, warps, spoiled ones."""

from __future__ import annotations

import pytest
import torch
from otframe_unscramble.scrambling.corrupt import Corrupt
from otframe_unscramble.scrambling.displace import shifted
from otframe_unscramble.scrambling.field import clouds, smooth_field
from otframe_unscramble.scrambling.shift import Shift
from otframe_unscramble.scrambling.warp import Warp

from otframe.interfaces import Context
from otframe.values import Image


def context(key: str = "a", seed: int = 0) -> Context:
    return Context(seed=seed, node="node", key=key)


def picture(size: int = 16, channels: int = 3) -> Image:
    made = clouds((size, size), channels, torch.Generator().manual_seed(1))
    return Image(made, meta={"stem": "a"})


@pytest.mark.parametrize("interpolation", ["linear", "cubic", "fourier"])
@pytest.mark.parametrize("edge", ["zero", "replicate"])
def test_the_shift_that_is_told_is_the_one_that_was_done(interpolation, edge):
    image = picture()
    made = Shift(interpolation=interpolation, edge=edge)(image, ctx=context())
    told = made.meta["shift"]
    assert len(set(told)) == 3
    assert torch.equal(
        made.pixels, shifted(image.pixels[None], torch.tensor([told], dtype=torch.float64), interpolation, edge)[0]
    )
    assert made.meta["stem"] == "a"


def test_shifts_are_normal_of_the_spread_in_each_channel_or_all():
    image = picture(4)
    told = torch.tensor([Shift(spread=2.0)(image, ctx=context(str(k))).meta["shift"] for k in range(400)])
    assert float(told.std()) == pytest.approx(2, rel=0.06)
    assert float(told.mean()) == pytest.approx(0, abs=0.15)
    parts = told.flatten(1).T
    assert float((torch.corrcoef(parts) - torch.eye(6)).abs().max()) < 0.25
    one = Shift(each="image")(image, ctx=context()).meta["shift"]
    assert len(one) == 3
    assert len(set(one)) == 1


def test_no_spread_leaves_the_picture():
    image = picture()
    assert torch.equal(Shift(spread=0.0)(image, ctx=context()).pixels, image.pixels)
    assert torch.allclose(Warp(amplitude=0.0)(image, ctx=context()).pixels, image.pixels, atol=1e-5)


@pytest.mark.parametrize("component", [Shift(), Warp(), Corrupt(share=1.0)])
def test_what_is_drawn_is_that_of_the_key_and_the_seed(component):
    image = picture()
    first, again = (component(image, ctx=context()) for _ in range(2))
    assert torch.equal(first.pixels, again.pixels)
    assert first.meta == again.meta
    for other in (context("b"), context(seed=1)):
        assert not torch.equal(first.pixels, component(image, ctx=other).pixels)


def test_fields_are_standard_normal_at_the_borders_too_and_as_smooth_as_asked():
    field = smooth_field((40, 30), 3.0, 300, torch.Generator().manual_seed(2))
    assert field.shape == (300, 40, 30)
    spread = field.std(0)
    assert float((spread - 1).abs().max()) < 0.25
    assert float(spread.mean()) == pytest.approx(1, abs=0.05)
    for step in (1, 3, 6):  # the correlation of noise behind a Gaussian filter is exp(-d^2 / (4 scale^2))
        found = float((field[:, step:] * field[:, :-step]).mean() / field.square().mean())
        assert found == pytest.approx(torch.exp(torch.tensor(-(step**2) / 36.0)).item(), abs=0.04)


def test_a_warp_moves_by_its_amplitude():
    told = [Warp(amplitude=1.5, scale=2.0)(picture(24, 1), ctx=context(str(k))).meta["warp"] for k in range(40)]
    assert sum(told) / len(told) == pytest.approx(1.5, rel=0.06)
    image = picture(24)
    made = Warp(amplitude=1.0, scale=4.0, edge="replicate")(image, ctx=context())
    assert not torch.allclose(made.pixels, image.pixels, atol=0.02)
    assert float(made.pixels.min()) >= float(image.pixels.min()) - 1e-5
    assert float(made.pixels.max()) <= float(image.pixels.max()) + 1e-5


def test_a_share_is_spoiled_in_each_way():
    image = picture(8)
    made = [Corrupt(share=0.3)(image, ctx=context(str(k))) for k in range(600)]
    kinds = [one.meta["corrupted"] for one in made]
    assert sum(map(bool, kinds)) / 600 == pytest.approx(0.3, abs=0.06)
    for kind in ("other", "occluded", "noise", "mixed"):
        assert kinds.count(kind) / 600 == pytest.approx(0.075, abs=0.04)
    for one in made:
        assert torch.equal(one.pixels, image.pixels) == (one.meta["corrupted"] == "")


def test_all_or_none_are_spoiled():
    image = picture(8)
    for share, kinds in ((0.0, {""}), (1.0, {"noise", "other"})):
        found = {
            Corrupt(share=share, kinds=("noise", "other"))(image, ctx=context(str(k))).meta["corrupted"]
            for k in range(30)
        }
        assert found == kinds


def test_spoiled_pictures_are_what_their_kind_says():
    image, size = picture(48), 48 * 48
    made = {
        kind: Corrupt(share=1.0, kinds=(kind,))(image, ctx=context()).pixels
        for kind in ("other", "occluded", "noise", "mixed")
    }
    hidden = (made["occluded"] != image.pixels).all(0)
    assert 0.2 < int(hidden.sum()) / size < 0.7
    rows, columns = hidden.any(1), hidden.any(0)
    assert torch.equal(hidden, rows[:, None] & columns)  # one block
    assert all(len(made["occluded"][c][hidden].unique()) == 1 for c in range(3))
    assert torch.allclose(made["mixed"], (image.pixels + made["other"]) / 2)
    close = {kind: float((made[kind][:, 1:] - made[kind][:, :-1]).abs().mean()) for kind in ("other", "noise")}
    assert close["noise"] == pytest.approx(1 / 3, rel=0.05)  # independent uniform numbers
    assert close["other"] < 0.15
    together = torch.corrcoef(torch.stack([made["other"].flatten(), image.pixels.flatten()]))[0, 1]
    assert abs(float(together)) < 0.5
    assert all(0 <= float(one.min()) <= float(one.max()) <= 1 for one in made.values())


def test_a_single_pixel_passes():
    image = Image(torch.tensor([[[0.25]]]))
    for component in (Shift(), Warp(), *(Corrupt(share=1.0, kinds=(k,)) for k in ("other", "occluded", "mixed"))):
        assert bool(torch.isfinite(component(image, ctx=context()).pixels).all())
