"""Emissions of road traffic: carbon dioxide, nitrogen oxides and fine particles by link."""
