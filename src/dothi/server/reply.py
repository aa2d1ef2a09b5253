"""Answers that are sent once: strong tags, 304 where nothing changed, packed where the other side can unpack."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from fastapi import Response

if TYPE_CHECKING:
    from fastapi import Request
    from pydantic import BaseModel

JSON: Final = "application/json"
FOREVER: Final = "public, max-age=31536000, immutable"
"""For addresses that bear the key of what they give."""
ASK_AGAIN: Final = "no-cache"
LEAST_PACKED_B: Final = 600
GZIP_LEVEL: Final = 6
ZSTD_LEVEL: Final = 6
_PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "zstd": lambda body: bytes(pa.Codec("zstd", ZSTD_LEVEL).compress(body, asbytes=True)),
    "gzip": lambda body: gzip.compress(body, GZIP_LEVEL, mtime=0),
}


def accepted(request: Request) -> frozenset[str]:
    """Content encodings that the other side takes, those of weight 0 left out."""
    found = set()
    for entry in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = entry.partition(";")
        if not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight):
            found.add(name.strip())
    return frozenset(found)


def packing(request: Request, *, offered: tuple[str, ...] = ("gzip", "zstd")) -> str:
    """First of the offered content encodings that the other side takes; empty for none."""
    taken = accepted(request)
    return next((name for name in offered if name in taken), "")


def tag_of(*parts: object) -> str:
    """Strong entity tag of whatever decides every byte of an answer."""
    return '"' + hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32] + '"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the other side has the very bytes already (If-None-Match)."""
    known = {entry.strip().removeprefix("W/") for entry in request.headers.get("if-none-match", "").split(",")}
    return tag in known or "*" in known


def reply(
    request: Request,
    body: Callable[[], bytes],
    *,
    media_type: str,
    tag: tuple[object, ...],
    cache: str = FOREVER,
    packed: bool = True,
) -> Response:
    """
    Answer with bytes, made only where they are needed.

    Parameters
    ----------
    request
        What was asked; decides the content encoding.
    body
        Makes the bytes.
    media_type
        What they are.
    tag
        What decides them.
    cache
        Cache-Control.
    packed
        Whether they may be packed on the way.
    """
    encoding = packing(request) if packed else ""
    headers = {"Cache-Control": cache, "ETag": tag_of(*tag, encoding), "Vary": "Accept-Encoding"}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    content = body()
    if encoding and len(content) >= LEAST_PACKED_B:
        content = _PACKERS[encoding](content)
        headers["Content-Encoding"] = encoding
    return Response(content, media_type=media_type, headers=headers)


def reply_facts(request: Request, facts: Callable[[], BaseModel], *tag: object) -> Response:
    """Answer with facts, made only where they are needed; `tag` decides them, see `reply`."""
    return reply(request, lambda: facts().model_dump_json().encode(), media_type=JSON, tag=tag)


def reply_twins(
    request: Request, twins: dict[str, Callable[[], bytes]], *, media_type: str, tag: tuple[object, ...], cache: str
) -> Response:
    """
    Answer with a file that lies packed beside itself.

    Parameters
    ----------
    request
        What was asked.
    twins
        Readers of the file by content encoding, the best first, the plain one under an empty name.
    media_type, tag, cache
        As for `reply`.
    """
    encoding = packing(request, offered=tuple(name for name in twins if name))
    headers = {"Cache-Control": cache, "ETag": tag_of(*tag, encoding), "Vary": "Accept-Encoding"}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["Content-Encoding"] = encoding
    return Response(twins[encoding](), media_type=media_type, headers=headers)
