"""Numbers written for people: 1,234.5 and 1.234,5 and 1 234,5."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

MISSING = frozenset({"", "-", "–", "na", "n/a", "nan", "nc", "none", "null", "<null>", "\\n"})
"""What people write where there is no number, in small letters."""

TRUE = frozenset({"1", "true", "t", "yes", "y", "oui", "vrai", "có"})
FALSE = frozenset({"0", "false", "f", "no", "n", "non", "faux", "không"})

_GROUP_SPACE = re.compile(r"(?<=\d)[\s\u00a0\u202f\u2009'’](?=\d{3}(?!\d))")
_SEPARATOR = re.compile(r"[.,]")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")


def decimal_sign(texts: Sequence[str]) -> str:
    """
    The decimal sign of some numbers, as far as they give it away.

    A sign that comes last after the other one, stands with other than three digits behind it, or after a lone zero or
    more than three digits, is the decimal sign; one that comes twice groups thousands.

    Parameters
    ----------
    texts
        Numbers without blanks.

    Returns
    -------
    str
        ``.`` or ``,``; ``.`` where no number has either; empty where the numbers can be read both ways.

    >>> decimal_sign(["3.359,80", "555.809"]), decimal_sign(["8.718.000", "555.809"]), decimal_sign(["12.5", "1234"])
    (',', ',', '.')
    >>> decimal_sign(["555.809", "718.000"]), decimal_sign(["555.809", "102136"])
    ('', '.')
    """
    votes = {".": 0, ",": 0}
    undecided = ""
    long_whole = False
    for text in texts:
        signs = _SEPARATOR.findall(text)
        if not signs:
            long_whole |= len(text.lstrip("+-")) > 3
        elif len(set(signs)) == 2:
            votes[signs[-1]] += 1
        elif len(signs) > 1:
            votes["," if signs[0] == "." else "."] += 1
        else:
            whole, _, rest = text.lstrip("+-").partition(signs[0])
            if len(rest) != 3 or not rest.isdigit() or len(whole) > 3 or whole in ("", "0"):
                votes[signs[0]] += 1
            else:
                undecided = undecided or signs[0]
    if votes["."] or votes[","]:
        return "," if votes[","] > votes["."] else "."
    if undecided and long_whole:
        return undecided
    return "" if undecided else "."


def numbers(texts: Sequence[str], decimal: str = "") -> tuple[np.ndarray[Any, np.dtype[np.float64]], list[int], bool]:
    """
    Numbers of some texts.

    Parameters
    ----------
    texts
        Texts, each once.
    decimal
        Decimal sign; empty to find it out.

    Returns
    -------
    values : (n_texts,)
        Numbers, not a number where missing or wrong.
    wrong
        Positions of texts that are no number.
    ambiguous
        Whether the texts can be read both ways, so that nothing was read.
    """
    values = np.full(len(texts), np.nan)
    clean = [_GROUP_SPACE.sub("", text.strip()).replace("−", "-") for text in texts]
    present = [i for i, text in enumerate(clean) if text.lower() not in MISSING]
    sign = decimal or decimal_sign([clean[i] for i in present])
    if not sign:
        return values, [], True
    wrong = []
    for i in present:
        text = clean[i] if sign == "," else clean[i].translate(_SWAP)
        whole, comma, rest = text.partition(",")
        if "." in whole:
            whole = whole.replace(".", "") if _GROUPED.fullmatch(whole) else "wrong"
        text = f"{whole}.{rest}" if comma else whole
        if _PLAIN.fullmatch(text):
            values[i] = float(text)
        else:
            wrong.append(i)
    return values, wrong, False


_SWAP = str.maketrans(".,", ",.")
