"""Users and organizations on pages of their own: their profiles, and the forms that make and change them.

What the apps above know of a user or an organization they show there by panels of theirs (`panels`).
"""
