"""The mail of Microsoft Graph, as far as reading mail goes."""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial

from tests.fakes.faults import Answer, Request
from tests.fakes.graph_api import (
    Api,
    Fields,
    GraphError,
    Route,
    bad,
    body_kind,
    boolean,
    checked_select,
    immutable,
    missing,
    moment,
    one_of,
    page_size,
    paged,
    selected,
    text,
    whole,
)
from tests.fakes.graph_delta import TOKENS, Key, Links, Source, State
from tests.fakes.graph_mailbox import ROOT, Folder, Mailbox, StoredMail
from tests.fakes.graph_messages import CONTENT, FOLDER, MESSAGE, ON_REQUEST, folder_shown, message_shown

# Shown only when it is its turn: most rows are not of the page.
Row = tuple[Key, Callable[[], Fields]]
BASIC = frozenset({"Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"})
READ = BASIC - {"Mail.ReadBasic"}
LISTED = {"$top": whole(1, 1000), "$skip": whole(0, 999_999), "$select": text}
FOLDERS = {**LISTED, "includeHiddenFolders": boolean}
NEWEST = one_of("receivedDateTime desc")
MESSAGES = {**LISTED, "$filter": text, "$orderby": NEWEST}
MESSAGES_DELTA = {
    **TOKENS,
    "$select": text,
    "$top": whole(1, 1000),
    "$filter": text,
    "$orderby": NEWEST,
    "changeType": one_of("created", "updated", "deleted"),
}


class GraphMail:
    """The mailboxes behind the API. A filtered round ends after `most_filtered` messages, whatever is left."""

    def __init__(self, api: Api, links: Links) -> None:
        self.api, self._links = api, links
        self.mailboxes: dict[str, Mailbox] = {}
        self.most_filtered = 5000
        folders, messages = "/v1.0/me/mailFolders", "/v1.0/me/messages"
        one = {"$select": text}
        api.routes += [
            Route(folders, self._folders, BASIC, FOLDERS),
            Route(f"{folders}/delta", self._folders_delta, BASIC, {**TOKENS, **FOLDERS}),
            Route(f"{folders}/{{folder}}", self._folder, BASIC, one),
            Route(f"{folders}/{{folder}}/childFolders", self._folders, BASIC, FOLDERS),
            Route(f"{folders}/{{folder}}/messages", self._messages, BASIC, MESSAGES),
            Route(f"{folders}/{{folder}}/messages/delta", self._messages_delta, BASIC, MESSAGES_DELTA),
            Route(f"{folders}/{{folder}}/messages/{{message}}", self._message, BASIC, one),
            Route(messages, self._messages, BASIC, MESSAGES),
            Route(f"{messages}/{{message}}", self._message, BASIC, one),
            Route(f"{messages}/{{message}}/$value", self._mime, READ),
        ]

    # Folders.

    def _folders(self, request: Request, params: Fields, folder: str = ROOT) -> object:
        mailbox = self._mailbox(request)
        select = checked_select(params, FOLDER, "mailFolder")
        hidden = params.get("includeHiddenFolders", False)
        children = sorted(mailbox.children(self._found(mailbox, folder).id), key=lambda one: one.name)
        rows = [one for one in children if hidden or not one.hidden]
        show = partial(_folder, mailbox, select)
        return paged(request, params, rows, show, self._links.base)

    def _folder(self, request: Request, params: Fields, folder: str) -> object:
        mailbox = self._mailbox(request)
        select = checked_select(params, FOLDER, "mailFolder")
        return _folder(mailbox, select, self._found(mailbox, folder))

    def _folders_delta(self, request: Request, params: Fields) -> object:
        """Folders of every level in one list."""
        mailbox = self._mailbox(request)
        state = self._links.begin(request, params, mailbox.hierarchy)
        select = checked_select(state.params, FOLDER, "mailFolder")
        hidden, since = state.params.get("includeHiddenFolders", False), state.since
        rows: list[Row] = [
            ((one.changed_at,), partial(_folder, mailbox, select, one))
            for one in mailbox.folders.values()
            if one.parent and (hidden or not one.hidden) and (since is None or one.changed_at > since)
        ]
        if since is not None:
            gone = [(name, at) for name, at in mailbox.removed_folders.items() if at > since]
            rows += [((at,), partial(_removed, name, "deleted", "mailFolder")) for name, at in gone]
        return self._round(request, state, rows, mailbox.hierarchy)

    # Messages.

    def _messages(self, request: Request, params: Fields, folder: str = "") -> object:
        mailbox = self._mailbox(request)
        mails = list(mailbox.within(self._found(mailbox, folder).id) if folder else mailbox.mails.values())
        wanted = _filter(params)
        rows = [mail for mail in mails if wanted is None or _passes(mail, wanted)]
        rows.sort(key=lambda mail: mail.received, reverse=True)
        return paged(request, params, rows, self._shower(request, params), self._links.base)

    def _message(self, request: Request, params: Fields, message: str, folder: str = "") -> object:
        return self._shower(request, params)(self._mail(request, message))

    def _mime(self, request: Request, params: Fields, message: str) -> object:
        return Answer(200, self._mail(request, message).raw, {"Content-Type": "text/plain"})

    def _messages_delta(self, request: Request, params: Fields, folder: str) -> object:
        mailbox = self._mailbox(request)
        found = self._found(mailbox, folder)
        state = self._links.begin(request, params, found)
        wanted = _filter(state.params)
        show = self._shower(request, state.params, typed=True)
        rows: list[Row] = [
            (_key(mail, state), partial(show, mail))
            for mail in mailbox.within(found.id)
            if _is_due(mail, state) and (wanted is None or _passes(mail, wanted))
        ]
        rows = sorted(rows, key=lambda row: row[0])
        if wanted is not None and state.since is None:
            rows = [row for row in rows if state.after is None or row[0] > state.after]
            rows = rows[: max(0, self.most_filtered - state.shown)]
        return self._round(request, state, rows + self._gone(request, mailbox, found, state), found)

    def _gone(self, request: Request, mailbox: Mailbox, folder: Folder, state: State) -> list[Row]:
        """What left the folder since; under its lasting id, nothing that is back again."""
        if state.since is None or state.params.get("changeType", "deleted") != "deleted":
            return []
        lasting, here = immutable(request), {mail.lasting for mail in mailbox.within(folder.id)}
        return [
            ((at, name), partial(_removed, same if lasting else name, reason, "message"))
            for name, (same, reason, at) in folder.gone.items()
            if at > state.since and not (lasting and same in here)
        ]

    def _round(self, request: Request, state: State, rows: list[Row], source: Source) -> Fields:
        rows = sorted(rows, key=lambda row: row[0])
        size = page_size(request, state.params)
        shown, link = self._links.page(request, state, rows, size=size, source=source)
        value = [row() for row in shown]
        return (
            {"@odata.context": f"{self._links.base}/v1.0/$metadata#Collection(delta)"}
            | link
            | {"value": value}
        )

    # What they share.

    def _mailbox(self, request: Request) -> Mailbox:
        return self.mailboxes[request.user]

    def _found(self, mailbox: Mailbox, name: str) -> Folder:
        """By id or well-known name; what people call a folder is no name here."""
        found = mailbox.folders.get(mailbox.well_known.get(name.lower(), name))
        if found is None:
            raise missing()
        return found

    def _mail(self, request: Request, message: str) -> StoredMail:
        found = self._mailbox(request).by_id(message, immutable=immutable(request))
        if found is None:
            raise (
                missing()
                if re.match(r"AAMk|AAkA", message)
                else bad("Id is malformed.", "ErrorInvalidIdMalformed")
            )
        return found

    def _shower(
        self, request: Request, params: Fields, *, typed: bool = False
    ) -> Callable[[StoredMail], Fields]:
        """What is wrong with the request is said even where there is nothing to show."""
        select = checked_select(params, MESSAGE, "message")
        hidden = frozenset() if self.api.scopes(request) & READ else CONTENT
        if select & hidden:
            raise GraphError(403)
        shown = partial(message_shown, immutable=immutable(request), text=body_kind(request) == "text")
        wanted, kind = (select or MESSAGE - ON_REQUEST) - hidden, {"@odata.type": "#microsoft.graph.message"}
        return lambda mail: (kind if typed else {}) | selected(shown(mail), wanted)


def _folder(mailbox: Mailbox, select: frozenset[str], folder: Folder) -> Fields:
    return selected(folder_shown(mailbox, folder), select)


def _is_due(mail: StoredMail, state: State) -> bool:
    if state.since is None:
        return True
    if mail.version <= state.since:
        return False
    kind = "created" if mail.arrived > state.since else "updated"
    return state.params.get("changeType", kind) == kind


def _key(mail: StoredMail, state: State) -> Key:
    """Newest first where that was asked for, else in an order that nobody can rely on."""
    if state.since is not None:
        return (mail.version, mail.lasting)
    if "$orderby" in state.params:
        return (-mail.received.timestamp(), mail.lasting)
    return (hashlib.sha256(mail.lasting.encode()).hexdigest(), mail.lasting)


def _filter(params: Fields) -> tuple[str, datetime] | None:
    """The only filters there are: receivedDateTime ge or gt."""
    if "$filter" not in params:
        return None
    found = re.fullmatch(r"receivedDateTime (ge|gt) (\S+)", params["$filter"])
    if found is None:
        message = "The query filter contains one or more invalid nodes."
        raise bad(message, "ErrorInvalidUrlQueryFilter")
    return found[1], moment("$filter", found[2])


def _passes(mail: StoredMail, wanted: tuple[str, datetime]) -> bool:
    received = mail.received.replace(microsecond=0)
    return received > wanted[1] or (wanted[0] == "ge" and received == wanted[1])


def _removed(name: str, reason: str, kind: str) -> Fields:
    return {"@odata.type": f"#microsoft.graph.{kind}", "id": name, "@removed": {"reason": reason}}
