import importlib.util
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", REPOSITORY / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path):
    (tmp_path / "web" / "src").mkdir(parents=True)
    (tmp_path / "web" / "src" / "main.ts").write_text("export {};", encoding="utf-8")
    (tmp_path / "src" / "dothi" / "_web").mkdir(parents=True)
    return tmp_path


def test_the_app_counts_as_built_until_a_source_changes(hook, root):
    assert not hook.is_built(root)
    stamp = root / hook.OUT / hook.STAMP
    stamp.write_text(hook.stamp_of(root / "web"), encoding="utf-8")
    assert hook.is_built(root)
    (root / "web" / "node_modules").mkdir()
    (root / "web" / "node_modules" / "three.js").write_text("installed", encoding="utf-8")
    assert hook.is_built(root)
    (root / "web" / "src" / "main.ts").write_text("export const x = 1;", encoding="utf-8")
    assert not hook.is_built(root)


def test_a_built_app_is_left_alone_and_needs_no_node(hook, root, monkeypatch):
    (root / hook.OUT / hook.STAMP).write_text(hook.stamp_of(root / "web"), encoding="utf-8")
    monkeypatch.setattr(hook, "npm", lambda *_: pytest.fail("npm was run"))
    said = []
    hook.build_web(root, said.append)
    assert said == ["web app: up to date"]


def test_the_app_is_built_whole_and_installed_packages_are_kept(hook, root, monkeypatch):
    (root / "web" / "package-lock.json").write_text("{}", encoding="utf-8")
    ran = []

    def npm(folder, *arguments):
        ran.append(arguments[0])
        if arguments[0] == "ci":
            (folder / "node_modules").mkdir(exist_ok=True)
        else:
            (folder / "dist").mkdir(exist_ok=True)
            (folder / "dist" / "index.html").write_text("<!doctype html>", encoding="utf-8")

    monkeypatch.setattr(hook, "npm", npm)
    hook.build_web(root, lambda _: None)
    assert (root / hook.OUT / "index.html").exists()
    assert hook.is_built(root)
    (root / "web" / "src" / "main.ts").write_text("export const x = 2;", encoding="utf-8")
    hook.build_web(root, lambda _: None)
    assert ran == ["ci", "run", "run"]


def test_the_lock_of_the_app_names_no_address_to_download_from():
    for lock in (REPOSITORY / "web" / "package-lock.json", *(REPOSITORY / "tests").glob("*/package-lock.json")):
        text = lock.read_text(encoding="utf-8")
        assert '"resolved"' not in text
        assert "integrity" in text
