from __future__ import annotations

from datetime import date

import pytest

from ragqa.text.dates import date_in


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2025-03-04-minutes", date(2025, 3, 4)),
        ("minutes 20250304", date(2025, 3, 4)),
        ("3.1.0 - 2024-12", date(2024, 12, 1)),
        ("Steering meeting, 4 March 2025", date(2025, 3, 4)),
        ("March 4th, 2025", date(2025, 3, 4)),
        ("as of Sept. 2023", date(2023, 9, 1)),
        ("31 February 2024, then 1 May 2024", date(2024, 5, 1)),
        ("Version 3.1", None),
        ("2025", None),
        ("call 0202503041", None),
    ],
)
def test_the_date_of_a_heading(text: str, found: date | None) -> None:
    assert date_in(text) == found
