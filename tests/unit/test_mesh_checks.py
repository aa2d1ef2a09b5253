"""Checks of solids: each fault once, by hand, and real models."""

import geopandas as gpd
import pytest
import shapely

from dothi import schema
from dothi.city import City
from dothi.io.cityjson import read_cityjson
from dothi.mesh.checks import RULES, check_table, faults_of, faults_of_prisms
from dothi.mesh.prisms import prisms_of
from dothi.mesh.skin import skin_of
from dothi.tables import TABLES

GRID = "EPSG:2154"
A, B, C, D = (0.0, 0.0), (10.0, 0.0), (10.0, 8.0), (0.0, 8.0)


def cube(shift=0.0):
    """Faces of a box 10 m × 8 m × 6 m, outwards."""
    low = [(x + shift, y, 0.0) for x, y in (A, B, C, D)]
    high = [(x + shift, y, 6.0) for x, y in (A, B, C, D)]
    faces = [[low[0], low[3], low[2], low[1]], high]
    faces += [[low[i], low[(i + 1) % 4], high[(i + 1) % 4], high[i]] for i in range(4)]
    return faces


def solid_city(*buildings, footprints=None):
    """City of modelled buildings; a face is a ring, or a list of rings in a tuple."""
    faces = [
        (number, shapely.Polygon(face[0], face[1:]) if isinstance(face, tuple) else shapely.Polygon(face))
        for number, building in enumerate(buildings)
        for face in building
    ]
    surfaces = gpd.GeoDataFrame(
        {"building_id": [number for number, _ in faces], "kind": "wall", "lod": "2"},
        geometry=[shape for _, shape in faces],
        crs=GRID,
    )
    shapes = footprints or [shapely.box(20 * i, 0, 20 * i + 10, 8) for i in range(len(buildings))]
    frame = gpd.GeoDataFrame({"height_m": [6.0] * len(shapes), "ground_m": 0.0}, geometry=shapes, crs=GRID)
    tables = {"buildings": frame, "surfaces": surfaces}
    tables = {name: schema.complete(table, TABLES[name]) for name, table in tables.items()}
    return City("Khối", "fr", GRID, (0.0, 0.0, 1.0, 1.0), tables=tables)


def codes(*buildings):
    skin = skin_of(solid_city(*buildings), party=False, turned=False)
    return set(faults_of(skin).code.tolist())


def test_a_box_breaks_no_rule():
    assert codes(cube()) == set()


def test_a_missing_face_leaves_a_solid_open():
    assert codes(cube()[1:]) == {302}


def test_a_face_the_wrong_way_round_is_found():
    faces = cube()
    faces[3] = faces[3][::-1]
    assert codes(faces) == {307}


def test_a_shell_that_faces_inwards_is_found():
    assert codes([face[::-1] for face in cube()]) == {405}


def test_a_wall_inside_makes_edges_of_three_faces():
    inner = [(0.0, 0.0, 0.0), (10.0, 0.0, 0.0), (10.0, 8.0, 6.0), (0.0, 8.0, 6.0)]
    assert codes([*cube(), inner]) == {302, 303}  # its own slanting edges belong to no other face


def test_two_boxes_apart_are_two_pieces():
    assert codes(cube() + cube(15.0)) == {305}


def test_three_faces_are_too_few():
    assert 301 in codes(cube()[:3])


def test_a_repeated_vertex_is_found():
    faces = cube()
    faces[1] = [faces[1][0], (0.0004, 0.0, 6.0), *faces[1][1:]]
    assert codes(faces) == {102}


def test_a_ring_of_two_places_is_too_few():
    faces = cube()
    sliver = [(0.0, 0.0, 0.0), (10.0, 0.0, 0.0), (10.0, 0.0, 0.0002)]
    assert {101, 102} <= codes([*faces, sliver])


def test_a_ring_that_crosses_itself_is_found():
    faces = cube()
    faces[1] = [faces[1][i] for i in (0, 2, 1, 3)]
    assert 104 in codes(faces)


def test_a_lifted_corner_is_not_flat():
    """One corner of the roof 3 cm up: less than a centimetre from the best plane; 10 cm up: 2.5 cm from it."""
    for lift, found in ((0.03, set()), (0.1, {203})):
        faces = [[(x, y, z + lift if (x, y, z) == (10.0, 8.0, 6.0) else z) for x, y, z in face] for face in cube()]
        assert codes(faces) == found


def test_a_fold_within_the_tolerance_of_the_plane_is_found_by_its_angle():
    """A step of 18 mm in a strip 2 cm wide at the rim of a wall: 42° steep, and less than 1 cm off the common plane."""
    strip = [(0.0, 0.0, 0.0), (3.0, 0.0, 0.0), (3.0, 0.02, 0.0), (1.5, 0.02, 0.018), (0.0, 0.02, 0.0)]
    assert {204} <= codes([strip, *cube(20.0)])


HOLE = [(4.0, 3.0, 6.0), (4.0, 5.0, 6.0), (6.0, 5.0, 6.0), (6.0, 3.0, 6.0)]


@pytest.mark.parametrize(
    ("holes", "code"),
    [
        ([HOLE[::-1]], 208),
        ([[(x + 20, y, z) for x, y, z in HOLE]], 206),
        ([HOLE, [(x * 0.5 + 2.5, y * 0.5 + 2.0, z) for x, y, z in HOLE]], 207),
        ([HOLE, [(x + 1, y + 1, z) for x, y, z in HOLE]], 201),
        ([[(0.0, 4.0, 6.0), (5.0, 8.0, 6.0), (10.0, 4.0, 6.0), (5.0, 0.0, 6.0)]], 205),
    ],
)
def test_holes_out_of_place_are_found(holes, code):
    faces = cube()
    faces[1] = (faces[1], *holes)
    assert code in codes(faces)


def test_a_sound_hole_is_no_fault_of_its_polygon():
    faces = cube()
    faces[1] = (faces[1], HOLE)
    assert codes(faces) == {302}


def test_faults_are_counted_by_solid_and_the_worst_named_first():
    table = check_table(solid_city(cube(), cube(20.0)[1:], cube(40.0)[2:]))
    row = table[table["code"] == 302].iloc[0]
    assert (row["solids"], row["broken"], row["building_ids"]) == (3, 2, "2, 1")
    assert list(table["code"]) == list(RULES)
    assert table.loc[table["code"] != 302, "broken"].sum() == 0


def prism_city(*shapes):
    frame = gpd.GeoDataFrame({"height_m": [6.0] * len(shapes), "ground_m": 0.0}, geometry=list(shapes), crs=GRID)
    tables = {"buildings": schema.complete(frame, TABLES["buildings"])}
    return City("Khối", "fr", GRID, (0.0, 0.0, 1.0, 1.0), tables=tables)


COURT = shapely.box(0, 0, 30, 20).difference(shapely.box(10, 6, 20, 14))
TOUCHING = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(5, 0), (3, 4), (7, 4)]])
TOUCHING_VERTEX = shapely.Polygon([(0, 0), (5, 0), (10, 0), (10, 10), (0, 10)], [[(5, 0), (3, 4), (7, 4)]])
BOWTIE = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 8)])
REPEATED = shapely.Polygon([(0, 0), (10, 0), (10, 0.0003), (10, 10), (0, 10)])


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        (shapely.box(0, 0, 10, 8), set()),
        (COURT, set()),
        (TOUCHING_VERTEX, {303}),
        (BOWTIE, {104}),
        (REPEATED, {102}),
    ],
)
def test_prisms_are_checked_by_their_footprints(shape, found):
    faults = faults_of_prisms(prisms_of(prism_city(shapely.box(50, 0, 60, 8), shape)))
    assert set(faults.code.tolist()) == found
    assert set(faults.solid.tolist()) == ({1} if found else set())


@pytest.mark.parametrize("shape", [shapely.box(0, 0, 10, 8), COURT, TOUCHING_VERTEX])
def test_what_is_said_of_prisms_holds_for_all_their_faces(shape):
    city = prism_city(shape, shapely.box(50, 0, 60, 8))
    whole = set(faults_of(skin_of(city, party=False)).code.tolist())
    assert set(faults_of_prisms(prisms_of(city)).code.tolist()) == whole


def test_prisms_of_helsinki_are_sound(helsinki, problems):
    from dothi.derive.clean import clean
    from dothi.io.osm import read_osm

    tables = clean(read_osm(helsinki, problems), crs="EPSG:3067", extent=None, problems=problems)
    buildings = tables["buildings"].assign(height_m=9.0, ground_m=0.0)
    city = City("Helsinki", "fi", "EPSG:3067", (0.0, 0.0, 1.0, 1.0)).with_tables(buildings=buildings)
    assert not len(faults_of(skin_of(city, party=False)).code)
    assert check_table(city)["broken"].sum() == 0


def real(path, problems):
    tables = read_cityjson(path, problems)
    tables = {name: schema.complete(frame, TABLES[name]) for name, frame in tables.items()}
    city = City("Den Haag", "nl", "EPSG:28992", (0.0, 0.0, 1.0, 1.0), tables=tables)
    table = check_table(city)
    return {int(row.code): (int(row.broken), int(row.solids)) for row in table.itertuples() if row.broken}


def test_the_hague_is_closed_and_manifold(sample, problems):
    """Its buildings are solids in the file; some of their faces are not flat to a centimetre."""
    found = real(sample("cityjson/DenHaag_01.city.json.zip"), problems)
    assert not {302, 307, 405} & set(found)
    assert found[203][1] == 844


def test_3dbag_is_sound(sample, problems):
    """3D BAG validates its models with val3dity: 26 blocks of level of detail 1 have no fault."""
    assert real(sample("cityjson/3dbag_sub.json"), problems) == {}


def test_models_without_undersides_are_open(sample, problems):
    """Delft was made without ground surfaces; Zürich is drawn as surfaces, few with a ground."""
    assert real(sample("cityjson/delft.json"), problems) == {302: (160, 160)}
    assert real(sample("cityjson/zurich_subset_lod2.json"), problems)[302][0] >= 40
