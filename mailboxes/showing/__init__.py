"""How the body of a stored mail is shown: on white paper, with nothing in it that acts or calls home."""

from mailboxes.showing.paper import Paper, body_response, paper
from mailboxes.showing.quoting import Part, plain_parts

__all__ = ["Paper", "Part", "body_response", "paper", "plain_parts"]
