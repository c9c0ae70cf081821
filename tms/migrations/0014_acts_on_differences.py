from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tms', '0013_news_from_before_mail'),
    ]

    operations = [
        migrations.AlterField(
            model_name='auditentry',
            name='act',
            field=models.CharField(choices=[('create', 'Created'), ('change', 'Changed'), ('activate', 'Activated'), ('deactivate', 'Deactivated'), ('pause', 'Paused'), ('resume', 'Resumed'), ('renew', 'Renewed the webhook address'), ('synchronize', 'Synchronized'), ('issue', 'Issued by hand'), ('retry', 'Retried'), ('cancel', 'Cancelled'), ('revoke', 'Revoked'), ('correct', 'Corrected at the provider'), ('erase', 'Erased at the provider'), ('undo', 'Undone'), ('adopt', 'Adopted from the provider'), ('remove', 'Marked as removed at the provider'), ('ignore', 'Ignored'), ('backfill', 'Started a backfill'), ('roles', 'Changed roles'), ('resend', 'Sent a message again')], max_length=12, verbose_name='what'),
        ),
        migrations.AlterField(
            model_name='auditentry',
            name='kind',
            field=models.CharField(choices=[('issued_badge', 'Issued badge'), ('issuing_act', 'Act of issuing'), ('badge', 'Badge'), ('badge_provider', 'Badge provider'), ('achievement', 'Achievement'), ('backfill', 'Backfill'), ('difference', 'Difference with a provider'), ('organization', 'Organization'), ('user', 'User'), ('profile_card', 'Profile card')], max_length=16, verbose_name='kind'),
        ),
    ]
