"""A made-up design studio and two years of its mail and meetings, as real RFC 5322 and iCalendar.

Pure: a day goes in and the same bytes come out, whatever the machine and the version of Python.
"""
