"""`degrade.jpeg`: a round trip through a JPEG codec, in memory."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import torch
from pydantic import Field

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.values import Image
from otframe_restore.checks import finite

__all__ = ["Jpeg"]

_LARGEST = 65500
_SAMPLING = {
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}


class Jpeg(Transform):
    """Compress and decompress an image with a baseline JPEG codec [wallace1992jpeg]_.

    The codec holds 8 bits a sample: pixels are clipped to [0, 1] and rounded, and that is part of the degradation.
    Alpha, which JPEG does not know, passes unchanged beside it; space and metadata are kept. `DataError` where a
    pixel is not finite, a side exceeds 65500 pixels, or the image is neither display-referred colour nor grey.
    """

    references = ("wallace1992jpeg",)

    quality: int = Field(default=30, ge=1, le=100)
    """Quality of the quantisation tables, 1 to 100 on libjpeg's scale."""
    chroma: Literal["4:2:0", "4:2:2", "4:4:4"] = "4:2:0"
    """Chroma subsampling of colour images; cameras and the web use 4:2:0."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default, and a mild compression that keeps the chroma."""
        return [cls(), cls(quality=90, chroma="4:4:4")]

    def __call__(self, image: Image) -> Image:
        """The decompressed image, of the same shape."""
        finite(image)
        if image.channels not in (1, 3) or image.space not in ("srgb", "gray"):
            raise DataError(
                f"JPEG takes 1 or 3 display-referred channels, got {image.channels} in space '{image.space}'",
                port="image",
                hint="convert it first: image.convert with space: srgb",
            )
        if max(image.size) > _LARGEST:
            raise DataError(f"JPEG holds at most {_LARGEST} pixels a side, got {image.size}", port="image")
        levels = (image.pixels.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
        plain = levels.permute(1, 2, 0).numpy()
        # OpenCV keeps colours as blue, green, red
        array = np.ascontiguousarray(plain[..., ::-1] if image.channels == 3 else plain[..., 0])
        options = [cv2.IMWRITE_JPEG_QUALITY, self.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SAMPLING[self.chroma]]
        done, data = cv2.imencode(".jpg", array, options)
        decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if done else None
        if decoded is None:
            raise DataError(f"the JPEG codec refused an image of size {image.size}", port="image")
        back = decoded[..., ::-1] if image.channels == 3 else decoded[..., None]
        planes = torch.from_numpy(np.ascontiguousarray(back.transpose(2, 0, 1)))
        return image.with_grid(planes.to(image.pixels) / 255)
