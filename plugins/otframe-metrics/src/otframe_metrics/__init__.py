"""Image quality metrics over streams, and tables of them. Imports nothing heavy."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components"]


@hookimpl
def otframe_components() -> list[Entry]:
    """The plugin's components."""
    here = "otframe_metrics"
    return [
        Entry("metric.psnr", f"{here}.psnr:Psnr", "accumulator", "peak signal-to-noise ratio in dB"),
        Entry("metric.mse", f"{here}.mse:Mse", "accumulator", "mean squared error"),
        Entry("metric.ssim", f"{here}.ssim:Ssim", "accumulator", "structural similarity"),
        Entry("metric.patch_frechet", f"{here}.patch_frechet:PatchFrechet", "accumulator", "distance of patch laws"),
        Entry(
            "metric.table",
            f"{here}.table:MetricTable",
            "accumulator",
            "several metrics, one row an image",
        ),
        Entry("metric.compare", f"{here}.compare:Compare", "transform", "one row a method from their tables"),
    ]
