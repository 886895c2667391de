"""Notes on invented planets, with sentences of which questions can be made."""

from __future__ import annotations

PLANETS = (
    "Zed",
    "Yarrow",
    "Xanthe",
    "Wolfram",
    "Vesper",
    "Umbra",
    "Tarn",
    "Selkie",
    "Rook",
    "Quill",
)


def planet(number: int) -> str:
    name = PLANETS[number]
    return f"""# {name}

{name} is a rocky planet of the outer belt [1]. The probe {name}-A reached it after
4{number}.5 years. Its moons were catalogued by Ada {name}son in 19{number}3 with a
small telescope [2].

## Why is {name} so cold?

The sun of {name} is far away and old, and its air holds no heat at all.

## References

The catalogue of {name} is a book of 5{number}7 pages that nobody has read to its end.
"""
