"""`python -m crm.embedded stop`: stop the private servers, if they run."""

import sys

from crm.embedded import stop

if sys.argv[1:] == ["stop"]:
    stop()
