"""Invented addresses, telephones and access of branches that have none. They are marked as illustrative everywhere."""

from agencies.models import Branch

# Streets that nearly every Greek town has, and the words of the access.
STREETS = (
    ("Ελευθερίου Βενιζέλου", "Eleftheriou Venizelou"),
    ("25ης Μαρτίου", "25is Martiou"),
    ("28ης Οκτωβρίου", "28is Oktovriou"),
    ("Πλατεία Δημαρχείου", "Dimarcheiou Square"),
    ("Κωνσταντίνου Καραμανλή", "Konstantinou Karamanli"),
    ("Εθνικής Αντιστάσεως", "Ethnikis Antistaseos"),
    ("Αγίου Νικολάου", "Agiou Nikolaou"),
)
NUMBERS = 60
PHONE = "210 000 0000"  # no subscriber can have it
ACCESS_EL = "Ράμπα στην είσοδο και ανελκυστήρας. Υπάρχει προσβάσιμη τουαλέτα."
ACCESS_EN = "Ramp at the entrance, and a lift. There is an accessible toilet."
FIELDS = ("address_el", "address_en", "phone", "access_el", "access_en", "is_illustrative")


def fill() -> int:
    """Gives an address, telephone and access to each branch in Greece without any of them. Returns how many got them."""
    bare = list(Branch.objects.filter(country="GR", address_el="", phone="", access_el=""))
    for branch in bare:
        street_el, street_en = STREETS[branch.pk % len(STREETS)]
        number = branch.pk % NUMBERS + 1
        branch.address_el, branch.address_en = f"{street_el} {number}", f"{street_en} {number}"
        branch.phone, branch.access_el, branch.access_en = PHONE, ACCESS_EL, ACCESS_EN
        branch.is_illustrative = True
    Branch.objects.bulk_update(bare, FIELDS, batch_size=500)
    return len(bare)
