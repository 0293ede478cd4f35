"""One otframe pipeline an encoder: all ways of fitting and decoding that the restoration benchmark compares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from otframe import Pipeline
from otframe.graph import Builder, Handle

__all__ = ["ENCODERS", "Encoder", "Transports", "transports"]

ALPHAS = (0.25, 0.5)
LOW_PASS = 3.0


class Encoder(NamedTuple):
    """A latent space: its name in the tables, the component, its weight files under the data, and the patch sizes."""

    label: str
    use: str
    files: dict[str, str]
    sizes: tuple[int, ...]


ENCODERS = {
    "taef2": Encoder(
        "TAEF2",
        "autoencoder.taesd",
        {part: f"models/autoencoders/taef2_{part}.pth" for part in ("encoder", "decoder")},
        (3,),
    ),
    "tiny": Encoder("tiny", "autoencoder.tiny", {}, (3, 1)),
    "klt": Encoder("klt", "autoencoder.klt", {}, (3, 1)),
}


class Transports(NamedTuple):
    """A pipeline, what its image outputs are called in a table, and its outputs that hold a best alpha."""

    pipeline: Pipeline
    rows: dict[str, str]
    alphas: dict[str, str]


def transports(encoder: Encoder, data: Path) -> Transports:
    """The pipeline of an encoder.

    Its inputs: `restored` and `clean`, the fitting photographs in pairs; `other`, clean photographs that are none of
    them; `photos`, what the restorer gave of the held-out ones; `truth`.
    """
    plan = _Plan(encoder, data)
    plan.coded()
    for pairing, target in (("unpaired", plan.other), ("paired", plan.clean)):
        for size in encoder.sizes if pairing == "paired" else encoder.sizes[:1]:
            plan.moved(pairing, target, size)
    return Transports(Pipeline(plan.b.document()), plan.rows, plan.alphas)


class _Plan:
    def __init__(self, encoder: Encoder, data: Path) -> None:
        self.b, self.rows, self.alphas = Builder(f"Transport in {encoder.label}"), {}, {}
        self.label = encoder.label
        names = ("restored", "clean", "other", "photos", "truth")
        self.restored, self.clean, self.other, self.photos, self.truth = (self.b.input(n, "Image[]") for n in names)
        files = {part: str(data / path) for part, path in encoder.files.items()}
        self.vae = self.b.node("vae", encoder.use, params=files)
        self.latent = self.b.steps("latent", [self.vae.encode], self.photos)

    def keep(self, label: str, node: Handle) -> None:
        self.rows[f"{self.label}: {label}"] = node.ref
        self.b.output(node.ref, node)

    def coded(self) -> None:
        self.keep("decode(encode(restored))", self.b.steps("coded", [self.vae.decode], self.latent))

    def law(self, name: str, images: Handle, size: int) -> Handle:
        steps: Sequence = [self.vae.encode, ("patch.unfold", {"size": size}), "gaussian.statistics"]
        return self.b.steps(name, steps, images)

    def moved(self, pairing: str, target: Handle, size: int) -> None:
        b, tag, label = self.b, f"{pairing}_{size}", f"{pairing} p{size}"
        source_law, target_law = self.law(f"source_{tag}", self.restored, size), self.law(f"target_{tag}", target, size)
        operator = b.node(f"operator_{tag}", "gaussian.transport", wires={"source": source_law, "target": target_law})
        patches = b.steps(f"patches_{tag}", [("patch.unfold", {"size": size})], self.latent)
        moved = b.node(f"moved_{tag}", "transport.apply", patches, {"transport": operator})
        after = b.steps(f"after_{tag}", ["patch.fold"], moved)
        if size > 1:
            self.keep(label, b.steps(f"plain_{tag}", [self.vae.decode], after))
        wires = {"image": self.photos, "before": self.latent, "after": after, "model": self.vae}
        natural = b.node(f"residual_{tag}", "restore.residual", wires=wires)
        self.keep(f"{label} residual" + (", alpha 0" if pairing == "paired" else ""), natural)
        if pairing == "paired":
            for alpha in ALPHAS:
                wires = {"a": natural, "b": self.photos}
                blend = b.node(f"blend_{tag}_{alpha * 100:.0f}", "image.blend", wires=wires, params={"weight": alpha})
                self.keep(f"{label} residual, alpha {alpha:g}", blend)
        if size > 1:
            params = {"sigma": LOW_PASS}
            wires = {"image": natural, "guide": self.photos}
            self.keep(
                f"{label} residual, low-pass", b.node(f"low_{tag}", "restore.lowpass", wires=wires, params=params)
            )
        wires = {"natural": natural, "restored": self.photos, "truth": self.truth}
        self.alphas[f"{self.label}: {label} residual"] = f"alpha_{tag}"
        b.output(f"alpha_{tag}", b.node(f"alpha_{tag}", "restore.alpha", wires=wires, join="key"))
