"""Indicators of the environment."""

from __future__ import annotations

from typing import Final

from dothi import place
from dothi.indicators import noise
from dothi.kpi import Evidence, Kpi, per, percent

GREEN: Final = ("park", "garden")
GREEN_WALK_M: Final = 300.0
KG_PER_T: Final = 1000.0
G_PER_KG: Final = 1000.0
FLOODED_M: Final = 0.15


def _green_per_person(evidence: Evidence) -> float | None:
    land = evidence.table("land_use")
    green = land[land["class"].isin(GREEN)]
    return per(green.geometry.area.sum(), evidence.residents.sum()) if len(land) else None


def _impervious(evidence: Evidence) -> float | None:
    cells = evidence.cells("imperviousness")
    return percent(cells.sum(), len(cells))


def _traffic_co2(evidence: Evidence) -> float | None:
    """Carbon dioxide of traffic on the roads of the area, of a year and for each resident [t]."""
    days = float(place.load(evidence.city.country, "emissions")["year"]["days"])
    return per(evidence.numbers("links", "co2_kg_day").sum() * days / KG_PER_T, evidence.residents.sum())


def _traffic_harm(evidence: Evidence) -> float | None:
    """Fine particles and nitrogen oxides of traffic on the roads of the area, as fine particles [kg]."""
    data = place.load(evidence.city.country, "emissions")
    nox, fine = (evidence.numbers("links", f"{name}_g_day").sum() for name in ("nox", "pm25"))
    grams = fine + float(data["harm"]["pm25_per_nox"]) * nox
    return per(grams * float(data["year"]["days"]) / G_PER_KG, evidence.residents.sum())


def _flooded_buildings(evidence: Evidence) -> float | None:
    """Footprints of buildings at which water stands, over those of all [%]."""
    footprint = evidence.buildings.geometry.area.to_numpy()
    return percent(footprint[evidence.numbers("buildings", "flood_depth_m") > FLOODED_M].sum(), footprint.sum())


def _flooded_people(evidence: Evidence) -> float | None:
    """Residents of buildings at which water stands, over all [%]."""
    wet = evidence.numbers("buildings", "flood_depth_m") > FLOODED_M
    return percent(evidence.residents[wet].sum(), evidence.residents.sum())


KPIS: Final = (
    Kpi(
        "ENV-01",
        "environment",
        {
            "en": "Public green space per inhabitant",
            "fr": "Espace vert public par habitant",
            "vi": "Đất cây xanh sử dụng công cộng bình quân",
        },
        "m² per inhabitant",
        "higher",
        (),
        {
            "en": "Area of parks and gardens / residents",
            "fr": "Surface des parcs et jardins / habitants",
            "vi": "Diện tích công viên và vườn / dân số",
        },
        "Resolution 111/2025/UBTVQH15, standard 2A.III.22",
        _green_per_person,
        "measured",
    ),
    Kpi(
        "ENV-03",
        "environment",
        {
            "en": "Green space within a walk",
            "fr": "Accessibilité des espaces verts",
            "vi": "Tỷ lệ dân số tiếp cận không gian xanh",
        },
        "% of residents",
        "higher",
        ("walk",),
        {
            "en": f"Residents within {GREEN_WALK_M:g} m of a park on foot / residents",
            "fr": f"Habitants à moins de {GREEN_WALK_M:g} m à pied d’un parc / habitants",
            "vi": f"Dân số cách công viên không quá {GREEN_WALK_M:g} m đi bộ / dân số",
        },
        "SDG 11.7.1 practice; 3-30-300 rule",
        lambda evidence: evidence.share_within("walk_to_park_m", GREEN_WALK_M),
    ),
    *noise.KPIS,
    Kpi(
        "ENV-08",
        "environment",
        {
            "en": "Air pollutants of traffic",
            "fr": "Polluants atmosphériques du trafic",
            "vi": "Phát thải ô nhiễm không khí từ giao thông",
        },
        "kg PM2.5-eq. per inhabitant and year",
        "lower",
        ("emissions",),
        {
            "en": "PM2.5 and 0.067 × NOx of traffic on the city’s roads, exhaust and wear / residents",
            "fr": "PM2,5 et 0,067 × NOx du trafic sur les voies de la ville, échappement et usure / habitants",
            "vi": "PM2,5 và 0,067 × NOx của giao thông trên đường trong thành phố, khí thải và mài mòn / dân số",
        },
        "SUMI indicator 3; weight of NOx unverified",
        _traffic_harm,
    ),
    Kpi(
        "ENV-10",
        "environment",
        {
            "en": "Carbon dioxide of traffic",
            "fr": "Gaz à effet de serre du trafic",
            "vi": "Phát thải CO₂ từ giao thông",
        },
        "t CO₂ per inhabitant and year",
        "lower",
        ("emissions",),
        {
            "en": "CO₂ of traffic on the city’s roads, fuel and electricity / residents",
            "fr": "CO₂ du trafic sur les voies de la ville, carburant et électricité / habitants",
            "vi": "CO₂ của giao thông trên đường trong thành phố, nhiên liệu và điện / dân số",
        },
        "SUMI indicator 7; EMEP/EEA guidebook",
        _traffic_co2,
    ),
    Kpi(
        "ENV-18",
        "environment",
        {"en": "Impervious ground", "fr": "Taux d’imperméabilisation", "vi": "Tỷ lệ bề mặt không thấm"},
        "%",
        "lower",
        (),
        {
            "en": "Mean imperviousness of the ground",
            "fr": "Imperméabilité moyenne du sol",
            "vi": "Mức không thấm trung bình của mặt đất",
        },
        "project definition",
        _impervious,
    ),
    Kpi(
        "ENV-19",
        "environment",
        {
            "en": "Buildings flooded by the storm",
            "fr": "Surface bâtie inondée par la pluie",
            "vi": "Tỷ lệ diện tích xây dựng bị ngập do trận mưa",
        },
        "%",
        "lower",
        ("flood",),
        {
            "en": f"Footprints with water deeper than {FLOODED_M:g} m at their walls / all footprints",
            "fr": f"Emprises au pied desquelles l’eau dépasse {FLOODED_M:g} m / toutes les emprises".replace(
                "0.", "0,"
            ),
            "vi": f"Diện tích chân công trình có nước ngập trên {FLOODED_M:g} m / tổng diện tích".replace("0.", "0,"),
        },
        "project definition; the storm is that of the scenario",
        _flooded_buildings,
    ),
    Kpi(
        "ENV-20",
        "environment",
        {
            "en": "Residents flooded by the storm",
            "fr": "Population touchée par l’inondation",
            "vi": "Dân số bị ngập do trận mưa",
        },
        "% of residents",
        "lower",
        ("flood",),
        {
            "en": f"Residents of buildings with water deeper than {FLOODED_M:g} m at their walls / residents",
            "fr": f"Habitants des bâtiments où l’eau dépasse {FLOODED_M:g} m / habitants".replace("0.", "0,"),
            "vi": f"Dân số trong công trình có nước ngập trên {FLOODED_M:g} m / dân số".replace("0.", "0,"),
        },
        "U4SSC SC:SH:SA:4A; the storm is that of the scenario",
        _flooded_people,
    ),
)
