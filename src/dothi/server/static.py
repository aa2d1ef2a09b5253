"""The app: files built from ``web/`` into the package, sent packed where the browser can unpack."""

from __future__ import annotations

import mimetypes
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import Response

from dothi import __version__
from dothi.io.files import is_there
from dothi.server.reply import ASK_AGAIN, FOREVER, reply_twins
from dothi.shown import missing

if TYPE_CHECKING:
    from fastapi import Request

TWINS: Final = {"br": ".br", "gzip": ".gz"}
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Media types that must not depend on what a system says."""

NOT_BUILT: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Dothi</title>
<body>
<h1>Dothi</h1>
<p>The server runs, but this installation came without the web app. Developers build it with <code>make web</code>.</p>
<p lang="fr">Le serveur fonctionne, mais cette installation ne contient pas l’application web.
Pour la construire : <code>make web</code>.</p>
<p lang="vi">Máy chủ đang chạy, nhưng bản cài đặt này không có ứng dụng web.
Người phát triển tạo bằng lệnh <code>make web</code>.</p>
<p><a href="/api/study">/api/study</a> · <a href="/api/openapi.json">/api/openapi.json</a></p>
</body>
</html>
"""


def app_folder() -> Path:
    """Where the built app lies."""
    return Path(str(files("dothi"))) / "_web"


@cache
def _listed(folder: Path) -> frozenset[str]:
    """Names of the files of the app: nothing else is ever sent."""
    return frozenset(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def send_file(request: Request, folder: Path, name: str) -> Response:
    """
    One file of the app; its first page under the empty name.

    Raises
    ------
    MissingError
        The app has no such file.
    """
    name = name or "index.html"
    if not is_there(folder / "index.html"):
        if name == "index.html":
            return Response(NOT_BUILT, media_type=TYPES[".html"], headers={"Cache-Control": "no-store"})
        raise missing("is a file of the app")
    listed = _listed(folder)
    suffix = Path(name).suffix
    if name not in listed or name.startswith(".") or suffix in TWINS.values():
        raise missing("is a file of the app")
    path = folder / name
    twins = {
        encoding: (folder / f"{name}{end}").read_bytes for encoding, end in TWINS.items() if f"{name}{end}" in listed
    }
    hashed = name.startswith("assets/")
    when = path.stat()
    return reply_twins(
        request,
        {**twins, "": path.read_bytes},
        media_type=TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream",
        tag=(__version__, name, when.st_mtime_ns, when.st_size),
        cache=FOREVER if hashed else ASK_AGAIN,
    )
