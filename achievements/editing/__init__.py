"""An achievement's own pages: making and changing it, its conditions by text and by hand, and its profile.

What is saved is saved by authoring.save_achievement, read by conditions.language and foreseen by preview;
here are only what is typed and what is shown.
"""
