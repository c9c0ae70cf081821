from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tms', '0015_people_by_name'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='closed_at',
            field=models.DateTimeField(editable=False, null=True, verbose_name='account closed'),
        ),
        migrations.AlterField(
            model_name='auditentry',
            name='act',
            field=models.CharField(choices=[('create', 'Created'), ('change', 'Changed'), ('activate', 'Activated'), ('deactivate', 'Deactivated'), ('pause', 'Paused'), ('resume', 'Resumed'), ('renew', 'Renewed the webhook address'), ('synchronize', 'Synchronized'), ('issue', 'Issued by hand'), ('retry', 'Retried'), ('cancel', 'Cancelled'), ('revoke', 'Revoked'), ('correct', 'Corrected at the provider'), ('erase', 'Erased at the provider'), ('undo', 'Undone'), ('adopt', 'Adopted from the provider'), ('remove', 'Marked as removed at the provider'), ('ignore', 'Ignored'), ('backfill', 'Started a backfill'), ('roles', 'Changed roles'), ('resend', 'Sent a message again'), ('close', 'Closed the account')], max_length=12, verbose_name='what'),
        ),
    ]
