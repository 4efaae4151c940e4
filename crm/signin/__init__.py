"""Signing in by way of Google or Microsoft. It shares nothing with the connecting of mailboxes: other
scopes, other records, and no token is kept."""
