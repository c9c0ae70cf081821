"""An account's own form: making and changing it, and what people do to it.

Its profile, which shows what it has to do with badges, is in badges.accounts.
"""
