"""Named changes of a city, one kind in a module."""

from __future__ import annotations

from typing import Annotated, Final, get_args

from pydantic import Field

from dothi.changes.base import Change
from dothi.changes.close_links import CloseLinks

AnyChange = Annotated[CloseLinks, Field(discriminator="kind")]
CHANGES: Final[dict[str, type[Change]]] = {
    get_args(change.model_fields["kind"].annotation)[0]: change for change in (CloseLinks,)
}
"""Kinds of change by name."""
