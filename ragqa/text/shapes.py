"""JSON's values against the shape that they should have: where do they differ?

A shape is a type such as a TypedDict; what it does not name may be anything. Knows no format.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ragqa.text.surrogates import encodable

PLACE = re.compile(r" - at `\$\.?(.*)`$")
MISSING = re.compile(r"missing required field `(.*?)`")
NUMBER = re.compile(r"\[[^]]*\]")


def misfit(value: Any, shape: Any) -> str | None:
    """The first place that is missing or of another type, as `citations.number`; None: it fits.

    Empty where it is the whole value.
    """
    import msgspec

    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        place, missing = PLACE.search(str(error)), MISSING.search(str(error))
        names = [NUMBER.sub("", place[1]) if place else "", missing[1] if missing else ""]
        return ".".join(filter(None, names))
    except UnicodeEncodeError:  # msgspec takes no half of a surrogate pair, which JSON may have
        return misfit(json.loads(encodable(json.dumps(value, ensure_ascii=False))), shape)
    return None
