"""An account's profile: how it is, its synchronization, and what its badges are doing.

Making and changing one is in providers.editing.
"""
