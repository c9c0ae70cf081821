"""Members: what people show of themselves, to whom, and how their organization arranges it.

The pages on which administrators look after users are tms.profiles.
"""
