from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TmsConfig(AppConfig):
    name = "tms"
    verbose_name = _("Training")

    def ready(self) -> None:
        from tms import access
        from tms import models as m

        access.register(m.Organization, organization="pk")
        access.register(m.User, organization="organization", learner="pk")
        for owned in (m.Lab, m.CourseTag, m.Course, m.SubscriptionProfile, m.LearningPath):
            access.register(owned, organization="organization")
        access.register(m.Class, organization="organization", training_class="pk")
        access.register(m.CourseSection, organization="course__organization")
        access.register(m.CourseActivity, organization="section__course__organization")
        access.register(
            m.Enrollment,
            organization="training_class__organization",
            seen_by=("user__organization",),
            learner="user",
            training_class="training_class",
        )
        for done in (m.CourseAssignment, m.LabInstance, m.ActivityResult, m.Activity, m.Subscription):
            access.register(done, organization="user__organization", learner="user")
        access.register(m.LearningRecord, organization="learner__organization", learner="learner")
        access.register(m.AuditEntry, organization="organization", seen_by=("actor__organization",))
        access.register(m.ProfileCard, organization="organization")
        for told in (m.Notification, m.Mail):
            access.register(told, organization="user__organization", learner="user")
        access.register(m.SavedSearch, organization="owner__organization", learner="owner")
