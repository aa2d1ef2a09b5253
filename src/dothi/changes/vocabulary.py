"""Words for what people read of a change, in English, French and Vietnamese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Words = Mapping[str, tuple[str, str, str]]
LANGUAGES: Final = ("en", "fr", "vi")

_LAND_USE: Words = {
    "residential": ("housing", "habitat", "đất ở"),
    "commercial": ("commerce", "commerce et services", "đất thương mại, dịch vụ"),
    "industrial": ("industry", "activités industrielles", "đất công nghiệp"),
    "public": ("public services", "services publics", "đất công trình công cộng"),
    "education": ("education", "enseignement", "đất giáo dục"),
    "health": ("health", "santé", "đất y tế"),
    "worship": ("worship", "culte", "đất tôn giáo"),
    "military": ("military", "emprise militaire", "đất quốc phòng"),
    "transport": ("transport", "transport", "đất giao thông"),
    "construction": ("building site", "chantier", "đất đang xây dựng"),
    "agriculture": ("farming", "agriculture", "đất nông nghiệp"),
    "forest": ("wood", "bois, forêt", "rừng"),
    "scrub": ("scrub", "landes, broussailles", "cây bụi"),
    "grass": ("grass", "pelouse, prairie", "thảm cỏ"),
    "park": ("park", "parc", "công viên"),
    "garden": ("garden", "jardin", "vườn"),
    "sport": ("sport", "terrain de sport", "đất thể thao"),
    "cemetery": ("cemetery", "cimetière", "đất nghĩa trang"),
    "wetland": ("wetland", "zone humide", "đất ngập nước"),
    "beach": ("beach", "plage", "bãi biển"),
    "bare": ("bare ground", "sol nu", "đất trống"),
    "square": ("square", "place", "quảng trường"),
    "other": ("other use", "autre usage", "mục đích khác"),
}

VOCABULARY: Final[Mapping[str, Words]] = {
    "mode": {
        "walk": ("walking", "piétons", "người đi bộ"),
        "bicycle": ("bicycles", "vélos", "xe đạp"),
        "motorbike": ("motorbikes", "deux-roues motorisés", "xe máy"),
        "car": ("cars", "voitures", "ô tô con"),
        "bus": ("buses", "bus", "xe buýt"),
        "truck": ("trucks", "poids lourds", "xe tải"),
    },
    "fuel": {
        "any": ("", "", ""),
        "petrol": ("with petrol engines", "à essence", "chạy xăng"),
        "diesel": ("with diesel engines", "diesel", "chạy dầu"),
    },
    "direction": {
        "both": ("open both ways", "à double sens", "hai chiều"),
        "forward": ("one-way", "à sens unique", "một chiều"),
        "backward": (
            "one-way, against the way drawn",
            "à sens unique, sens inverse du tracé",
            "một chiều, ngược nét vẽ",
        ),
    },
    "transit": {
        "tram": ("tram", "tramway", "xe điện mặt đất"),
        "subway": ("metro", "métro", "tàu điện ngầm"),
        "rail": ("train", "train", "tàu hỏa"),
        "bus": ("bus", "bus", "xe buýt"),
        "ferry": ("ferry", "bac", "phà"),
        "cable": ("cable tram", "tramway à câble", "xe điện cáp"),
        "gondola": ("cable car", "téléphérique", "cáp treo"),
        "funicular": ("funicular", "funiculaire", "đường sắt leo núi"),
        "trolleybus": ("trolleybus", "trolleybus", "xe điện bánh hơi"),
        "monorail": ("monorail", "monorail", "tàu một ray"),
        "other": ("other", "autre", "khác"),
    },
    "function": {
        "residential": ("houses", "maisons individuelles", "nhà ở riêng lẻ"),
        "apartments": ("apartments", "logements collectifs", "nhà chung cư"),
        "mixed": ("homes above shops or offices", "logements et activités", "nhà ở kết hợp kinh doanh"),
        "office": ("offices", "bureaux", "văn phòng"),
        "retail": ("shops", "commerces", "thương mại"),
        "hotel": ("hotel", "hôtel", "khách sạn"),
        "school": ("school", "établissement scolaire", "trường học"),
        "university": ("university", "université", "đại học"),
        "health": ("health", "santé", "y tế"),
        "culture": ("culture", "culture", "văn hóa"),
        "worship": ("worship", "culte", "tôn giáo"),
        "sport": ("sport", "sport", "thể thao"),
        "public": ("public services", "services publics", "công sở, dịch vụ công"),
        "industrial": ("industry", "industrie", "công nghiệp"),
        "warehouse": ("warehouses", "entrepôts", "kho bãi"),
        "transport": ("transport", "transport", "giao thông"),
        "agricultural": ("farming", "bâtiments agricoles", "nông nghiệp"),
        "utility": ("utilities", "réseaux, énergie, eau", "hạ tầng kỹ thuật"),
        "outbuilding": ("outbuildings", "annexes, garages", "công trình phụ"),
        "other": ("other", "autre", "khác"),
    },
    "land_use": _LAND_USE,
    "road": {
        "motorway": ("motorway", "autoroute", "đường cao tốc"),
        "trunk": ("trunk road", "voie express", "đường trục chính đô thị"),
        "primary": ("primary road", "route principale", "đường chính đô thị"),
        "secondary": ("secondary road", "route secondaire", "đường liên khu vực"),
        "tertiary": ("tertiary road", "route tertiaire", "đường chính khu vực"),
        "unclassified": ("minor road", "route locale", "đường khu vực"),
        "residential": ("residential street", "rue résidentielle", "đường nhóm nhà ở"),
        "living_street": ("living street", "zone de rencontre", "đường ưu tiên người đi bộ"),
        "service": ("service road", "voie de desserte", "đường vào, đường gom"),
        "alley": ("alley", "ruelle", "ngõ, hẻm"),
        "track": ("track", "chemin carrossable", "đường mòn cho xe"),
        "pedestrian": ("pedestrian street", "rue piétonne", "phố đi bộ"),
        "footway": ("footway", "voie piétonne", "lối đi bộ"),
        "cycleway": ("cycleway", "piste cyclable", "đường xe đạp"),
        "path": ("path", "sentier", "đường mòn"),
        "steps": ("steps", "escalier", "bậc thang"),
        "busway": ("busway", "voie de bus", "đường dành cho xe buýt"),
        "ferry": ("ferry", "bac", "phà"),
    },
    "column": {
        "function": ("function", "fonction", "chức năng"),
        "class": ("class", "nature", "loại"),
        "mode": ("mode", "mode", "phương tiện"),
        "height_m": ("height [m]", "hauteur [m]", "chiều cao [m]"),
        "storeys": ("storeys", "niveaux", "số tầng"),
        "year_built": ("year of completion", "année de construction", "năm xây dựng"),
        "floor_area_m2": ("floor area [m²]", "surface de plancher [m²]", "diện tích sàn [m²]"),
        "dwellings": ("dwellings", "logements", "số căn hộ"),
        "residents": ("residents", "habitants", "số dân"),
        "jobs": ("jobs", "emplois", "việc làm"),
        "lanes": ("lanes", "voies", "số làn"),
        "width_m": ("width [m]", "largeur [m]", "bề rộng [m]"),
        "length_m": ("length [m]", "longueur [m]", "chiều dài [m]"),
        "short_name": ("line", "ligne", "tuyến"),
        "name": ("name", "nom", "tên"),
    },
    "network": {
        "sewer": ("sewers", "égouts", "cống thoát nước"),
        "surface": ("water on the ground", "eau en surface", "nước mặt"),
        "water": ("water supply", "eau potable", "cấp nước"),
    },
    "barrier": {"wall": ("wall", "mur", "tường"), "dyke": ("dyke", "digue", "đê")},
    "cover": {
        "building": ("roofs", "toits", "mái nhà"),
        "road": ("carriageways", "chaussées", "mặt đường"),
        "paved": ("paved ground", "sols revêtus", "sân, bãi lát cứng"),
        "water": ("water", "eau", "mặt nước"),
        "grass": ("grass", "herbe", "thảm cỏ"),
        "trees": ("trees", "arbres", "cây xanh"),
        "crops": ("fields", "cultures", "đất trồng trọt"),
        "bare": ("bare ground", "sol nu", "đất trống"),
        "scrub": ("scrub", "broussailles", "cây bụi"),
        "wetland": ("wetland", "zones humides", "đất ngập nước"),
        "urban_dense": ("yards among dense buildings", "cours du bâti dense", "sân trong khu dày đặc"),
        "urban_sparse": ("yards among scattered buildings", "cours du bâti lâche", "sân vườn khu thưa"),
        "urban_open": ("open land", "terrains ouverts", "đất trống ven đô"),
    },
    "those": {
        "links": ("roads", "voies", "các đường"),
        "buildings": ("buildings", "bâtiments", "các công trình"),
        "routes": ("lines", "lignes", "các tuyến"),
        "transformers": ("transformers", "transformateurs", "các trạm biến áp"),
        "sewers": ("sewers", "égouts", "các cống"),
    },
    "which": {
        "all": ("all {those}", "l’ensemble des {those}", "tất cả {those}"),
        "within": ("{those} in the area drawn", "{those} du périmètre dessiné", "{those} trong khu vực đã vẽ"),
        "ward": ("{those} in {name}", "{those} de {name}", "{those} tại {name}"),
        "ids": ("{those} no. {name}", "{those} n° {name}", "{those} số {name}"),
        "where": ("{those} ({name})", "{those} ({name})", "{those} ({name})"),
        "named": ("{name}", "{name}", "{name}"),
        "area": ("the area drawn", "le périmètre dessiné", "khu vực đã vẽ"),
    },
    "truth": {"True": ("yes", "oui", "có"), "False": ("no", "non", "không")},
}
"""Words by topic and by name, in the order of `LANGUAGES`."""


def word(topic: str, name: str, language: str) -> str:
    """The word for a name; the name itself where there is none."""
    known = VOCABULARY.get(topic, {}).get(name)
    return known[LANGUAGES.index(language)] if known else name


def number(value: float, language: str) -> str:
    """A number as it is written in a language."""
    shown = f"{value:.12g}"
    return shown if language == "en" else shown.replace(".", ",")
