"""The condition language: what a learner must have done to earn an achievement.

text.py reads relaxed JSON into values that know their place; language.py turns those into typed conditions
and back. Neither touches the database.
"""
