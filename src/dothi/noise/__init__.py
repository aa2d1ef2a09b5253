"""Noise of roads at façades and over the ground."""
