"""Solar modules on roofs and walls: what they yield, who uses it, and whether it pays."""
