"""Text as bytes: which encoding it is in, and the Vietnamese ones that came before Unicode."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable

_TCVN3 = (
    "A1Ă A2Â A3Ê A4Ô A5Ơ A6Ư A7Đ A8ă A9â AAê ABô ACơ ADư AEđ B5à B6ả B7ã B8á B9ạ BBằ BCẳ BDẵ BEắ C6ặ C7ầ C8ẩ C9ẫ CAấ "
    "CBậ CCè CEẻ CFẽ D0é D1ẹ D2ề D3ể D4ễ D5ế D6ệ D7ì D8ỉ DCĩ DDí DEị DFò E1ỏ E2õ E3ó E4ọ E5ồ E6ổ E7ỗ E8ố E9ộ EAờ EBở "
    "ECỡ EDớ EEợ EFù F1ủ F2ũ F3ú F4ụ F5ừ F6ử F7ữ F8ứ F9ự FAỳ FBỷ FCỹ FDý FEỵ"
)
TCVN3 = {int(entry[:2], 16): entry[2:] for entry in _TCVN3.split()}
"""Letters of TCVN 5712:1993 VN3 (the ABC fonts) by byte."""

_TONES = {"grave": "\u0300", "acute": "\u0301", "hook": "\u0309", "tilde": "\u0303", "dot": "\u0323"}
_TONE_ORDER = ("grave", "acute", "hook", "tilde", "dot")


def _vni_table() -> dict[str, str]:
    """Letters of VNI Windows: a base letter and a mark after it, or one letter that stands for itself."""
    marks = {"ø": "grave", "ù": "acute", "û": "hook", "õ": "tilde", "ï": "dot"}
    circumflex = dict(zip("àáåãä", _TONE_ORDER, strict=True))
    breve = dict(zip("èéúüë", _TONE_ORDER, strict=True))
    table = {"ñ": "đ", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ", "ô": "ơ", "ö": "ư"}
    for base, letter in {"a": "a", "e": "e", "o": "o", "u": "u", "y": "y", "ô": "ơ", "ö": "ư"}.items():
        table |= {base + mark: letter + _TONES[tone] for mark, tone in marks.items()}
    for base, letter in {"a": "â", "e": "ê", "o": "ô"}.items():
        table[base + "â"] = letter
        table |= {base + mark: letter + _TONES[tone] for mark, tone in circumflex.items()}
    table["aê"] = "ă"
    table |= {"a" + mark: "ă" + _TONES[tone] for mark, tone in breve.items()}
    return {
        case(source): unicodedata.normalize("NFC", case(target))
        for source, target in table.items()
        for case in (str, str.upper, str.title)
    }


VNI = _vni_table()
"""Letters of VNI Windows by what its bytes look like in cp1252."""

_VNI_PATTERN = re.compile("|".join(sorted(map(re.escape, VNI), key=len, reverse=True)))
_TCVN3_LOOKS = re.compile("[A-Za-z][§®µ¶·¸¹¨©ª«¬»¼½¾÷×]|[§®µ¶·¸¹¨©ª«¬»¼½¾÷×][a-z]")
_VNI_LOOKS = re.compile("[ao]â|eâ|[aeouy][øõ]|[ôö][øùûõï]", re.IGNORECASE)
_UTF8_LOOKS = re.compile("[Ã-ô][\u0080-¿‚-™]")

VIETNAMESE = ("tcvn3", "vni")
"""Encodings of Vietnamese that Python does not know."""


def known(encoding: str) -> str:
    """
    Name of an encoding as Python spells it, or one of `VIETNAMESE`; empty for one that nobody knows.

    >>> known("1252"), known("ISO 88591"), known("TCVN3"), known("martian")
    ('cp1252', 'iso8859-1', 'tcvn3', '')
    """
    name = encoding.strip().lower().replace("windows-", "cp").replace("ansi ", "")
    if name in VIETNAMESE:
        return name
    if name in ("abc", "tcvn-3", "tcvn"):
        return "tcvn3"
    if iso := re.fullmatch(r"(?:iso)?[ _-]?8859[ _-]?(\d{1,2})", name):
        name = f"iso8859-{iso[1]}"
    elif page := re.fullmatch(r"(\d{3,5})", name):
        name = {"65001": "utf-8"}.get(page[1], f"cp{page[1]}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def decode(raw: bytes, encoding: str) -> str:
    """
    Text of some bytes, in Unicode NFC.

    Parameters
    ----------
    raw
        The bytes.
    encoding
        As `known` gives it.

    Raises
    ------
    UnicodeDecodeError
        The bytes mean nothing in this encoding.
    """
    if encoding == "tcvn3":
        text = "".join(TCVN3.get(byte, chr(byte)) for byte in raw)
    elif encoding == "vni":
        text = _VNI_PATTERN.sub(lambda found: VNI[found[0]], raw.decode("cp1252", errors="replace"))
    else:
        text = raw.decode(encoding)
    return unicodedata.normalize("NFC", text)


def is_utf8(texts: Iterable[bytes], *, cut: bool = False) -> bool | None:
    """
    Whether all texts are UTF-8; none where all are ASCII, so that nobody can tell.

    Parameters
    ----------
    texts
        The texts.
    cut
        Whether a text may end inside a letter, as in a dBASE field that was too narrow.
    """
    found = None
    for raw in texts:
        if raw.isascii():
            continue
        try:
            codecs.getincrementaldecoder("utf-8")().decode(raw, final=not cut)
        except UnicodeDecodeError:
            return False
        found = True
    return found


def suspicion(texts: Iterable[str]) -> str:
    """
    What encoding some texts were written in, where they were clearly read in another; else empty.

    >>> suspicion(["Hµ Néi", "Qu¶ng Nam"]), suspicion(["Haø Noäi", "Ñoáng Ña, Thöôïng"]), suspicion(["HÃ  Ná»™i"])
    ('tcvn3', 'vni', 'UTF-8')
    >>> suspicion(["Hà Nội", "Rue de l’Évêché", "où", "Noël"])
    ''
    """
    counts = {"UTF-8": 0, "tcvn3": 0, "vni": 0}
    foreign = 0
    for text in texts:
        if text.isascii():
            continue
        foreign += 1
        counts["UTF-8"] += bool(_UTF8_LOOKS.search(text))
        counts["tcvn3"] += bool(_TCVN3_LOOKS.search(text))
        counts["vni"] += bool(_VNI_LOOKS.search(text))
    name, count = max(counts.items(), key=lambda item: item[1])
    return name if count and count >= 0.2 * foreign else ""
