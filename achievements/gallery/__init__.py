"""All achievements within a learner's reach: earned, in progress, locked. A dialog, and a page for itself.

shelves     the achievements in their categories, and how many there are of each state
milestones  the same course by course
days        the days on which she was there
community   what she did with others
why         one achievement, condition by condition
pages       the doors; what is shown is read, never worked out
"""
