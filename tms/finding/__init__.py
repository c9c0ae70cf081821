"""Looking for rows and choosing among them: the Find pattern, written once.

A page or a dialog describes what it lists (`listing.Listing`: columns, and what the search box searches) and
hands over a queryset of what may be seen; everything else, from the order to the pages, comes from here. A
Find page (`search.FindPage`) adds filters, which stand in its address, and what one does with what is found:
keep the search, print it, export it.
"""
