import pickle

from dothi.errors import InputError, Problem, Problems


def test_a_problem_names_file_table_column_rule_and_rows():
    problem = Problem("≥ 1e-06 W K⁻¹", "b.gpkg", "buildings", "heat_loss_w_k", 3, ("11", "12", "13"))
    assert str(problem) == "b.gpkg: buildings.heat_loss_w_k: ≥ 1e-06 W K⁻¹ (3 rows, e.g. 11, 12, 13)"


def test_one_row_is_named_without_examples_being_announced():
    assert str(Problem("is positive", table="links", n_rows=1, rows=("7",))) == "links: is positive (1 row, 7)"


def test_all_errors_are_raised_together_and_repairs_are_not_errors():
    problems = Problems("city.gpkg")
    problems.error("column is present", table="buildings", column="geometry")
    problems.repair("made valid", table="buildings", rows=[1, 2, 3, 4])
    problems.error("is finite", table="nodes", column="elevation_m", rows=range(10))
    try:
        problems.raise_errors()
    except InputError as error:
        assert str(error).splitlines() == [
            "city.gpkg: buildings.geometry: column is present",
            "city.gpkg: nodes.elevation_m: is finite (10 rows, e.g. 0, 1, 2)",
        ]
    else:
        raise AssertionError
    assert [problem.severity for problem in problems] == ["error", "repair", "error"]


def test_an_error_from_another_process_keeps_its_problems():
    error = InputError([Problem("is finite", table="nodes"), Problem("≥ 0 m", column="height_m", n_rows=2)])
    assert pickle.loads(pickle.dumps(error)).problems == error.problems
