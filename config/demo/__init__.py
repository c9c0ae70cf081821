"""The demo: a folder in the CSV contract of `import_training`, made from a seed and today's date.

Standard library only, and nothing of the product's own code: the demo enters through the same door as
any other site's data. Names and descriptions in it are content, as a training company would type it, and
therefore not marked for translation.

generator   the door: write_demo()               entities    organizations, people, … as columns have them
year        the dice, and the days they reach    folder      the spelling of the CSV files
catalogue   what is taught, and by whom          names       people's names in many scripts
rewards     badges and achievements              people      who learns, and the four logins
schedule    the classes                          diary       when a person sits down to learn
training    courses taken and labs launched      classroom   enrolments, and the labs of a class
showcase    the learner who signs in             community   lessons, streaks, and what people do together
"""
