"""Text -> the date in it, as headings and file names of minutes, logs and versions have it.

ISO 8601 ("2025-03-04", "2025-03", "20250304") and English ("4 March 2025", "March 4, 2025"). No
library: those that find dates in prose (dateparser, dateutil's fuzzy mode) take any number for one.
"""

from __future__ import annotations

import re
from datetime import date

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
NAME = rf"(?P<name>{'|'.join(MONTHS)})[a-z]*\.?"
DATE = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?:-?(?P<month>0[1-9]|1[0-2])(?:-?(?P<day>[0-3]\d))?)(?!\d)"
    rf"|(?<!\d)(?P<day1>\d\d?)(?:st|nd|rd|th)?\.? {NAME} (?P<year1>(?:19|20)\d\d)"
    rf"|\b{NAME.replace('name', 'name2')} (?:(?P<day2>\d\d?)(?:st|nd|rd|th)?,? )?"
    r"(?P<year2>(?:19|20)\d\d)",
    re.I,
)


def date_in(text: str) -> date | None:
    """The first date in a text; of a month alone its first day. None where there is none."""
    for match in DATE.finditer(text):
        found = match.groupdict()
        year = found["year"] or found["year1"] or found["year2"]
        name = (found["name"] or found["name2"] or "")[:3].lower()
        month = found["month"] or MONTHS.index(name) + 1
        day = found["day"] or found["day1"] or found["day2"] or 1
        try:
            return date(int(year), int(month), int(day))
        except ValueError:  # no such day
            continue
    return None
