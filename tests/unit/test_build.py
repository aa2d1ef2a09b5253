from __future__ import annotations

from itertools import count

import geopandas as gpd
import pandas as pd
import pytest
from shapely import Point

from dothi import build
from dothi.city import City
from dothi.config import StudyConfig
from dothi.draft import Step
from dothi.errors import InputError, Problems
from dothi.io.parquet import check_links, write_table
from dothi.jobs import Silent, run_jobs
from dothi.schema import complete
from dothi.tables import TABLES
from dothi.workers import Inline

CRS = "EPSG:2154"


def nodes(*ids: int) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"component": 0}, geometry=[Point(ident, 0) for ident in ids], crs=CRS, index=pd.Index(ids))


def zones(**columns: object) -> gpd.GeoDataFrame:
    square = Point(0, 0).buffer(1)
    return gpd.GeoDataFrame(
        {"name": ["A"], "area_m2": [3.1], "dwellings": [1.0], "residents": [2.0], "jobs": [0.0], **columns},
        geometry=[square],
        crs=CRS,
    )


@pytest.fixture
def run(tmp_path):
    """Run steps that give some tables, one after the other, and put the city together."""

    counter = count()

    def build_of(*given: dict[str, pd.DataFrame]) -> City:
        config = StudyConfig(name="A", country="fr", crs=CRS, source=[{"kind": "nantes"}])
        folder = tmp_path / str(next(counter))
        steps, before = [], ()
        for number, tables in enumerate(given):

            def give(draft, tables=tables):
                draft.bounds = (0.0, 0.0, 1000.0, 1000.0)
                return tables

            steps.append(Step(f"step-{number}", f"Step {number}", give, before))
            before = (f"step-{number}",)
        homes = {step.name: folder / step.name for step in steps}
        run_jobs(build._jobs(steps, (), homes, folder / "city", config, []), Silent(), Inline())
        return City.read(folder / "city")

    return build_of


def test_the_finished_city_has_the_tables_of_the_last_steps_with_all_their_columns(run):
    city = run({"nodes": nodes(1), "zones": zones()}, {"nodes": nodes(1, 2)})
    assert city.counts == {"nodes": 2, "zones": 1}
    expected = complete(zones(), TABLES["zones"])
    expected.index.name = "zone_id"
    assert set(city["zones"].columns) == set(expected.columns)
    assert city["zones"]["residents"].tolist() == [2.0]


def test_what_a_later_step_puts_right_is_no_error(run):
    assert run({"zones": zones(residents=[-1.0])}, {"zones": zones(residents=[1.0])}).counts == {"zones": 1}
    with pytest.raises(InputError, match=r"zones.residents: ≥ 0"):
        run({"zones": zones(residents=[1.0])}, {"zones": zones(residents=[-1.0])})


def test_a_reference_to_nothing_is_an_error_of_the_finished_city(run):
    with pytest.raises(InputError, match=r"zones\..*: occurs in nodes.node_id"):
        run({"nodes": nodes(1, 2), "zones": zones(node_id=[7])})


def test_links_between_tables_are_checked_without_reading_the_tables(tmp_path):
    frame, problems = zones(node_id=[2]), Problems()
    frame.index.name = "zone_id"
    points = nodes(1, 2)
    points.index.name = "node_id"
    write_table(points, tmp_path / "nodes.parquet")
    write_table(frame, tmp_path / "zones.parquet")
    files = {name: tmp_path / f"{name}.parquet" for name in ("nodes", "zones")}
    check_links(files, problems)
    assert not len(problems)
    write_table(points.loc[[1]], files["nodes"])
    check_links(files, problems)
    assert [problem.rule for problem in problems] == ["occurs in nodes.node_id"]
    check_links({"zones": files["zones"]}, problems)
    assert [problem.rule for problem in problems][-1] == "table nodes is present"


def test_files_of_kept_tables_are_copied_to_the_last_byte(tmp_path):
    frame = zones()
    kept = tmp_path / "work" / "zones.parquet"
    write_table(complete(frame, TABLES["zones"]), kept)
    city = City("A", "fr", CRS, (0, 0, 1, 1), {"zones": frame}, known_rows={"zones": 1})
    city.write(tmp_path / "city", {"zones": kept})
    copy = tmp_path / "city" / "zones.parquet"
    assert copy.read_bytes() == kept.read_bytes()
    assert copy.stat().st_ino != kept.stat().st_ino  # whoever changes one leaves the other alone
