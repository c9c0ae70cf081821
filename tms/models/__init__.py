"""Facts about training."""

from tms.models.assignments import CourseAssignment, LabInstance
from tms.models.classes import Class, Enrollment
from tms.models.courses import Course, CourseTag, Lab
from tms.models.notifications import Notification
from tms.models.organizations import Organization
from tms.models.people import RoleAssignment, User, normalize_email
from tms.models.records import LearningRecord, ProgressChange

__all__ = [
    "Class",
    "Course",
    "CourseAssignment",
    "CourseTag",
    "Enrollment",
    "Lab",
    "LabInstance",
    "LearningRecord",
    "Notification",
    "Organization",
    "ProgressChange",
    "RoleAssignment",
    "User",
    "normalize_email",
]
