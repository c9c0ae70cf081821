"""Issued badges on pages of their own: one record, and what is done to one or to many."""
