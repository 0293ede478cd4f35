"""Degradations, restorers, and what photo-realistic restoration adds to a restorer. Imports nothing heavy."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components"]


@hookimpl
def otframe_components() -> list[Entry]:
    """The plugin's components."""
    here = "otframe_restore"
    return [
        Entry("degrade.noise", f"{here}.noise:Noise", "transform", "add white Gaussian noise, seeded"),
        Entry("degrade.jpeg", f"{here}.jpeg:Jpeg", "transform", "compress and decompress with a JPEG codec"),
        Entry("degrade.downscale", f"{here}.downscale:Downscale", "transform", "antialiased bicubic reduction"),
        Entry("restorer.nlm", f"{here}.nlm:NonLocalMeans", "model", "denoise by non-local means, no weights needed"),
        Entry("restorer.spandrel", f"{here}.networks:Spandrel", "model", "any network that spandrel recognises"),
        Entry("restore.residual", f"{here}.residual:Residual", "transform", "add what a latent map changed"),
        Entry("restore.lowpass", f"{here}.lowpass:LowPass", "transform", "keep a guide's low frequencies"),
        Entry("restore.alpha", f"{here}.alpha:BestAlpha", "accumulator", "the blend weight of highest PSNR"),
        Entry("restore.alpha_curve", f"{here}.alpha:AlphaCurve", "accumulator", "error against the blend weight"),
    ]
