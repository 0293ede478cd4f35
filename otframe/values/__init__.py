"""The values that flow on wires: frozen dataclasses, with views of themselves and no algorithms."""

from otframe.values.base import Field, Value
from otframe.values.clip import Clip, FrameEdit, FrameWorker
from otframe.values.couplings import Coupling, Plan
from otframe.values.density import Density
from otframe.values.drawing import Drawing
from otframe.values.image import Image
from otframe.values.latent import Latent
from otframe.values.linear import DenseMap, LinearMap, LowRankMap, SparseMap
from otframe.values.maps import PointMap
from otframe.values.measures import GaussianLaw, PointCloud
from otframe.values.patches import PatchSet
from otframe.values.sheet import PixelEdit, Sheet
from otframe.values.stored import StoredOperator, StoredResult
from otframe.values.tables import Draw, Scalar, Table
from otframe.values.transports import AffineMap, SolveInfo, Transport

__all__ = [
    "AffineMap",
    "Clip",
    "Coupling",
    "DenseMap",
    "Density",
    "Draw",
    "Drawing",
    "Field",
    "FrameEdit",
    "FrameWorker",
    "GaussianLaw",
    "Image",
    "Latent",
    "LinearMap",
    "LowRankMap",
    "PatchSet",
    "PixelEdit",
    "Plan",
    "PointCloud",
    "PointMap",
    "Scalar",
    "Sheet",
    "SolveInfo",
    "SparseMap",
    "StoredOperator",
    "StoredResult",
    "Table",
    "Transport",
    "Value",
]
