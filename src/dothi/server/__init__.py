"""The city over HTTP: a thin door to tables, rasters, scenes and the app."""
