import re

from django.db import migrations

from agencies.text import search_key

BATCH = 2000  # rows: a fraction of a second
READ = """
SELECT id, name, email, phone FROM appointments_appointment WHERE id > %s ORDER BY id LIMIT %s
"""
# A contact that has changed since it was read was indexed by whoever changed it.
WRITE = """
UPDATE appointments_appointment appointment SET search = known.words::tsvector
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[]) AS known (id, name, email, phone, words)
WHERE appointment.id = known.id
    AND (appointment.name, appointment.email, appointment.phone) = (known.name, known.email, known.phone)
    AND appointment.search <> known.words::tsvector
"""


def words_of(name, email, phone):
    """As `Appointment.index_contact` writes them."""
    words = []
    for text in (name, email, phone):
        if "@" in text:
            words += [re.sub(r"['\\\s]", "", text).lower()]
        elif len(digits := re.sub(r"\D", "", text)) >= 5:
            words += [digits[-10:]]
        else:
            words += search_key(text).split()
    return " ".join(f"'{word}'" for word in dict.fromkeys(words) if word)


def index(apps, schema_editor):
    last = 0
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(READ, [last, BATCH])
            rows = cursor.fetchall()
            if not rows:
                return
            last = rows[-1][0]
            ids, names, emails, phones = map(list, zip(*rows))
            cursor.execute(WRITE, [ids, names, emails, phones, [words_of(*row[1:]) for row in rows]])


class Migration(migrations.Migration):
    """Officers find everybody, also those who booked before there was a search: 0003 left their rows empty.

    Each batch is a transaction of its own, so nobody waits. Repeating it changes nothing.
    """

    atomic = False
    dependencies = [("appointments", "0020_clock_changes")]

    operations = [migrations.RunPython(index, migrations.RunPython.noop, elidable=True)]
