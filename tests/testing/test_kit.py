"""The kit's own tools: samples, closed forms, strategies, fixtures, the pretended device."""

from __future__ import annotations

import subprocess
import sys

import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from otframe.errors import DataError
from otframe.interfaces import Transform
from otframe.registry import Registry
from otframe.testing import strategies, truths
from otframe.testing.elsewhere import DEVICE, Elsewhere, away
from otframe.testing.samples import CORE, cloud, law, samples
from otframe.testing.snapshot import difference, snapshot
from otframe.values import GaussianLaw, Image, PatchSet, PointCloud, Scalar, codec

QUICK = settings(max_examples=25, deadline=None)


def test_importing_the_kit_and_its_fixtures_loads_nothing_heavy():
    heavy = "{'torch', 'hypothesis', 'numpy'}"
    code = f"import sys, otframe.testing, otframe.testing.fixtures; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_what_is_missing_is_said():
    code = (
        "import sys; sys.modules['hypothesis'] = sys.modules['pytest'] = None\n"
        "from otframe.testing import conformance, cases\n"
        "from otframe.errors import PluginError\n"
        "assert cases('otframe')\n"
        "for ask in (lambda: conformance('otframe'), lambda: __import__('otframe.testing.strategies')):\n"
        "    try:\n        ask()\n"
        "    except PluginError as error:\n        print(error.hint)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ['pip install "otframe[test]"'] * 2


@pytest.mark.parametrize("sample", CORE, ids=lambda sample: sample.name)
def test_samples_are_repeatable_and_differ_by_seed(sample):
    first, again, other = (snapshot(sample.make(seed)) for seed in (1, 1, 2))
    assert not difference(first, again)
    assert difference(first, other) or "Autoencoder" in sample.name or "Restorer" in sample.name


def test_plugins_offer_samples_through_the_hook(registry):
    registry.add("Scalar of ours", lambda seed: Scalar(float(seed)), kind="sample")
    assert samples(registry)[-1].hint is Scalar
    assert samples(registry)[-1].make(3).number == 3


def test_truths_agree_with_a_peer():
    source, target = law(1, 4), law(2, 4)
    A, b = truths.gaussian_map(source, target)
    peer = ot.gaussian.bures_wasserstein_mapping(source.mean, target.mean, source.cov, target.cov)
    assert torch.allclose(A, peer[0])
    assert torch.allclose(b, peer[1].reshape(-1))
    moved = truths.pushed(source, A, b)
    assert torch.allclose(moved.cov, target.cov)
    assert truths.affine_cost(source, A, b) == pytest.approx(truths.gaussian_cost(source, target))
    distance = ot.gaussian.bures_wasserstein_distance(source.mean, target.mean, source.cov, target.cov)
    assert truths.gaussian_cost(source, target) == pytest.approx(float(distance) ** 2)


def test_truths_of_points_agree_with_the_linear_programme():
    source, target = cloud(1, 12, 2), cloud(2, 12, 2)
    weights = torch.full((12,), 1 / 12, dtype=torch.float64)
    cost = torch.cdist(source.points, target.points).square()
    assert truths.assignment(source, target)[1] == pytest.approx(float(ot.emd2(weights, weights, cost)))
    x, y = source.points[:, :1], target.points[:, :1]
    line = truths.assignment(PointCloud(x), PointCloud(y))[1]
    assert truths.sorted_cost(x[:, 0], y[:, 0]) == pytest.approx(line)


def test_barycentre_of_commuting_laws_agrees_with_a_peer():
    laws = [GaussianLaw(law(k, 3).mean, torch.diag(law(k, 3).cov.diagonal())) for k in range(3)]
    found = truths.barycenter_of_commuting(laws)
    stack = [torch.stack([getattr(one, part) for one in laws]) for part in ("mean", "cov")]
    mean, cov = ot.gaussian.bures_wasserstein_barycenter(*stack, eps=1e-12)[:2]
    assert torch.allclose(found.mean, mean)
    assert torch.allclose(found.cov, cov, atol=1e-6)


VALUES = st.one_of(
    strategies.images(),
    strategies.latents(),
    strategies.laws(rank=2),
    strategies.clouds(),
    strategies.affine_maps(),
    strategies.tables(),
    strategies.scalars(),
)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_drawn_values_survive_storing(value):
    registry = Registry(points=())
    back = codec.from_bytes(codec.to_bytes(value, registry), registry)
    assert not difference(snapshot(value), snapshot(back))


@QUICK
@given(strategies.patch_sets(), strategies.images(height=1, width=1, channels=3, alpha=False))
def test_strategies_take_what_is_asked(patches, image):
    assert not difference(patches.field.pixels, patches.fold().pixels, rtol=1e-6)
    assert image.pixels.shape == (3, 1, 1)
    assert image.alpha is None


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (torch.zeros(2), torch.zeros(3), "it is torch.float32 (2,) and torch.float32 (3,)"),
        ({"x": [1.0, 2.0]}, {"x": [1.0, 3.0]}, "x.1 is 2.0 and 3.0"),
        ({"x": 1}, {"y": 1}, "it holds x and y"),
        (Scalar(1.0, "a"), Scalar(1.0, "b"), "name is 'a' and 'b'"),
    ],
)
def test_differences_are_told(a, b, told):
    assert difference(snapshot(a), snapshot(b)) == told
    assert difference(snapshot(a), snapshot(a)) == ""
    assert difference(float("nan"), float("nan")) == ""


def test_the_pretended_device_behaves_like_one():
    there = away(Image(torch.rand(3, 4, 5))).pixels
    here = torch.rand(3, 4, 5)
    with Elsewhere():
        assert there.device == DEVICE
        assert (there * 2 + torch.tensor(1.0)).device == DEVICE
        assert here.to(there).device == there.new_tensor([1.0]).device == DEVICE
        assert torch.zeros(2, device=there.device).device == DEVICE
        assert there.cpu().device.type == "cpu"
        assert 0 <= float(there.mean()) <= 1
        assert there.clone().add_(1).device == DEVICE
        with pytest.raises(RuntimeError, match="same device"):
            there + here
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
    assert torch.allclose(torch.linalg.svdvals(there).cpu(), torch.linalg.svdvals(there.cpu()))


class Darker(Transform):
    """Half as bright."""

    def __call__(self, image: Image) -> Image:
        """The darker image."""
        return image.with_grid(image.pixels / 2)


def test_fixtures(registry, tiny_images, run_yaml):
    assert Registry.installed() is registry
    assert {plugin for _, plugin in registry.entries()} == {"otframe"}
    registry.add("test.darker", Darker)
    text = """
    inputs: {photos: "Image[]"}
    nodes:
      dark: {in: photos, steps: [test.darker, {patch.unfold: {size: 2}}, patch.fold]}
    outputs: {dark: dark}
    """
    result = run_yaml(text, photos=tiny_images, seed=1)
    assert list(result.values["dark"]) == ["a", "b", "c"]
    for key, image in result.values["dark"].items():
        assert torch.equal(image.pixels, tiny_images[key].pixels / 2)
    assert isinstance(registry.component("test.darker"), Darker)


def test_the_registry_refuses_what_is_no_component(registry):
    with pytest.raises(TypeError, match="no component class"):
        registry.add("test.number", 3)


def test_samples_fit_together():
    patches = [sample for sample in CORE if sample.hint in (PatchSet[Image], PointCloud)]
    map = next(sample for sample in CORE if sample.name == "AffineMap").make(0)
    for sample in patches:
        assert sample.make(0).transported(map).dim == map.dim
    with pytest.raises(DataError):
        cloud(0, dim=5).transported(map)
