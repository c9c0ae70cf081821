"""Looking for rows and choosing among them: the Find pattern, written once.

A page or a dialog describes what it lists (`listing.Listing`: columns, and what the search box searches) and
hands over a queryset of what may be seen; everything else, from the order to the pages, comes from here.
"""
