"""Facts about training."""

from tms.models.activities import Activity
from tms.models.assignments import CourseAssignment, LabInstance
from tms.models.audit import AuditEntry
from tms.models.classes import Class, Enrollment
from tms.models.courses import Course, CourseTag, Lab
from tms.models.coursework import ActivityResult, CourseActivity, CourseSection
from tms.models.members import MemberProfile, ProfileCard, ProfilePicture, SocialLink
from tms.models.notifications import Mail, MailChoices, Notification
from tms.models.organizations import Organization
from tms.models.people import RoleAssignment, User, normalize_email
from tms.models.records import LearningRecord, ProgressChange
from tms.models.searches import SavedSearch
from tms.models.subscriptions import LearningPath, LearningPathCourse, Subscription, SubscriptionProfile
from tms.models.translated import Translated, named

__all__ = [
    "Activity",
    "ActivityResult",
    "AuditEntry",
    "Class",
    "Course",
    "CourseActivity",
    "CourseAssignment",
    "CourseSection",
    "CourseTag",
    "Enrollment",
    "Lab",
    "LabInstance",
    "LearningPath",
    "LearningPathCourse",
    "LearningRecord",
    "Mail",
    "MailChoices",
    "MemberProfile",
    "Notification",
    "Organization",
    "ProfileCard",
    "ProfilePicture",
    "ProgressChange",
    "RoleAssignment",
    "SavedSearch",
    "SocialLink",
    "Subscription",
    "SubscriptionProfile",
    "Translated",
    "User",
    "named",
    "normalize_email",
]
