import pytest

from dothi.errors import InputError
from dothi.study import Study


def problems_of(folder, text):
    (folder / "dothi.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Study.open(folder)
    return [str(problem).removeprefix(str(folder / "dothi.toml")) for problem in caught.value.problems]


def test_all_problems_of_the_configuration_are_named_with_their_lines(tmp_path):
    text = """\
name = "Huế"
country = "vn"
crs = "EPSG:4326"
extent = [3.0, 2.0, 1.0, 4.0]

[[source]]
kind = "osm"

[[source]]
kind = "vector"
path = "roads.gpkg"
tabel = "roads"

[build]
terrain_cell_m = -2.0
"""
    assert problems_of(tmp_path, text) == [
        ", line 3: crs: is a projected grid in metres (is 'EPSG:4326')",
        ", line 4: extent: is west, south, east, north with west < east and south < north",
        ", line 6: source.1.path: is given",
        ", line 9: source.2.table: is given",
        ", line 12: source.2.tabel: is a known key",
        ", line 15: build.terrain_cell_m: is above 0 (is -2.0)",
    ]


def test_a_study_without_sources_or_with_an_unknown_kind_is_refused(tmp_path):
    head = 'name = "x"\ncountry = "fr"\ncrs = "EPSG:2154"\n'
    assert problems_of(tmp_path, head) == [": source: is given"]
    (problem,) = problems_of(tmp_path, head + '[[source]]\nkind = "dwg"\n')
    assert problem.startswith(", line 4: source.1.kind: is one of 'nantes'")


def test_a_folder_without_configuration_is_told_so(tmp_path):
    with pytest.raises(InputError, match=r"dothi\.toml: file is present"):
        Study.open(tmp_path)


def test_a_study_that_was_not_built_says_what_to_run(tmp_path):
    (tmp_path / "dothi.toml").write_text('name = "x"\ncountry = "fr"\ncrs = "EPSG:2154"\n[[source]]\nkind = "nantes"\n')
    with pytest.raises(InputError, match="run dothi build"):
        Study.open(tmp_path).city  # noqa: B018
