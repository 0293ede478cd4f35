"""Train the tiny autoencoder: ``python -m otframe_autoencoder.training.train --data DIR... --steps N --out DIR``.

Counted in steps, never in time. Every random number is drawn from (seed, step), so a run that is stopped and
resumed gives the same weights as one that is not (same library versions, same number of threads).
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from ..networks.tiny import Tiny
from .critic import Critic, combined_gradient
from .data import Photos, check_photos
from .losses import Losses
from .pairs import Pairs
from .stages import Moved, reconstruct, transport, weights_at
from .start import start_tiny

__all__ = ["main"]

DECAY = 0.998
RAMP = 500
ANALYTIC = ("block_", "band_", "cosines")


def learning_rate(step: int, *, first: int, steps: int, decay: int) -> float:
    """Stage 1: a cosine from 1e-3 to 2e-4. Stage 2: 5e-4, falling to zero along the last `decay` steps.

    The plateau of stage 2 does not know how long it is: a run may be made longer as long as it has not begun to decay.
    """
    if step < first:
        rate, begun = 6e-4 + 4e-4 * math.cos(math.pi * step / first), step
    else:
        rate, begun = 5e-4 * min(1.0, (steps - step) / decay), step - first
    return min(1.0, (begun + 1) / 50) * rate


def optimiser(net: Tiny) -> torch.optim.AdamW:
    """AdamW; the analytic paths move ten times slower than the network, which starts from nothing."""
    groups: list[dict] = [{"params": [], "scale": 1.0}, {"params": [], "scale": 0.1, "weight_decay": 0.0}]
    for name, parameter in net.named_parameters():
        groups[name.startswith(ANALYTIC)]["params"].append(parameter)
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-3)


def play(
    moved: Moved, clean: Tensor, critic: Critic, optimizer: torch.optim.Optimizer, *, share: float
) -> dict[str, Tensor]:
    """Back-propagate stage 2 with the critic's share in the gradient, then move the critic; give what is logged."""
    critic.requires_grad_(False)
    scores = critic(moved.output, moved.features)
    adversarial = -sum(score.mean() for score in scores) / len(scores)
    gradient = combined_gradient(sum(moved.terms.values()), adversarial, moved.output, share=share)
    torch.autograd.backward([moved.output, moved.anchor], [gradient, torch.ones(())])
    critic.requires_grad_(True)
    optimizer.zero_grad(set_to_none=True)
    loss = critic.loss((clean, moved.clean_features), (moved.output, moved.features))
    loss.backward()
    optimizer.step()
    return {"critic": loss.detach(), "score": -adversarial.detach()}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of photographs")
    parser.add_argument("--features", type=Path, required=True, help="LPIPS AlexNet weights (safetensors), a loss only")
    parser.add_argument(
        "--denoiser", type=Path, required=True, help="blind colour DnCNN weights, makes pairs of stage 2"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint, the log and the weights")
    parser.add_argument("--steps", type=int, default=5_900, help="steps of both stages together")
    parser.add_argument("--first", type=int, default=2_500, help="steps of stage 1")
    parser.add_argument("--decay", type=int, default=900, help="last steps, along which the rate falls to zero")
    parser.add_argument("--stop", type=int, help="stop after this step (a later --resume goes on)")
    parser.add_argument("--count", type=int, default=8, help="crops in a batch")
    parser.add_argument("--size", type=int, default=128, help="side of a crop")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--any-photos", action="store_true", help="train on photographs that are not listed")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def save(path: Path, step: int, average: Tiny, **parts) -> None:
    """Write the checkpoint, then the averaged weights alone; each by a rename, so that a kill leaves a whole file."""
    temporary = path / "checkpoint.tmp"
    states = {key: part.state_dict() for key, part in parts.items()}
    torch.save({"step": step, "average": average.state_dict()} | states, temporary)
    temporary.rename(path / "checkpoint.pt")
    half = {key: value.half().contiguous() for key, value in average.state_dict().items()}
    save_file(half, path / "tiny.tmp", metadata={"network": "tiny", "step": str(step)})
    (path / "tiny.tmp").rename(path / "tiny.safetensors")


def main() -> None:
    """Run the training."""
    options = parse()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.any_photos:
        check_photos(options.data)
    photos, losses = Photos(options.data), Losses(options.features)
    pairs = Pairs(photos, options.denoiser, options.out / "pairs", seed=options.seed)
    net, average = start_tiny(photos, seed=options.seed), Tiny()
    average.load_state_dict(net.state_dict())
    net, average = net.to(memory_format=torch.channels_last), average.requires_grad_(False)
    optimizer, begin = optimiser(net), 0
    torch.manual_seed(options.seed)
    critic = Critic()
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=4e-4, betas=(0.5, 0.9))
    parts = {"net": net, "optimizer": optimizer, "critic": critic, "critic_optimizer": critic_optimizer}
    if options.resume:
        state = torch.load(options.out / "checkpoint.pt", weights_only=True)
        average.load_state_dict(state["average"])
        for key, part in parts.items():
            part.load_state_dict(state[key])
        begin = state["step"]
    end, started = min(options.stop or options.steps, options.steps), time.perf_counter()
    for step in range(begin, end):
        rng = np.random.default_rng([options.seed, step])
        generator = torch.Generator().manual_seed(options.seed * 2**32 + step)
        for group in optimizer.param_groups:
            group["lr"] = group["scale"] * learning_rate(
                step, first=options.first, steps=options.steps, decay=options.decay
            )
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            if step < options.first:
                terms = reconstruct(net, losses, photos, rng, generator, count=options.count, size=options.size)
            else:
                weights, count = weights_at(step - options.first), options.count
                batch = pairs.batch(step - options.first, count + weights.others, options.size, rng)
                moved = transport(net, losses, batch, generator, weights=weights, count=count)
                terms = moved.terms | {"anchor": moved.anchor}
        loss = sum(terms.values())
        if step < options.first:
            loss.backward()
        else:
            share = weights.share * min(
                1.0, (step - options.first) / RAMP
            )  # a critic that knows nothing yet has no say
            terms |= play(moved, batch[1][: options.count], critic, critic_optimizer, share=share)
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        if not torch.isfinite(norm):
            raise RuntimeError(f"step {step}: the gradient is not finite: { {k: v.item() for k, v in terms.items()} }")
        optimizer.step()
        decay = min(DECAY, (step + 1) / (step + 10))
        with torch.no_grad():
            for kept, new in zip(average.parameters(), net.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
        if step % 20 == 0 or step + 1 == end:
            seconds = round(time.perf_counter() - started, 1)
            row = {"step": step, "seconds": seconds, "loss": loss.item(), "norm": norm.item()} | {
                key: value.item() for key, value in terms.items()
            }
            with (options.out / ("log_reconstruct.csv" if step < options.first else "log_transport.csv")).open(
                "a", newline=""
            ) as file:
                writer = csv.DictWriter(file, list(row))
                if file.tell() == 0:
                    writer.writeheader()
                writer.writerow(row)
            print({key: round(value, 4) for key, value in row.items()}, flush=True)
        if (step + 1) % options.every == 0 or step + 1 == end:
            save(options.out, step + 1, average, **parts)


if __name__ == "__main__":
    main()
