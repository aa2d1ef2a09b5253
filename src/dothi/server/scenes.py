"""Scenes over HTTP: files that never change, made on first need."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dothi.server.reply import FOREVER, reply_twins
from dothi.shown import missing

if TYPE_CHECKING:
    from fastapi import Request, Response

    from dothi.shown import Shown


def send_scene(request: Request, shown: Shown, name: str) -> Response:
    """
    One file of the scene of a city.

    Only names that the scene lists are looked for, so no name leads out of its folder.

    Raises
    ------
    MissingError
        The scene has no such file.
    """
    if name not in shown.scene_files or name.endswith(".gz"):
        raise missing("is a file of the scene")
    path = shown.scene / name
    packed = {"gzip": path.with_name(f"{path.name}.gz").read_bytes} if f"{name}.gz" in shown.scene_files else {}
    try:
        return reply_twins(
            request,
            {**packed, "": path.read_bytes},
            media_type="application/json" if Path(name).suffix == ".json" else "application/octet-stream",
            tag=(shown.key, name),
            cache=FOREVER,
        )
    except FileNotFoundError as error:  # built again, and tidied up, since the name was looked up
        raise missing("is a file of the scene") from error
