"""Geometry of the city in flat arrays: rings, prisms, surfaces, terrain meshes."""
