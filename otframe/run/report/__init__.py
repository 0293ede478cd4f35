"""The report: one self-contained page with what a run took, made and was."""

from otframe.run.report.report import Report

__all__ = ["Report"]
