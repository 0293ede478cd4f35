"""The pipeline graph: its documents, YAML, the Python builder, and the check."""

from otframe.graph.build import build_component, component, describe_component
from otframe.graph.builder import Builder, Handle, step
from otframe.graph.compile import compile_graph
from otframe.graph.document import Document, InputSpec, LinkSpec, NodeSpec, OutputSpec
from otframe.graph.dump import to_data, to_yaml
from otframe.graph.freeze import Frozen, freeze
from otframe.graph.graph import Graph, Node, Output, Ref, refs
from otframe.graph.matrix import expand
from otframe.graph.parse import parse_document, read_document
from otframe.graph.yaml import parse_scalar

__all__ = [
    "Builder",
    "Document",
    "Frozen",
    "Graph",
    "Handle",
    "InputSpec",
    "LinkSpec",
    "Node",
    "NodeSpec",
    "Output",
    "OutputSpec",
    "Ref",
    "build_component",
    "compile_graph",
    "component",
    "describe_component",
    "expand",
    "freeze",
    "parse_document",
    "parse_scalar",
    "read_document",
    "refs",
    "step",
    "to_data",
    "to_yaml",
]
