"""Who is how far, and why somebody has an achievement or not yet.

Administrators ask for one achievement and everybody (find, learners); that is asked live. Whoever looks at
one learner and everything reads what is stored:

looks        who looks, and what makes the stored numbers out of date
working_out  the numbers, for all who are due at once
standing     what pages show of them
"""
