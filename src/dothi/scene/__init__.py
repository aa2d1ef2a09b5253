"""The scene of a city: the small files from which the viewer draws it, see ``docs/reference/scene-format.md``."""

from dothi.scene.write import write_scene

__all__ = ["write_scene"]
