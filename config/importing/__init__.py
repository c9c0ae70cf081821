"""Training data from a folder of CSV files; `manage.py import_training --help` lists files and columns.

folder      which files, in which order         rows        bytes → rows of text
sheet       how the rows of any file land       columns     what a column may hold
people  teaching  subscriptions                 cells       what a cell means
activity  rewards   what each file holds        references  external ids → stored rows
"""

from config.importing.folder import import_folder
from config.importing.report import ImportReport, Problem

__all__ = ["ImportReport", "Problem", "import_folder"]
