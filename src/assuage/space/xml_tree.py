"""XML from other people's software, read with the standard library and nothing that could expand or load.

Entities are the only part of XML that can blow up or reach out of a file. Navigator files use none, so a file that
declares one is refused before it is parsed; text is decoded before, so no encoding can hide the declaration.
"""

from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from assuage.errors import NavigatorError


def parse_xml(text: str, source: str) -> ET.Element:
    """Return the root element.

    Raises
    ------
    NavigatorError
        Not well-formed, or declares entities.
    """
    if "<!entity" in text.lower():
        raise NavigatorError(f"{source} declares XML entities, which no navigator writes; export it again")
    try:
        return ET.fromstring(text)
    except ET.ParseError as error:
        raise NavigatorError(
            f"{source} is not well-formed XML ({error}); it is cut off or edited: export it again"
        ) from None


def numbers(element: ET.Element, keys: list[str], what: str) -> NDArray[np.float64]:
    """Return attributes as floats, in the order of `keys`.

    Raises
    ------
    NavigatorError
        One is absent, not a number, or not finite.
    """
    values = []
    for key in keys:
        text = element.get(key)
        try:
            values.append(float(text or ""))
        except ValueError:
            raise NavigatorError(f"{what}: {key} is {text!r}, not a number; export the file again") from None
    if not np.isfinite(values).all():
        raise NavigatorError(f"{what} holds NaN or infinity; export the file again")
    return np.array(values)
