"""How ports and parameters are told."""

from __future__ import annotations

from otframe.graph.telling import parameter_default, parameter_limits, parameter_type, port_type
from otframe.ports import signature


def test_ports(toys):
    told = {port.name: port_type(port) for port in signature(toys.Mix, "solve").inputs}
    assert told["models"] == "labelled GaussianLaw"
    assert [port_type(port) for port in signature(toys.Middle, "solve").inputs] == ["list of GaussianLaw"]
    assert port_type(signature(toys.Train, "__call__").inputs[0]) == "whole stream of Image"


def test_parameters(toys):
    size, floor = toys.Unfold.model_fields["size"], toys.Gaussian.model_fields["floor"]
    assert (parameter_type(size.annotation), parameter_limits(size), parameter_default(size)) == ("int", "≥ 1", "3")
    assert parameter_limits(floor) == "> 0"
    assert parameter_limits(toys.Odd.model_fields["low"]) == ""
    other = toys.Transfer.model_fields["other"]
    assert parameter_type(other.annotation) == "Solver | nothing"
    assert parameter_default(other) == "None"
