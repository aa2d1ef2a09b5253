"""Indicators of solar power and of carbon dioxide."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi import place
from dothi.kpi import Evidence, Kpi, per, percent

KG_PER_T: Final = 1000.0


def _emitted(evidence: Evidence) -> float | None:
    """Carbon dioxide of buildings and of traffic on the roads of the area, of a year and for each resident [t]."""
    days = float(place.load(evidence.city.country, "emissions")["year"]["days"])
    traffic = evidence.numbers("links", "co2_kg_day").sum() * days
    return per((evidence.numbers("buildings", "co2_kg").sum() + traffic) / KG_PER_T, evidence.residents.sum())


def _potential(evidence: Evidence) -> float | None:
    """Electricity that all usable roofs would make, over that which buildings use [%]."""
    made = evidence.numbers("buildings", "pv_roof_kwh").sum()
    return percent(made, evidence.numbers("buildings", "electricity_kwh").sum())


def _used_on_the_spot(evidence: Evidence) -> float | None:
    """Part of the electricity of the modules that are there which their own buildings use [%]."""
    made = evidence.numbers("buildings", "pv_kwh")
    if "pv_used_share" not in evidence.buildings or evidence.buildings["pv_used_share"].isna().all():
        return None
    return percent(float(made @ evidence.numbers("buildings", "pv_used_share")), made.sum())


def _built(evidence: Evidence) -> float | None:
    """Carbon dioxide of building what does not stand today [t]."""
    if evidence.today is None:
        return None
    new = ~np.isin(evidence.buildings.index, evidence.today["buildings"].index)
    return float(evidence.numbers("buildings", "embodied_co2_kg")[new].sum()) / KG_PER_T


KPIS: Final = (
    Kpi(
        "ENV-09",
        "environment",
        {
            "en": "Greenhouse gas emissions per inhabitant",
            "fr": "Émissions de gaz à effet de serre par habitant",
            "vi": "Phát thải khí nhà kính bình quân",
        },
        "t CO₂ per inhabitant and year",
        "lower",
        ("carbon", "emissions"),
        {
            "en": "CO₂ of the energy of buildings (fuels, electricity, heat and cold) and of traffic on the city’s "
            "roads / residents; waste and losses of the grid are left out",
            "fr": "CO₂ de l’énergie des bâtiments (combustibles, électricité, chaleur et froid) et du trafic sur les "
            "voies de la ville / habitants ; déchets et pertes du réseau non comptés",
            "vi": "CO₂ từ năng lượng của công trình (nhiên liệu, điện, nhiệt và lạnh) và giao thông trên đường trong "
            "thành phố / dân số; không tính chất thải và tổn thất lưới điện",
        },
        "U4SSC EN:EN:AQ:2C; GPC scopes 1 and 2",
        _emitted,
    ),
    Kpi(
        "ENV-15",
        "environment",
        {
            "en": "Rooftop solar potential",
            "fr": "Potentiel solaire des toitures",
            "vi": "Tiềm năng điện mặt trời mái nhà",
        },
        "% of electricity use",
        "higher",
        ("pv", "heat"),
        {
            "en": "Electricity of a year from modules on all usable roofs, with their shade / electricity that "
            "buildings use",
            "fr": "Électricité annuelle de modules sur toutes les toitures utilisables, ombres comprises / électricité "
            "consommée par les bâtiments",
            "vi": "Điện một năm từ pin trên toàn bộ mái sử dụng được, có xét bóng che / điện tiêu thụ của công trình",
        },
        "IEA PVPS T7-4; formula of Dothi",
        _potential,
    ),
    Kpi(
        "ENV-27",
        "environment",
        {
            "en": "Solar power used on the spot",
            "fr": "Taux d’autoconsommation solaire",
            "vi": "Tỷ lệ tự tiêu thụ điện mặt trời",
        },
        "% of solar power",
        "context",
        ("pv", "heat"),
        {
            "en": "Electricity of modules that their own buildings use in the hour in which it is made / all of it",
            "fr": "Électricité des modules consommée par leur bâtiment dans l’heure où elle est produite / production",
            "vi": "Điện từ pin được chính công trình dùng trong giờ phát / tổng sản lượng",
        },
        "No published definition: Dothi",
        _used_on_the_spot,
    ),
    Kpi(
        "ENV-28",
        "environment",
        {
            "en": "Carbon dioxide of new buildings",
            "fr": "Carbone des constructions neuves",
            "vi": "CO₂ hàm chứa của công trình mới",
        },
        "t CO₂",
        "lower",
        ("carbon",),
        {
            "en": "CO₂ of products, site and renewal over 50 years of buildings that do not stand today, by floor area",
            "fr": "CO₂ des produits, du chantier et du renouvellement sur 50 ans des bâtiments qui n’existent pas "
            "aujourd’hui, selon leur surface",
            "vi": "CO₂ của vật liệu, thi công và thay thế trong 50 năm của các công trình chưa có hiện nay, theo diện "
            "tích sàn",
        },
        "RE2020, Ic construction; Ramboll, AAU Build and KU Leuven, 2022",
        _built,
        "estimated",
    ),
)
