"""All autoencoders: any size, grey and alpha, devices and pools, determinism, tiles, and files that are wrong."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_autoencoder.embedded import embedded_state
from otframe_autoencoder.networks.taesd import TAESD, build_decoder, build_encoder
from otframe_autoencoder.tiles import run_tiled
from safetensors.torch import save_file

from otframe.errors import DataError, ModelError
from otframe.graph import component
from otframe.interfaces import Autoencoder, ModelPool
from otframe.values import Image

DATA = Path(os.environ.get("OTFRAME_DATA", Path(__file__).parents[4] / "shared" / "data"))
WEIGHTS = DATA / "models" / "autoencoders"
EMBEDDED = ["autoencoder.klt", "autoencoder.tiny"]

needs_weights = pytest.mark.skipif(not WEIGHTS.is_dir(), reason=f"no autoencoder weights in {WEIGHTS}")


def photo(height, width, channels=3, seed=0):
    """Smooth shades with some noise: near enough to a photograph for shapes and ranges."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[0:height, 0:width]
    waves = [0.5 + 0.3 * np.sin(rows / (5 + c) + cols / (9 - c)) for c in range(channels)]
    return Image.from_numpy(
        (np.stack(waves, -1) + 0.05 * rng.normal(size=(height, width, channels))).astype(np.float32)
    )


@pytest.fixture(scope="module")
def samples():
    skimage = pytest.importorskip("skimage.data")
    return {name: Image.from_numpy(getattr(skimage, name)()) for name in ("astronaut", "coffee")}


def psnr(a, b):
    return -10 * float(torch.log10(((a.pixels - b.pixels) ** 2).mean()))


@pytest.mark.parametrize("name", EMBEDDED)
@given(height=st.integers(1, 40), width=st.integers(1, 40), channels=st.sampled_from([1, 2, 3, 4]))
@settings(max_examples=15, deadline=None)
def test_any_size_comes_back_with_its_channels_and_alpha(name, height, width, channels):
    coder = component(name)
    array = np.random.default_rng(height).random((height, width, channels), dtype=np.float32)
    image = Image.from_numpy(array, meta={"stem": "x"})
    latent = coder.encode(image)
    assert latent.values.shape == (32, -(-height // 8), -(-width // 8))
    back = coder.decode(latent)
    assert back.pixels.shape == image.pixels.shape
    assert (back.space, dict(back.meta)) == (image.space, dict(image.meta))
    assert back.alpha is image.alpha
    assert torch.isfinite(back.pixels).all()


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_same_bits_every_time_and_inputs_unchanged(name):
    coder, image = component(name), photo(41, 56)
    before = image.pixels.clone()
    first = coder.decode(coder.encode(image)).pixels
    assert torch.equal(first, coder.decode(coder.encode(image)).pixels)
    assert torch.equal(before, image.pixels)


@pytest.mark.parametrize("name", EMBEDDED)
def test_nothing_is_normalised_over_the_image(name):
    """Far from a change, nothing changes: not even by a bit that a global mean would carry."""
    coder = component(name, **({"tile": 0} if name.endswith("tiny") else {}))
    image = photo(64, 512)
    other = image.with_grid(torch.cat([image.pixels[..., :256], 1 - image.pixels[..., 256:]], -1))
    one, two = (coder.decode(coder.encode(i)).pixels[..., :128] for i in (image, other))
    assert (one - two).abs().max() < 1e-5


def test_tiles_with_a_halo_equal_the_whole():
    image = photo(300, 420)
    whole, tiled = component("autoencoder.tiny", tile=0), component("autoencoder.tiny", tile=96)
    assert torch.allclose(whole.encode(image).values, tiled.encode(image).values, atol=2e-5)
    latent = whole.encode(image)
    assert torch.allclose(whole.decode(latent).pixels, tiled.decode(latent).pixels, atol=2e-5)


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    tile=st.integers(1, 30),
    halo=st.integers(2, 9),
    step=st.sampled_from([1, 2]),
)
@settings(max_examples=40, deadline=None)
def test_tiling_a_local_filter_is_exact(height, width, tile, halo, step):
    batch = torch.randn(1, 2, height * step, width * step, generator=torch.Generator().manual_seed(tile))
    kernel = torch.randn(3, 2, 3, 3, generator=torch.Generator().manual_seed(halo))

    def run(part):
        return torch.nn.functional.conv2d(part, kernel, padding=1)[..., ::step, ::step]

    tiled = run_tiled(run, batch, tile=tile, halo=halo, step=step, scale=1 / step)
    assert torch.allclose(tiled, run(batch), atol=1e-5)


def test_klt_is_an_orthonormal_projection(samples):
    basis = embedded_state("klt")["basis"].double().flatten(1)
    assert torch.allclose(basis @ basis.T, torch.eye(32, dtype=torch.float64), atol=1e-6)
    coder = component("autoencoder.klt")
    once = coder.decode(coder.encode(samples["astronaut"]))
    assert psnr(once, samples["astronaut"]) > 29
    assert torch.allclose(coder.decode(coder.encode(once)).pixels, once.pixels, atol=1e-5)


def test_tiny_stays_near_photographs_it_has_not_seen(samples):
    coder = component("autoencoder.tiny")
    for image in samples.values():
        assert psnr(coder.decode(coder.encode(image)), image) > 21


def test_the_embedded_weights_are_small():
    folder = Path(__file__).parents[1] / "src" / "otframe_autoencoder" / "weights"
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.safetensors")}
    assert sizes["klt.safetensors"] < 32_000
    assert sizes["tiny.safetensors"] <= 4 * 2**20


def test_a_pool_loads_once_per_parameters():
    pool = ModelPool()
    one, same, other = component("autoencoder.klt"), component("autoencoder.klt"), component("autoencoder.tiny")
    assert pool.net(one) is pool.net(same)
    assert pool.net(one) is not pool.net(other)


@pytest.mark.parametrize("name", EMBEDDED)
def test_wrong_images_are_refused(name):
    coder = component(name)
    with pytest.raises(DataError, match="srgb or gray"):
        coder.encode(Image(torch.zeros(3, 8, 8), space="linear"))
    with pytest.raises(DataError, match="1 or 3 colour channels"):
        coder.encode(Image(torch.zeros(2, 8, 8)))


def make_taesd(channels, pooled):
    torch.manual_seed(channels)
    return build_encoder(channels, pooled=pooled), build_decoder(channels, pooled=pooled)


@pytest.mark.parametrize(
    ("channels", "pooled", "variant"), [(4, False, "taesd"), (16, False, "taesd3"), (32, True, "taef2")]
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_taesd_files_tell_their_variant(tmp_path, channels, pooled, variant, suffix):
    paths = {}
    for part, net in zip(("encoder", "decoder"), make_taesd(channels, pooled), strict=True):
        paths[part] = tmp_path / (part + suffix)
        save = save_file if suffix == ".safetensors" else torch.save
        save(net.state_dict(), paths[part])
    coder = component("autoencoder.taesd", **{part: str(path) for part, path in paths.items()})
    net = ModelPool().net(coder)
    assert isinstance(net, TAESD)
    assert (net.variant, net.channels) == (variant, channels)
    image = photo(19, 30)
    latent = coder.encode(image)
    assert latent.values.shape == (channels, 3, 4)
    assert coder.decode(latent).size == (19, 30)


def test_taesd_files_that_do_not_fit(tmp_path):
    encoder, decoder = make_taesd(4, False)
    save_file(encoder.state_dict(), tmp_path / "encoder.safetensors")
    save_file(decoder.state_dict(), tmp_path / "decoder.safetensors")
    save_file(make_taesd(16, False)[1].state_dict(), tmp_path / "other.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")

    def load(first, second):
        model = component("autoencoder.taesd", encoder=str(tmp_path / first), decoder=str(tmp_path / second))
        return model.load(torch.device("cpu"), torch.float32)

    load("encoder.safetensors", "decoder.safetensors")
    with pytest.raises(ModelError, match="swapped"):
        load("decoder.safetensors", "encoder.safetensors")
    with pytest.raises(ModelError, match="two variants"):
        load("encoder.safetensors", "other.safetensors")
    with pytest.raises(ModelError, match="no weight file"):
        load("encoder.safetensors", "missing.pth")
    with pytest.raises(ModelError, match="cannot load"):
        load("broken.safetensors", "decoder.safetensors")


def test_a_pth_file_runs_no_code(tmp_path):
    canary = tmp_path / "canary"

    class Evil:
        def __reduce__(self):
            return (Path.touch, (canary,))

    torch.save({"14.weight": Evil()}, tmp_path / "evil.pth")
    model = component("autoencoder.taesd", encoder=str(tmp_path / "evil.pth"), decoder=str(tmp_path / "evil.pth"))
    with pytest.raises(ModelError):
        model.load(torch.device("cpu"), torch.float32)
    assert not canary.exists()


@needs_weights
@pytest.mark.parametrize(
    ("name", "suffix", "least"), [("taesd", "safetensors", 24), ("taesd3", "safetensors", 30), ("taef2", "pth", 30)]
)
def test_published_taesd_weights(samples, name, suffix, least):
    coder = component(
        "autoencoder.taesd",
        encoder=str(WEIGHTS / f"{name}_encoder.{suffix}"),
        decoder=str(WEIGHTS / f"{name}_decoder.{suffix}"),
    )
    image = samples["astronaut"]
    crop = image.with_grid(image.pixels[:, 30:333, 100:391])
    assert psnr(coder.decode(coder.encode(crop)), crop) > least


@pytest.fixture
def diffusers(monkeypatch):
    """diffusers, kept from a torchvision that was built for another torch and cannot be imported."""
    if torch.version.cuda is None and "torchvision" not in sys.modules:
        monkeypatch.setitem(sys.modules, "torchvision", None)
    return pytest.importorskip("diffusers", reason="the extra otframe-autoencoder[kl] is not installed")


def test_autoencoder_kl_from_a_folder(tmp_path, diffusers):
    torch.manual_seed(0)
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 16, 16), latent_channels=4, norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    )  # fmt: skip
    vae.save_pretrained(tmp_path / "vae")
    coder = component("autoencoder.kl", name=str(tmp_path / "vae"), download=False)
    assert isinstance(coder, Autoencoder)
    image = photo(30, 45)
    latent = coder.encode(image)
    assert (latent.stride, latent.values.shape) == (4, (4, 8, 12))
    assert coder.decode(latent).size == (30, 45)
    padded = torch.nn.functional.pad(image.pixels[None], (0, 3, 0, 2), mode="replicate")
    with torch.no_grad():
        mean = vae.eval().encode(2 * padded - 1).latent_dist.mean[0]
    assert torch.allclose(latent.values, mean, atol=1e-5)


def test_autoencoder_kl_that_is_not_there(tmp_path, diffusers):
    assert diffusers
    model = component("autoencoder.kl", name=str(tmp_path / "nothing"), download=False)
    with pytest.raises(ModelError, match="cannot load AutoencoderKL"):
        model.load(torch.device("cpu"), torch.float32)
