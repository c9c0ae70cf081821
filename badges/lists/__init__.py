"""Issuing from a list: a table that somebody pastes or uploads, one badge for one learner a row.

The text becomes rows of cells (reading), each row a learner and a badge or a sentence that says why not
(checking), and the good ones an act by hand (acting). Pages and the command are uses of these three.
"""
