"""What is given on a device is computed there and stays there."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import torch

from otframe.interfaces import Model, ModelPool
from otframe.testing.elsewhere import DEVICE, Elsewhere, away
from otframe.testing.snapshot import tensors
from otframe.testing.subject import Subject, Trial
from otframe.testing.violation import Violation

__all__ = ["device_kept"]


def device_kept(subject: Subject) -> None:
    """Inputs on a second device are computed there, and the result stays there.

    Where there is no GPU the device is a pretended one, on which networks cannot be loaded: models are left out.
    """
    real = torch.cuda.is_available()
    device = torch.device("cuda", 0) if real else DEVICE
    fresh = replace(subject, pool=ModelPool(device) if real else subject.pool)
    for trial in subject.trials():
        trial.attempt(trial.inputs())
        if isinstance(trial.component, Model) and not real:
            continue
        there = Trial(fresh, trial.component, trial.signature, trial.plan)
        inputs = away(trial.inputs(), device)
        if not tensors(inputs):
            continue
        try:
            with contextlib.nullcontext() if real else Elsewhere():  # type: ignore[no-untyped-call]
                made = there.run(inputs)
        except Exception as error:
            raise Violation(
                f"{subject.name}: {trial.verb} fails for inputs on another device: {type(error).__name__}: {error}"
            ) from error
        for path, tensor in tensors(made):
            if tensor.device != device:
                raise Violation(
                    f"{subject.name}: {trial.verb} gives {path} on {tensor.device} for inputs on {device}; "
                    "move it back with .to(...)"
                )
