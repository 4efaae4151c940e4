"""Time zones as Windows calls them."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from tests.fakes.ews_soap import Element, Fault, t

# What Exchange calls a zone that came with rules of its own.
CUSTOM = "tzone://Microsoft/Custom"
_ALSO = {
    "Asia/Kolkata": "India Standard Time",
    "Etc/UTC": "UTC",
    "Europe/Amsterdam": "W. Europe Standard Time",
    "Europe/Brussels": "Romance Standard Time",
    "Europe/Kyiv": "FLE Standard Time",
    "Europe/Madrid": "Romance Standard Time",
    "Europe/Prague": "Central Europe Standard Time",
    "Europe/Rome": "W. Europe Standard Time",
    "Europe/Stockholm": "W. Europe Standard Time",
    "Europe/Vienna": "W. Europe Standard Time",
    "Europe/Zurich": "W. Europe Standard Time",
    "UTC": "UTC",
}
_BY_IANA = {iana: windows for windows, iana in WINDOWS_TO_OLSON.items()} | _ALSO


def windows_id(zone: tzinfo) -> str:
    name = "UTC" if zone is UTC else getattr(zone, "key", None) or str(zone)
    if name in WINDOWS_TO_OLSON:
        return name
    if not isinstance(zone, ZoneInfo) and name not in _BY_IANA:
        return CUSTOM
    if name not in _BY_IANA:
        raise NotImplementedError(f"The fake knows no Windows name for {name}")
    return _BY_IANA[name]


def zone_of(windows: str) -> tzinfo:
    if windows == "UTC":
        return UTC
    if windows not in WINDOWS_TO_OLSON:
        raise Fault("ErrorTimeZone")
    return ZoneInfo(WINDOWS_TO_OLSON[windows])


def definition(name: str, windows: str, at: datetime) -> Element:
    """By id and by a name for people, which begins with the offset in winter."""
    return t(name, Id=windows, Name=display_name(windows, at.replace(month=1, day=1)))


def display_name(windows: str, at: datetime) -> str:
    offset = "" if windows == "UTC" else at.strftime("%z")
    shift = f"{offset[:3]}:{offset[3:5]}" if offset else ""
    return f"(UTC{shift}) {windows.removesuffix(' Standard Time')}"


def every_definition(wanted: list[str]) -> list[Element]:
    known = ["UTC", *(name for name in sorted(WINDOWS_TO_OLSON) if name != "UTC")]
    winter = {name: datetime(2026, 1, 1, tzinfo=zone_of(name)) for name in known}
    chosen = [name for name in known if not wanted or name in wanted]
    return [definition("TimeZoneDefinition", name, winter[name]) for name in chosen]
