"""The sky over a city: where the sun stands, how bright the sky is, and what of it reaches each surface."""

from dothi.sky.light import Light
from dothi.sky.position import Site, SunPath, site_of, sun_path
from dothi.sky.transposition import plane_irradiance

__all__ = ["Light", "Site", "SunPath", "plane_irradiance", "site_of", "sun_path"]
