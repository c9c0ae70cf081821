"""Accounts at Credly that were made before webhooks could be received get their address."""

from hashlib import sha256
from secrets import token_urlsafe

from django.db import migrations


def give_addresses(apps, schema_editor):
    accounts = apps.get_model('providers', 'BadgeProvider').objects.using(schema_editor.connection.alias)
    for pk in accounts.filter(kind='credly', webhook_digest=None).values_list('pk', flat=True):
        secret = token_urlsafe(32)
        # Not save(): a token whose key is lost reads as empty, and would be stored so.
        accounts.filter(pk=pk).update(
            webhook_secret=secret, webhook_digest=sha256(secret.encode()).hexdigest()
        )


class Migration(migrations.Migration):

    dependencies = [
        ('providers', '0003_accounts_by_kind'),
    ]

    operations = [
        migrations.RunPython(give_addresses, migrations.RunPython.noop),
    ]
