"""English is read on both sides of the Atlantic: a month is a word, and a whole hour has its minutes.

Spaces that do not break keep the day in one line and the time in one.
"""

SHORT_DATETIME_FORMAT = "M\u00a0j,\u00a0Y, g:i\u00a0a"
