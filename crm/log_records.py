"""What a log repeats of an error. PostgreSQL shows the row it refused, with its password hash or its mail;
a mail server names whom it would not write to."""

import logging
import re
from smtplib import SMTPException
from typing import Any

# Until the error before it in a chain is told, or all is. Values have lines of their own.
_REST = r".*?(?=\n\n(?:The above exception was|During handling of the above)|\Z)"
# Written out, or with \n inside of quotes.
_ROW = re.compile(rf"(?:\n|\\n)[ |]*(?:DETAIL|CONTEXT|QUERY|LINE \d+):{_REST}", re.DOTALL)
_RECIPIENTS = re.compile(rf"^([ |]*smtplib\.SMTP\w+): {_REST}", re.DOTALL | re.MULTILINE)
_QUOTED_RECIPIENTS = re.compile(r"\b(SMTP[A-Z]\w+)\(.*", re.DOTALL)

_usual = logging.Formatter()


class Discreet(logging.LogRecord):
    """Discreet from the start, whoever writes it down: Django, Celery and uvicorn have handlers and formats
    of their own, and use the traceback that is there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.args, tuple):
            self.args = tuple(_class_alone(one) for one in self.args)
        if isinstance(self.exc_info, tuple) and self.exc_info[1] is not None:
            told = _ROW.sub("", _usual.formatException(self.exc_info))
            self.exc_text = _RECIPIENTS.sub(r"\1", told)

    def getMessage(self) -> str:
        return _QUOTED_RECIPIENTS.sub(r"\1", _ROW.sub("", super().getMessage()))


def _class_alone(argument: object) -> object:
    return type(argument).__name__ if isinstance(argument, SMTPException) else argument


logging.setLogRecordFactory(Discreet)
