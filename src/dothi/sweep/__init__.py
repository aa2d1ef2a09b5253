"""Sweeps: many variants of a scenario, to see how sure its indicators are and what they depend on."""
