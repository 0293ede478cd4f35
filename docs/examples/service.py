"""A web service that applies one operator: `OPERATOR=denoiser.otf uvicorn service:app`.

It loads only the plugins it needs, and answers a picture with a picture. Errors of the request are told as such.
"""

import os
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response

import otframe
from otframe.errors import DataError, OtframeError
from otframe.registry import Registry

LIMIT = 20_000_000
REGISTRY = Registry(allow=["autoencoder", "gaussian", "restore", "metrics"])


@asynccontextmanager
async def lifespan(app: FastAPI):
    """One session for the life of the service: safe for all its threads, models loaded once."""
    with otframe.load(os.environ["OPERATOR"], REGISTRY).session() as session:
        app.state.session = session
        yield


app = FastAPI(title="otframe", lifespan=lifespan)


@app.get("/signature")
def signature(request: Request) -> dict:
    """What the operator takes: what a web form is made from."""
    found = request.app.state.session.pipeline.signature
    return {"inputs": [vars(i) for i in found.inputs], "parameters": found.schema()}


@app.post("/enhance", response_class=Response)
async def enhance(request: Request) -> Response:
    """A PNG, JPEG, TIFF or WebP in the body; the enhanced picture as PNG."""
    body = await request.body()
    if not 0 < len(body) <= LIMIT:
        raise HTTPException(413, f"wanted 1 to {LIMIT:,} bytes, got {len(body):,}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "photo.png").write_bytes(body)  # what it is decides its content, not its name
        try:
            request.app.state.session.run({"photos": f"{folder}/photo.png"}, out=f"{folder}/out", only="enhanced")
        except DataError as error:
            raise HTTPException(422, error.message) from error
        except OtframeError as error:
            raise HTTPException(500, f"{error.node}: {error.message}") from error
        return Response((Path(folder) / "out" / "photo.png").read_bytes(), media_type="image/png")
