"""Running a checked graph: plan, engine, executors, observers."""

from otframe.run.observer import Observer, RunInfo, RunResult, WrittenFile
from otframe.run.operator import Operator, load
from otframe.run.pipeline import Pipeline
from otframe.run.session import Session
from otframe.run.signature import Signature

__all__ = ["Observer", "Operator", "Pipeline", "RunInfo", "RunResult", "Session", "Signature", "WrittenFile", "load"]
