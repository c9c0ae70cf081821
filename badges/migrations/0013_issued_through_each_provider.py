from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('badges', '0012_lists_to_issue_from'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccredibleBadge',
            fields=[
            ],
            options={
                'verbose_name': 'Accredible badge',
                'verbose_name_plural': 'Accredible badges',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('badges.issuedbadge',),
        ),
        migrations.CreateModel(
            name='CredlyBadge',
            fields=[
            ],
            options={
                'verbose_name': 'Credly badge',
                'verbose_name_plural': 'Credly badges',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('badges.issuedbadge',),
        ),
    ]
