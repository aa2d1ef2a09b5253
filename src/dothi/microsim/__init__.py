"""Microsimulation of an area, by SUMO."""
