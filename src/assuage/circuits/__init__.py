"""Circuits: four domains of self-injury research, their brain regions, who names them and where they lie."""

from assuage.circuits.circuits import Circuit, Region, circuit_names, load_circuit

__all__ = ["Circuit", "Region", "circuit_names", "load_circuit"]
