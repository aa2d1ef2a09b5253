"""OpenStreetMap extracts as city tables."""

from dothi.io.osm.reader import read_osm

__all__ = ["read_osm"]
