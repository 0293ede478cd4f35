"""Fit an operator on two folders and apply it to arrays: `python embed.py RESTORED CLEAN PHOTO OUT.png`."""

import sys

from otframe import Image, Pipeline
from otframe.io import open_source, write
from otframe.registry import Registry

restored, clean, photo, target = sys.argv[1:]

pipeline = Pipeline.from_yaml("pipelines/restoration.yaml")
operator = pipeline.fit(restored=restored, clean=clean)
operator.save(f"{target}.otf")

source = open_source(photo, Registry.installed())
with operator.session() as session:  # models are loaded once
    for key in source.keys():
        image = source.load(key)
        enhanced = session(image.numpy())  # (H, W, C) float32 in, the same out
        write(Image.from_numpy(enhanced, meta={"depth": image.meta["depth"]}), target)
        print(f"{key}: {enhanced.shape[1]} x {enhanced.shape[0]} -> {target}")
