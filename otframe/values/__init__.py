"""The values that flow on wires: frozen dataclasses, with views of themselves and no algorithms."""

from otframe.values.base import Field, Value
from otframe.values.image import Image
from otframe.values.latent import Latent
from otframe.values.measures import GaussianLaw, PointCloud
from otframe.values.patches import PatchSet
from otframe.values.stored import StoredOperator
from otframe.values.tables import Draw, Scalar, Table
from otframe.values.transports import AffineMap, SolveInfo, Transport

__all__ = [
    "AffineMap",
    "Draw",
    "Field",
    "GaussianLaw",
    "Image",
    "Latent",
    "PatchSet",
    "PointCloud",
    "Scalar",
    "SolveInfo",
    "StoredOperator",
    "Table",
    "Transport",
    "Value",
]
