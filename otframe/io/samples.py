"""Real photographs for examples: those in the wheels of scikit-image and scikit-learn, and crops of them.

Licences, as these packages state them: astronaut (NASA, public domain), chelsea, coffee, camera, brick, grass, gravel
(CC0), rocket (SpaceX, public domain), coins and moon (no known restrictions), motorcycle (Middlebury stereo benchmark
2014, Scharstein et al.), china and flower (CC BY 2.0, by danielbuechele and by vultilion). Nothing is copied into
otframe: the files are read where the packages lie.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from otframe.errors import InputError, UnknownNameError
from otframe.io.image_file import read_image
from otframe.io.names import natural
from otframe.io.source import Source, file_digest
from otframe.registry import Registry, nearest
from otframe.values import Image, Value

__all__ = ["CROPS", "SampleSource", "open_samples"]

Box = tuple[int, int, int, int]

_SKIMAGE, _SKLEARN = ("skimage", "data"), ("sklearn", "datasets", "images")
_PHOTOS = {
    "astronaut": (*_SKIMAGE, "astronaut.png"),
    "chelsea": (*_SKIMAGE, "chelsea.png"),
    "china": (*_SKLEARN, "china.jpg"),
    "coffee": (*_SKIMAGE, "coffee.png"),
    "flower": (*_SKLEARN, "flower.jpg"),
    "motorcycle": (*_SKIMAGE, "motorcycle_left.png"),
    "rocket": (*_SKIMAGE, "rocket.jpg"),
}
_GRAY = {name: (*_SKIMAGE, f"{name}.png") for name in ("brick", "camera", "coins", "grass", "gravel", "moon")}
_FAMILIES: dict[str, Mapping[str, tuple[str, ...]]] = {"photos": _PHOTOS, "gray": _GRAY}

CROPS: dict[str, dict[str, tuple[Box, ...]]] = {
    "fit": {
        "astronaut": ((0, 256, 256, 256), (296, 0, 216, 256), (256, 256, 256, 256)),
        "chelsea": ((0, 0, 130, 300),),
        "china": ((400, 150, 240, 277),),
        "coffee": ((0, 0, 256, 200), (256, 256, 300, 144)),
        "flower": ((450, 60, 190, 320),),
        "motorcycle": ((0, 0, 256, 240), (0, 240, 256, 260), (256, 0, 230, 200)),
        "rocket": ((400, 100, 240, 320),),
    },
    "test": {
        "astronaut": ((40, 0, 256, 256),),
        "chelsea": ((131, 0, 300, 300),),
        "china": ((70, 20, 300, 300),),
        "coffee": ((256, 0, 256, 256),),
        "flower": ((150, 60, 300, 300),),
        "motorcycle": ((256, 200, 230, 300), (486, 100, 255, 320)),
        "rocket": ((160, 100, 240, 320),),
    },
}
"""Left, top, width, height of each crop. No two crops of one photograph share a pixel."""


class _Samples:
    """The scheme `sample:`: photographs by `SampleSource`, and clips made of them, `sample:clips/NAME`."""

    value_type = Value

    def __call__(self, uri: str, *, registry: Registry) -> Source:
        """The source of a name."""
        name = uri.removeprefix("sample:").strip("/")
        if name.partition("/")[0] != "clips":
            return SampleSource(uri, registry=registry)
        from otframe.io.clip_samples import clip_samples

        return clip_samples(name, lambda photo: read_image(_find(_PHOTOS[photo])), registry)


open_samples = _Samples()
"""The reader."""


class SampleSource(Source):
    """Photographs by name.

    `sample:photos` gives seven colour photographs, `sample:photos/NAME` one of them, `sample:photos/fit` and
    `sample:photos/test` crops without a common pixel (keys `astronaut-0`, ...), `sample:gray` and `sample:gray/NAME`
    grey ones.

    Parameters
    ----------
    uri : str
        The name, with the scheme.
    registry : Registry
        Not used: what every reader takes.
    """

    value_type = Image

    def __init__(self, uri: str, *, registry: Registry | None = None) -> None:
        self.uri = f"sample:{uri.removeprefix('sample:').strip('/')}"
        self._items = _choose(self.uri.removeprefix("sample:"))

    def keys(self) -> tuple[str, ...]:
        """The names, in natural order."""
        return tuple(self._items)

    def load(self, key: str) -> Image:
        """The photograph, or its crop."""
        place, box = self._items[key]
        image = read_image(_find(place))
        meta = MappingProxyType({**image.meta, "stem": key})
        if box is None:
            return replace(image, meta=meta)
        left, top, width, height = box
        return replace(image, pixels=image.pixels[:, top : top + height, left : left + width].clone(), meta=meta)

    def where(self, key: str) -> str:
        """The sample's name: it has no path that outputs could be named after."""
        return f"{self.uri} ({key})" if len(self._items) > 1 else self.uri

    def digest(self, key: str) -> str:
        """Of the photograph's bytes and the crop."""
        place, box = self._items[key]
        whole = file_digest(_find(place))
        return whole if box is None else hashlib.sha256(f"{whole}{box}".encode()).hexdigest()


def _choose(name: str) -> dict[str, tuple[tuple[str, ...], Box | None]]:
    family, _, member = name.partition("/")
    if family == "photos" and member in CROPS:
        crops = CROPS[member]
        chosen = {f"{p}-{k}": (_PHOTOS[p], box) for p, boxes in crops.items() for k, box in enumerate(boxes)}
        return {key: chosen[key] for key in sorted(chosen, key=natural)}
    whole: Mapping[str, tuple[str, ...]] = _FAMILIES.get(family, {})
    if whole and not member:
        return {key: (place, None) for key, place in whole.items()}
    if member in whole:
        return {member: (whole[member], None)}
    known = ["photos", "photos/fit", "photos/test", "gray", *(f"photos/{p}" for p in _PHOTOS)]
    known += [f"gray/{p}" for p in _GRAY] + ["clips", "clips/pan", "clips/dusk"]
    near = nearest(name, known)
    raise UnknownNameError(
        f"there is no sample '{name}'",
        hint=f"did you mean {near}?" if near else f"samples: {', '.join(known)}",
    )


def _find(place: tuple[str, ...]) -> Path:
    """The file in its package, which is located and not imported."""
    package, *inside = place
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder).joinpath(*inside)
        if path.is_file():
            return path
    raise InputError(
        f"the sample photograph '{place[-1]}' of {package} is not installed",
        hint="pip install 'otframe[samples]'",
    )
