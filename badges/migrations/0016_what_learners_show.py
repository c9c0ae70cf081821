import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('badges', '0015_issued_found_by_time'),
    ]

    operations = [
        migrations.CreateModel(
            name='BadgePresentation',
            fields=[
                ('issued_badge', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='presentation', serialize=False, to='badges.issuedbadge', verbose_name='issued badge')),
                ('is_featured', models.BooleanField(db_default=False, default=False, verbose_name='featured')),
                ('is_hidden', models.BooleanField(db_default=False, default=False, verbose_name='hidden')),
                ('published_at', models.DateTimeField(null=True, verbose_name='public since')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='public ID')),
                ('is_indexed', models.BooleanField(db_default=False, default=False, verbose_name='open to search engines')),
            ],
            options={
                'verbose_name': 'presentation of a badge',
                'verbose_name_plural': 'presentations of badges',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('is_hidden', False), models.Q(('is_featured', False), ('published_at__isnull', True)), _connector='OR'), name='hidden_is_neither_featured_nor_public'),
                    models.CheckConstraint(condition=models.Q(('is_indexed', False), ('published_at__isnull', False), _connector='OR'), name='only_public_is_indexed'),
                ],
            },
        ),
    ]
