"""A line of a mail for lists: what its author wrote, without what is quoted or signed."""

from mailboxes.showing.quoting import plain_parts

EXCERPT = 240
# So much of a text is read for it: an answer may stand below what it answers.
READ = 4 * EXCERPT


def excerpt(text: str | None) -> str:
    """`text` is the first READ characters or more. Where all of it is quoted, that is what there is."""
    written = "\n".join(part.text for part in plain_parts(text or "") if not part.is_quoted)
    own = " ".join(_unsigned(written).split())
    return (own or " ".join((text or "").split()))[:EXCERPT]


def _unsigned(text: str) -> str:
    """Up to the line that begins a signature (RFC 3676, 4.3), without single quoted lines."""
    kept: list[str] = []
    for line in text.split("\n"):
        if line.rstrip() == "--":
            break
        if not line.startswith(">"):
            kept.append(line)
    return "\n".join(kept)
