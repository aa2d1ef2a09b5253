"""CityGML written by hand after the standard, and real geometry turned into it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.errors import InputError, Problems
from dothi.io import citygml
from dothi.io.citygml import read_citygml
from dothi.io.cityjson import read_cityjson
from dothi.shapes import surface_areas

NAMESPACES = {
    "2.0": 'xmlns="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0" '
    'xmlns:con="none" xmlns:gen="http://www.opengis.net/citygml/generics/2.0" xmlns:gml="http://www.opengis.net/gml"',
    "3.0": 'xmlns="http://www.opengis.net/citygml/3.0" xmlns:bldg="http://www.opengis.net/citygml/building/3.0" '
    'xmlns:con="http://www.opengis.net/citygml/construction/3.0" '
    'xmlns:gen="http://www.opengis.net/citygml/generics/3.0" xmlns:gml="http://www.opengis.net/gml/3.2"',
}
UTM33 = "urn:ogc:def:crs,crs:EPSG::25833,crs:EPSG::5783"
X, Y = 388_000.0, 5_818_000.0

# The gabled house of test_cityjson: 10 × 6 m, eaves 4 m, ridge 7 m, ground at 2 m.
FLOOR, EAVES, RIDGE = [[0, 0], [10, 0], [10, 6], [0, 6]], [[0, 0], [10, 0], [10, 6], [0, 6]], [[0, 3], [10, 3]]
CORNERS = [[*each, z] for corners, z in ((FLOOR, 2), (EAVES, 6), (RIDGE, 9)) for each in corners]
HOUSE = np.add(CORNERS, [X, Y, 0])
RINGS = [[0, 3, 2, 1], [0, 1, 5, 4], [2, 3, 7, 6], [1, 2, 6, 9, 5], [3, 0, 4, 8, 7], [4, 5, 9, 8], [6, 7, 8, 9]]
KINDS = ["GroundSurface"] + ["WallSurface"] * 4 + ["RoofSurface"] * 2


def numbers(points):
    return " ".join(f"{value:.10g}" for point in points for value in point)


def ring(points, form="posList"):
    closed = [*points, points[0]]
    if form == "pos":
        inner = "".join(f"<gml:pos>{numbers([point])}</gml:pos>" for point in closed)
    elif form == "coordinates":
        inner = "<gml:coordinates>" + " ".join(",".join(map(str, point)) for point in closed) + "</gml:coordinates>"
    else:
        inner = f'<gml:posList srsDimension="{len(points[0])}">{numbers(closed)}</gml:posList>'
    return f"<gml:LinearRing>{inner}</gml:LinearRing>"


def polygon(points, name="", holes=(), form="posList"):
    inner = "".join(f"<gml:interior>{ring(hole, form)}</gml:interior>" for hole in holes)
    label = f' gml:id="{name}"' if name else ""
    return f"<gml:Polygon{label}><gml:exterior>{ring(points, form)}</gml:exterior>{inner}</gml:Polygon>"


def members(*inner):
    return "".join(f"<gml:surfaceMember>{each}</gml:surfaceMember>" for each in inner)


def links(*names):
    return "".join(
        f'<gml:surfaceMember xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#{name}"/>' for name in names
    )


def solid(inner, lod=2, prefix="bldg:"):
    shell = f"<gml:Solid><gml:exterior><gml:CompositeSurface>{inner}</gml:CompositeSurface></gml:exterior></gml:Solid>"
    return f"<{prefix}lod{lod}Solid>{shell}</{prefix}lod{lod}Solid>"


def themed(kind, inner, version="2.0"):
    surface = f"<gml:MultiSurface>{inner}</gml:MultiSurface>"
    if version == "2.0":
        surface = f"<bldg:{kind}><bldg:lod2MultiSurface>{surface}</bldg:lod2MultiSurface></bldg:{kind}>"
        return f"<bldg:boundedBy>{surface}</bldg:boundedBy>"
    return f"<boundary><con:{kind}><lod2MultiSurface>{surface}</lod2MultiSurface></con:{kind}></boundary>"


def house(version="2.0", shift=(0, 0, 0), form="posList"):
    faces = [(HOUSE + shift)[face].tolist() for face in RINGS]
    named = [polygon(face, f"p{i}", form=form) for i, face in enumerate(faces)]
    walls = "".join(themed(kind, members(each), version) for kind, each in zip(KINDS, named, strict=True))
    return walls + solid(links(*(f"p{i}" for i in range(len(faces)))), prefix="bldg:" if version == "2.0" else "")


def building(inner, name="h", tag="Building"):
    return f'<bldg:{tag} gml:id="{name}">{inner}</bldg:{tag}>'


def document(*buildings, version="2.0", crs=UTM33, head='<?xml version="1.0" encoding="UTF-8"?>'):
    envelope = f'<gml:boundedBy><gml:Envelope srsName="{crs}" srsDimension="3"/></gml:boundedBy>' if crs else ""
    objects = "".join(f"<cityObjectMember>{each}</cityObjectMember>" for each in buildings)
    return f"{head}<CityModel {NAMESPACES[version]}>{envelope}{objects}</CityModel>"


@pytest.fixture
def read(tmp_path, problems):
    def write_and_read(content, **options):
        path = tmp_path / "Đà Nẵng.gml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_citygml(path, problems, **options)

    return write_and_read


@pytest.mark.parametrize("form", ["posList", "pos", "coordinates"])
@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_a_gabled_house_is_the_one_of_cityjson(read, problems, version, form):
    tables = read(document(building(house(version, form=form)), version=version))
    one = tables["buildings"].iloc[0]
    assert tables["buildings"].crs == "EPSG:25833"
    assert shapely.equals(one.geometry, shapely.box(X, Y, X + 10, Y + 6))
    assert (one.height_m, one.height_m_method, one.ground_m) == (pytest.approx(5.5), "mean_roof", 2.0)
    kinds = tables["surfaces"]["kind"].value_counts()
    assert (kinds["ground"], kinds["wall"], kinds["roof"]) == (1, 4, 2)  # the solid links to them: not counted twice
    assert not len(problems)


def test_attributes_of_version_2(read):
    words = (
        "<gml:name>Nhà hát</gml:name>"
        '<gen:doubleAttribute name="RelativeEavesHeight"><gen:value>4.0</gen:value></gen:doubleAttribute>'
        "<bldg:function>31001_3041</bldg:function><bldg:yearOfConstruction>1911</bldg:yearOfConstruction>"
        "<bldg:roofType>3100</bldg:roofType>"
        '<bldg:measuredHeight uom="m">7.0</bldg:measuredHeight><bldg:storeysAboveGround>2</bldg:storeysAboveGround>'
    )
    one = read(document(building(words + house())))["buildings"].iloc[0]
    assert (one["name"], one.function, one.year_built, one.storeys) == ("Nhà hát", "worship", 1911, 2)
    assert (one.height_m, one.height_m_method, one.roof_shape) == (4.0, "measured", "gabled")


def test_attributes_of_version_3(read):
    words = (
        "<con:dateOfConstruction>1955-01-01</con:dateOfConstruction>"
        "<con:height><con:Height><con:highReference>highestRoofEdge</con:highReference>"
        '<con:value uom="m">7.5</con:value></con:Height></con:height>'
        "<genericAttribute><gen:StringAttribute><gen:name>function</gen:name><gen:value>school</gen:value>"
        "</gen:StringAttribute></genericAttribute>"
    )
    block = solid(members(*(polygon(HOUSE[face].tolist()) for face in RINGS)), lod=1, prefix="")
    one = read(document(building(words + block), version="3.0"))["buildings"].iloc[0]
    assert (one.year_built, one.height_m, one.height_m_method, one.function) == (1955, 7.5, "highest_point", "school")


def test_links_are_followed_within_a_building_and_across_the_file(read, problems):
    shared = polygon(HOUSE[RINGS[1]].tolist(), "shared")
    rest = [polygon(HOUSE[face].tolist()) for face in RINGS if face != RINGS[1]]
    first = building(solid(members(*rest) + links("shared"), lod=1), "first")
    second = building(solid(members(shared, *rest), lod=1), "second")
    tables = read(document(first, second))
    assert tables["surfaces"]["building_id"].value_counts().to_dict() == {0: 7, 1: 7}
    read(document(building(solid(members(*rest) + links("gone"), lod=1))))
    assert "links to surfaces that are not in the file were left out (1 row, gone)" in [str(each) for each in problems]


def test_surfaces_that_link_into_the_solid_keep_their_meaning(read):
    body = solid(members(*(polygon(HOUSE[face].tolist(), f"p{i}") for i, face in enumerate(RINGS))))
    walls = "".join(themed(kind, links(f"p{i}")) for i, kind in enumerate(KINDS))
    kinds = read(document(building(body + walls)))["surfaces"]["kind"].value_counts()
    assert (kinds["ground"], kinds["wall"], kinds["roof"]) == (1, 4, 2)


def test_openings_are_surfaces_and_holes_are_cut_out(read):
    window = [[2, 0, 3], [3, 0, 3], [3, 0, 4], [2, 0, 4]]
    hole = np.add(window, [X, Y, 0]).tolist()
    wall = polygon(HOUSE[RINGS[1]].tolist(), holes=[hole])
    opening = (
        "<bldg:opening><bldg:Window><bldg:lod3MultiSurface><gml:MultiSurface>"
        f"{members(polygon(hole))}</gml:MultiSurface></bldg:lod3MultiSurface></bldg:Window></bldg:opening>"
    )
    surface = (
        f"<bldg:boundedBy><bldg:WallSurface><bldg:lod3MultiSurface><gml:MultiSurface>{members(wall)}</gml:MultiSurface>"
        f"</bldg:lod3MultiSurface>{opening}</bldg:WallSurface></bldg:boundedBy>"
    ) + themed("GroundSurface", members(polygon(HOUSE[RINGS[0]].tolist()))).replace("lod2", "lod3")
    tables = read(document(building(house() + surface)), lod="3")
    found = tables["surfaces"].set_index("kind").geometry
    assert_allclose(surface_areas(found.to_numpy()), [39.0, 1.0, 60.0])
    assert list(found.index) == ["wall", "window", "ground"]


def test_parts_belong_to_their_building(read):
    part = building(house(), "p", "BuildingPart")
    other = building(house(shift=(10, 0, 0)), "q", "BuildingPart")
    inner = "".join(f"<bldg:consistsOfBuildingPart>{each}</bldg:consistsOfBuildingPart>" for each in (part, other))
    tables = read(document(building(inner, "whole")))
    assert tables["buildings"]["source_id"].tolist() == ["whole"]
    assert tables["buildings"].area.tolist() == pytest.approx([120.0])
    assert tables["buildings"].geometry.iloc[0].geom_type == "Polygon"
    assert tables["building_parts"]["source_id"].tolist() == ["p", "q"]
    assert tables["surfaces"]["building_id"].tolist() == [0] * 14


def test_a_flat_footprint_is_enough_for_a_building(read):
    flat = polygon([[X, Y], [X + 4, Y], [X + 4, Y + 5], [X, Y + 5]])
    inner = f"<bldg:lod0FootPrint><gml:MultiSurface>{members(flat)}</gml:MultiSurface></bldg:lod0FootPrint>"
    tables = read(document(building("<bldg:measuredHeight>9</bldg:measuredHeight>" + inner)))
    assert list(tables) == ["buildings"]
    assert tables["buildings"][["height_m", "ground_m"]].fillna(-1).values.tolist() == [[9.0, -1.0]]


@pytest.mark.parametrize(
    ("crs", "order"),
    [
        ("urn:ogc:def:crs:EPSG::4326", (1, 0, 2)),
        ("http://www.opengis.net/def/crs/EPSG/0/4979", (1, 0, 2)),
        ("EPSG:4326", (0, 1, 2)),
        ("http://www.opengis.net/gml/srs/epsg.xml#4326", (0, 1, 2)),
    ],
)
def test_degrees_are_read_in_the_order_their_name_says_and_come_out_in_metres(read, problems, crs, order):
    """A URN stands for the order of the authority, latitude first; the short form for east first."""
    hanoi = np.array([[105.85, 21.02, 0.0], [105.8501, 21.02, 0.0], [105.8501, 21.0201, 5.0]])
    tables = read(document(building(solid(members(polygon(hanoi[:, order].tolist())), lod=1)), crs=crs))
    assert tables["buildings"].crs == "EPSG:32648"
    assert_allclose(tables["buildings"].to_crs(4326).total_bounds, [105.85, 21.02, 105.8501, 21.0201])
    assert tables["buildings"].area.iloc[0] == pytest.approx(10.4 * 11.07 / 2, rel=0.01)  # 0.0001° each way
    assert not len(problems)


def test_a_projected_grid_keeps_its_order(read, problems):
    """EPSG:5514, Křovák East North: the authority itself puts east first."""
    inner = [[-740_000.0, -1_040_000.0, 0.0], [-739_990.0, -1_040_000.0, 0.0], [-739_990.0, -1_039_990.0, 0.0]]
    tables = read(document(building(solid(members(polygon(inner)), lod=1)), crs="urn:ogc:def:crs:EPSG::5514"))
    assert_allclose(tables["buildings"].total_bounds[:2], [-740_000.0, -1_040_000.0])
    assert not len(problems)


def test_axes_that_disobey_the_standard_are_found_out(read, problems):
    """EPSG:31467 (Gauss-Krüger zone 3) has north first; German files write east first all the same."""
    inner = [[3_451_262.0, 5_429_191.0, 113.0], [3_451_272.0, 5_429_191.0, 113.0], [3_451_272.0, 5_429_200.0, 113.0]]
    tables = read(document(building(solid(members(polygon(inner)), lod=1)), crs="urn:ogc:def:crs:EPSG::31467"))
    assert_allclose(tables["buildings"].total_bounds[:2], [3_451_262.0, 5_429_191.0])
    assert "east before north" in str(next(iter(problems)))


def test_real_geometry_survives_the_way_through_gml(sample, read, problems):
    """Sixteen buildings of Rotterdam, written as CityGML with every digit, give the same tables as from CityJSON."""
    path = sample("cityjson/rotterdam/rotterdam_subset.json")
    expected = read_cityjson(path, problems, crs="EPSG:28992")
    content = json.loads(path.read_text())
    points = np.array(content["vertices"]) * content["transform"]["scale"] + content["transform"]["translate"]
    buildings = []
    for name, each in content["CityObjects"].items():
        (geometry,) = each["geometry"]
        types = [surface["type"] for surface in geometry["semantics"]["surfaces"]]
        level = f"<gen:value>{each['attributes']['TerrainHeight']}</gen:value>"
        inner = f'<gen:stringAttribute name="TerrainHeight">{level}</gen:stringAttribute>'
        for rings, kind in zip(geometry["boundaries"], geometry["semantics"]["values"], strict=True):
            outer, *holes = ([[repr(float(v)) for v in points[i]] for i in one] for one in rings)
            inner += themed(types[kind], members(exact(outer, holes)))
        buildings.append(building(inner, "_" + name.strip("{}")))
    found = read(document(*buildings, crs="urn:ogc:def:crs:EPSG::28992"))
    for table in ("buildings", "surfaces"):
        pair = expected[table].geometry.to_numpy(), found[table].geometry.to_numpy()
        assert shapely.equals_identical(*pair).all()
        columns = [column for column in expected[table].columns if column not in ("geometry", "source_id")]
        pd.testing.assert_frame_equal(expected[table][columns], found[table][columns])


def exact(outer, holes):
    def positions(points):
        text = " ".join(value for point in [*points, points[0]] for value in point)
        return f"<gml:LinearRing><gml:posList>{text}</gml:posList></gml:LinearRing>"

    inner = "".join(f"<gml:interior>{positions(hole)}</gml:interior>" for hole in holes)
    return f"<gml:Polygon><gml:exterior>{positions(outer)}</gml:exterior>{inner}</gml:Polygon>"


def test_a_zip_archive_is_opened(tmp_path, problems):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.gml", document(building(house())))
    assert len(read_citygml(path, problems)["buildings"]) == 1


def test_what_is_not_read_is_noted(read, problems):
    read(document(building(house()), "<Road/>", "<Road/>"))
    assert "Road (2)" in str(next(iter(problems)))


LAUGHS = '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>'
LATE = "<!--" + " " * 70_000 + "-->" + LAUGHS.partition("?>")[2]
MIXED = '<gml:Polygon srsName="EPSG:4326" '
FETCH = '<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://example.org/evil.dtd">'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "file is not empty"),
        ("hello", "well-formed XML"),
        (document(building(house()))[:3000], "whole and well-formed XML"),
        (document(building("<gml:name>&c;</gml:name>" + house()), head=LAUGHS), "no document type"),
        (document(building(house()), head=FETCH), "no document type"),
        (document(building(house()), head=" " * 70_000 + ""), ""),
        (
            document(building(house()), head="<!--" + " " * 70_000 + "-->" + LAUGHS.partition("?>")[2]),
            "no document type",
        ),
        (document(building(house()), head=LAUGHS).encode("utf-16"), "no document type"),
        ("<kml/>", "root is a CityModel"),
        (document(), "at least one building"),
        (document(building(house()), crs=""), "set `crs`"),
        (document(building(house()), crs="urn:ogc:def:crs:EPSG::999999"), "reference system is known"),
        (document(building(house().replace(f"{X:.10g}", "x", 1))), "coordinates are numbers"),
        (
            document(building(house()).replace("<gml:Polygon ", '<gml:Polygon srsName="EPSG:4326" ', 1)),
            "one reference system",
        ),
        (document(building(house())).encode().replace(b'"h"', b'"\xff\xfe"'), "well-formed XML"),
    ],
)
def test_bad_input_ends_in_a_clear_error(read, content, message):
    if not message:
        assert len(read(content)["buildings"]) == 1
        return
    with pytest.raises(InputError, match=message):
        read(content)


def test_an_object_without_end_is_refused(read, monkeypatch):
    monkeypatch.setattr(citygml, "OBJECT_LIMIT", 1 << 20)
    with pytest.raises(InputError, match="one city object takes at most 1 MiB"):
        read(document(building(house() * 400)))


def test_a_level_that_is_not_there_is_refused(read):
    with pytest.raises(InputError, match="level of detail 1 is present; this file has 2"):
        read(document(building(house())), lod="1")


# --- real files ---------------------------------------------------------------------------------------------------


@pytest.fixture
def packaged(sample):
    """Real file inside the npm package citygml-to-3dtiles (Apache-2.0): in the web app's modules or the sample data."""

    def find(name: str) -> Path:
        module = Path(__file__).resolve().parents[2] / "web/node_modules/citygml-to-3dtiles/test/data" / name
        return module if module.exists() else sample(f"citygml/{name}")

    return find


def test_a_real_file_that_names_a_datum_is_read_on_the_one_grid_that_holds_it(packaged, problems):
    """Zurich, CityGML 1.0, written by 3D City Database: srsName is CH1903, coordinates are those of LV03."""
    tables = read_citygml(packaged("zurich-lod2-citygml1.xml"), problems)
    assert {name: len(table) for name, table in tables.items()} == {"buildings": 4, "building_parts": 4, "surfaces": 61}
    assert tables["surfaces"]["kind"].value_counts().to_dict().items() >= {"wall": 45, "roof": 12, "ground": 4}.items()
    assert tables["buildings"].crs == "EPSG:21781"
    lon, lat = tables["buildings"].to_crs(4326).total_bounds[:2]
    assert (round(lon, 2), round(lat, 2)) == (8.54, 47.37)  # Zurich, left of the Limmat
    assert_allclose(tables["buildings"]["height_m"], [4.914, 9.331, 10.751, 10.758], atol=0.001)
    assert ["EPSG:21781" in str(problem) for problem in problems] == [True]


def test_a_real_file_whose_heights_are_levels_is_measured_from_the_ground(packaged, problems):
    """Delft, CityGML 2.0, written by 3dfier: measuredHeight is the level of the roof, 3.23 m above the sea."""
    buildings = read_citygml(packaged("delft-citygml2.xml"), problems)["buildings"]
    assert_allclose(buildings["ground_m"], [0.56, 0.26, 0.49])
    assert_allclose(buildings["height_m"], np.subtract([3.23, 9.19, 10.56], [0.56, 0.26, 0.49]))
    assert set(buildings["height_m_method"]) == {"top_of_block"}
    assert_allclose(buildings.area, [7.41, 25.47, 844.11], atol=0.01)
    assert [problem.n_rows for problem in problems] == [3]


def test_a_real_file_in_the_wrong_country_is_refused(packaged):
    """A house of SIG3D at 458868, 5438343 that claims CH1903: no Swiss grid reaches there."""
    with pytest.raises(InputError, match="CH1903 counts degrees"):
        read_citygml(packaged("sig3d-genericattributes-citygml2.xml"), Problems())
    told = read_citygml(packaged("sig3d-genericattributes-citygml2.xml"), Problems(), crs="EPSG:25832")["buildings"]
    assert told.area.tolist() == [80.0]  # 10 × 8 m


def test_a_datum_stands_for_the_one_grid_on_it_that_holds_the_coordinates(read, problems):
    zurich = house(shift=(683_000 - X, 247_000 - Y, 0))
    assert read(document(building(zurich), crs="CH1903"))["buildings"].crs == "EPSG:21781"
    assert [problem.severity for problem in problems] == ["repair"]
    with pytest.raises(InputError, match="set `crs` for this source, such as EPSG:"):
        read(document(building(house()), crs="ETRS89"))  # many a grid on ETRS89 holds them


def test_a_measured_height_that_is_the_level_of_the_top_is_no_height(read):
    """A block from 2 m to 9 m: 7 is its height, 9 its level."""
    block = solid(members(*(polygon(HOUSE[face].tolist()) for face in RINGS)), lod=1)
    for told, method in (("7.0", "highest_point"), ("9.00", "top_of_block")):
        table = read(document(building(f"<bldg:measuredHeight>{told}</bldg:measuredHeight>{block}")))["buildings"]
        assert (table["height_m"].tolist(), table["height_m_method"].tolist()) == ([pytest.approx(7.0)], [method])
