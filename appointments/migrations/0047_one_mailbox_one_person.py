from django.db import IntegrityError, migrations, transaction
from django.db.models.functions import Coalesce

from accounts.sealing import fingerprint
from accounts.typed.mailboxes import counted

BATCH = 5000


def _key(address):
    return fingerprint(f"email:{address}", "person")


def count_anew(apps, schema_editor):
    """In batches, so that nobody waits. Where a person then has too many open appointments, the last one stays uncounted."""
    Appointment = apps.get_model("appointments", "Appointment")
    rows = Appointment.objects.exclude(person_key="").annotate(address=Coalesce("citizen__email", "email"))
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", "person_key", "address")[:BATCH]):
        for pk, key, address in batch:
            as_typed, mailbox = address.strip().lower(), counted(address)
            if as_typed != mailbox and key == _key(as_typed):
                _store(Appointment.objects.filter(pk=pk, person_key=key), _key(mailbox))
        last = batch[-1][0]


def _store(row, key):
    try:
        with transaction.atomic():
            row.update(person_key=key)
    except IntegrityError:
        row.update(person_key=key, limit_place=None)


class Migration(migrations.Migration):
    """One mailbox is one person, however its address is written. Repeating it changes nothing."""

    atomic = False
    dependencies = [("appointments", "0046_level_of_assurance")]

    operations = [migrations.RunPython(count_anew, migrations.RunPython.noop, elidable=True)]
