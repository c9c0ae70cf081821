"""The REST API: what every collection has in common, and the collections of training facts.

Badges, providers and achievements add theirs in their own `api` modules; config.api lists them all.
"""
