"""Telling people: from what is to be told (rows) to mail, and to the list on the site.

    whoever has news  → outbox.tell            a Notification for each person, in the transaction of the news
    gathering.gather  → a Mail for each person who has waited long enough; what no mail tells says why
    sending.send_due  → claim, compose, SMTP, settle; no transaction open while the server is spoken to

Words belong to the apps that have the news: each offers Topics as NOTICES in a module `notices`, and what its
part of a digest says as DIGESTS in a module `digests` (tms.contributions).
"""
