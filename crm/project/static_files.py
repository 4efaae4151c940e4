"""Static files as they are sent: the style sheet in one piece. Sixty requests before a page can be drawn take
longer than all the rest of it; while it is being worked on, one file holds one idea."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

SHEET = "css/app.css"

_IMPORT = re.compile(
    r'^@import url\("(?P<path>[^"]+)"\) layer\((?P<layer>\w+)\)(?P<media>[^;]*);$', re.MULTILINE
)
_RELATIVE = re.compile(r"""url\(\s*["']?(?!data:|["'])""")


class StaticFiles(CompressedManifestStaticFilesStorage):
    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        if not dry_run and SHEET in paths:

            def read(name: str) -> str:
                storage, path = paths[name]
                with storage.open(path) as file:
                    return file.read().decode()

            whole = in_one_piece(read)
            self.delete(SHEET)
            self.save(SHEET, ContentFile(whole.encode()))
            paths = paths | {SHEET: (self, SHEET)}
        yield from super().post_process(paths, dry_run=dry_run, **options)


def in_one_piece(read: Callable[[str], str]) -> str:
    """The sheet with all that it imports; `read` gives the text of a file by its name. Raises ValueError for
    what would mean something else there."""

    def inlined(found: re.Match[str]) -> str:
        text = read(f"css/{found['path']}")
        if "/" in found["path"] and _RELATIVE.search(text):
            raise ValueError(f"{found['path']} names a file by its own place.")
        layered = f"@layer {found['layer']} {{\n{text}}}"
        media = found["media"].strip()
        return f"@media {media} {{ {layered} }}" if media else layered

    whole = _IMPORT.sub(inlined, read(SHEET))
    if "@import" in whole:
        raise ValueError(f"{SHEET} imports something in a way that is not understood.")
    return whole
