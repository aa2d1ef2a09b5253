"""Voltages, currents and losses of the electricity grid, hour by hour, and what it can bear."""
