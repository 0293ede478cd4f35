"""Numerics without values: positive semidefinite matrices, moments, and the linear algebra of overlapping patches."""

from otframe.numerics.affine_fold import AffineFold, affine_fold
from otframe.numerics.moments import Moments, moments_of_points
from otframe.numerics.noise_fold import folded_noise, white_field
from otframe.numerics.patch_moments import moments
from otframe.numerics.psd import Spectrum, gelbrich_squared, pinv_sqrt, spectrum, sqrt, symmetrise
from otframe.numerics.unfold import check_patches, fold_rows, unfold_rows

__all__ = [
    "AffineFold",
    "Moments",
    "Spectrum",
    "affine_fold",
    "check_patches",
    "fold_rows",
    "folded_noise",
    "gelbrich_squared",
    "moments",
    "moments_of_points",
    "pinv_sqrt",
    "spectrum",
    "sqrt",
    "symmetrise",
    "unfold_rows",
    "white_field",
]
