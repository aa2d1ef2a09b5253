"""Indicators of the economy."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.kpi import Evidence, Kpi, percent


def _balance(evidence: Evidence) -> float | None:
    """Balance of jobs and residents, of zones, by their residents."""
    zones = evidence.table("zones")
    jobs = zones["jobs"].to_numpy(dtype=float, na_value=0.0)
    people = zones["residents"].to_numpy(dtype=float, na_value=0.0)
    if not people.sum() or not jobs.sum():
        return None
    expected = people * evidence.city["zones"]["jobs"].sum() / evidence.city["zones"]["residents"].sum()
    there = jobs + expected > 0.0
    balance = 1.0 - np.abs(jobs[there] - expected[there]) / (jobs[there] + expected[there])
    return float(np.average(balance, weights=people[there]))


def _mix(evidence: Evidence) -> float | None:
    zones = evidence.table("zones")
    known = zones["function_mix"].notna() & (zones["residents"] > 0)
    if not known.any():
        return None
    return float(np.average(zones["function_mix"][known], weights=zones["residents"][known]))


def _jobs_in_reach(evidence: Evidence, *columns: str) -> float | None:
    """Jobs in reach by the best of some ways, mean by residents, of all jobs of the city [%]."""
    jobs, residents = evidence.city["buildings"]["jobs"].fillna(0).sum(), evidence.residents
    known = [name for name in columns if evidence.buildings[name].notna().any()]
    if not known or not residents.sum() > 0.0:
        return None
    best = np.max([evidence.numbers("buildings", name) for name in known], axis=0)
    return percent(float(np.average(best, weights=residents)), float(jobs))


KPIS: Final = (
    Kpi(
        "ECO-01",
        "economy",
        {
            "en": "Jobs by public transport in 45 min",
            "fr": "Emplois accessibles en transport collectif en 45 min",
            "vi": "Việc làm tiếp cận được bằng giao thông công cộng trong 45 phút",
        },
        "% of the jobs",
        "higher",
        ("access",),
        {
            "en": "Jobs within 45 min by public transport / jobs of the city; mean by residents",
            "fr": "Emplois à 45 min en transport public / emplois de la ville ; moyenne par habitants",
            "vi": "Việc làm trong 45 phút bằng giao thông công cộng / việc làm của thành phố; bình quân theo dân số",
        },
        "Giffinger, local accessibility; threshold: project choice",
        lambda evidence: _jobs_in_reach(evidence, "jobs_transit_45min"),
    ),
    Kpi(
        "ECO-02",
        "economy",
        {
            "en": "Jobs by motorbike or car in 30 min",
            "fr": "Emplois accessibles en deux-roues ou voiture en 30 min",
            "vi": "Việc làm tiếp cận bằng xe máy hoặc ô tô trong 30 phút",
        },
        "% of the jobs",
        "higher",
        ("access",),
        {
            "en": "Jobs within 30 min by motorbike or car in simulated traffic / jobs of the city; mean by residents",
            "fr": "Emplois à 30 min en deux-roues ou voiture dans le trafic simulé / emplois ; moyenne par habitants",
            "vi": "Việc làm trong 30 phút bằng xe máy hoặc ô tô theo giao thông mô phỏng / việc làm; theo dân số",
        },
        "project definition",
        lambda evidence: _jobs_in_reach(evidence, "jobs_motorbike_30min", "jobs_car_30min"),
    ),
    Kpi(
        "ECO-03",
        "economy",
        {"en": "Job–housing balance", "fr": "Équilibre emplois–logements", "vi": "Cân bằng việc làm – nhà ở"},
        "",
        "higher",
        (),
        {
            "en": "1 − |J − kW| / (J + kW) with jobs J and residents W of a zone, k of the city; mean by residents",
            "fr": "1 − |J − kW| / (J + kW), J emplois et W habitants d’une zone, k de la ville ; moyenne par habitants",
            "vi": "1 − |J − kW| / (J + kW), với J việc làm, W dân số của khu, k của thành phố; bình quân theo dân số",
        },
        "planning literature",
        _balance,
    ),
    Kpi(
        "ECO-04",
        "economy",
        {"en": "Functional diversity", "fr": "Mixité fonctionnelle", "vi": "Mức đa dạng chức năng đô thị"},
        "",
        "higher",
        ("stock",),
        {
            "en": "Entropy of floor area by function in a zone over the greatest possible; mean by residents",
            "fr": "Entropie des surfaces de plancher par fonction d’une zone, sur son maximum ; moyenne par habitants",
            "vi": "Entropy diện tích sàn theo chức năng trong khu, chia cho giá trị lớn nhất; bình quân theo dân số",
        },
        "SUMI indicator 15; entropy form: Cervero & Kockelman 1997",
        _mix,
    ),
)
