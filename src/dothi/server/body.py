"""What is sent to the server: JSON of a bearable size, and nothing else."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from dothi.errors import InputError, Problem, Problems
from dothi.io.toml import report_invalid
from dothi.server.problems import TooLargeError, WrongTypeError

LARGEST_B: Final = 1 << 20
MEDIA_TYPE: Final = "application/json"
Order = TypeVar("Order", bound=BaseModel)


async def read_json(request: Request) -> dict[str, Any]:
    """
    The object that was sent.

    Raises
    ------
    WrongTypeError
        It is not said to be JSON; forms of foreign pages cannot say so.
    TooLargeError
        It is larger than `LARGEST_B`; what lies beyond is not read.
    InputError
        It is no object in JSON.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise WrongTypeError([Problem(f"is sent as {MEDIA_TYPE}", column="body")])
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > LARGEST_B:
            raise TooLargeError([Problem(f"is smaller than {LARGEST_B:,} bytes", column="body")])
    try:
        content = json.loads(received, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # malformed, or not UTF-8, or nested beyond reason
        raise InputError([Problem("is valid JSON", column="body")]) from error
    if not isinstance(content, dict):
        raise InputError([Problem("is an object in JSON", column="body")])
    return content


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def checked(kind: type[Order], content: dict[str, Any]) -> Order:
    """
    What was sent, as it should be.

    Raises
    ------
    InputError
        It breaks rules: all of them are named.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        problems = Problems()
        report_invalid(error, "", problems)
        raise InputError(problems.errors) from error


def taken(schema: dict[str, Any]) -> dict[str, Any]:
    """What stands in the description of the server about a body."""
    return {"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": schema}}}}
