"""Invented citizens: common first names and surnames, addresses at example.org, and telephone numbers that nobody has."""

from random import Random
from typing import NamedTuple

WOMEN = [
    ("Μαρία", "Maria"), ("Ελένη", "Eleni"), ("Αικατερίνη", "Aikaterini"), ("Βασιλική", "Vasiliki"), ("Σοφία", "Sofia"),
    ("Αγγελική", "Angeliki"), ("Γεωργία", "Georgia"), ("Δήμητρα", "Dimitra"), ("Ιωάννα", "Ioanna"), ("Χρυσούλα", "Chrysoula"),
    ("Ευαγγελία", "Evangelia"), ("Αναστασία", "Anastasia"), ("Φωτεινή", "Foteini"), ("Ζωή", "Zoi"), ("Αρετή", "Areti"),
    ("Ειρήνη", "Eirini"), ("Καλλιόπη", "Kalliopi"), ("Στυλιανή", "Styliani"), ("Όλγα", "Olga"), ("Ελίνα", "Elina"),
]  # fmt: skip
MEN = [
    ("Γεώργιος", "Georgios"), ("Ιωάννης", "Ioannis"), ("Κωνσταντίνος", "Konstantinos"), ("Δημήτριος", "Dimitrios"),
    ("Νικόλαος", "Nikolaos"), ("Παναγιώτης", "Panagiotis"), ("Βασίλειος", "Vasileios"), ("Χρήστος", "Christos"),
    ("Αθανάσιος", "Athanasios"), ("Μιχαήλ", "Michail"), ("Ευάγγελος", "Evangelos"), ("Σπυρίδων", "Spyridon"),
    ("Αντώνιος", "Antonios"), ("Εμμανουήλ", "Emmanouil"), ("Θεόδωρος", "Theodoros"), ("Στέφανος", "Stefanos"),
    ("Μάρκος", "Markos"), ("Άρης", "Aris"), ("Ορέστης", "Orestis"), ("Λεωνίδας", "Leonidas"),
]  # fmt: skip
# The surname for a woman and for a man, then both in Latin letters.
SURNAMES = [
    ("Παπαδάκη", "Παπαδάκης", "Papadaki", "Papadakis"), ("Νικολάου", "Νικολάου", "Nikolaou", "Nikolaou"),
    ("Γεωργίου", "Γεωργίου", "Georgiou", "Georgiou"), ("Δημητρίου", "Δημητρίου", "Dimitriou", "Dimitriou"),
    ("Βλάχου", "Βλάχος", "Vlachou", "Vlachos"), ("Καραγιάννη", "Καραγιάννης", "Karagianni", "Karagiannis"),
    ("Μαρκάκη", "Μαρκάκης", "Markaki", "Markakis"), ("Σταματάκη", "Σταματάκης", "Stamataki", "Stamatakis"),
    ("Οικονόμου", "Οικονόμου", "Oikonomou", "Oikonomou"), ("Αντωνίου", "Αντωνίου", "Antoniou", "Antoniou"),
    ("Ξενάκη", "Ξενάκης", "Xenaki", "Xenakis"), ("Ρήγα", "Ρήγας", "Riga", "Rigas"), ("Λάμπρου", "Λάμπρου", "Lamprou", "Lamprou"),
    ("Χατζή", "Χατζής", "Chatzi", "Chatzis"), ("Κουτσού", "Κουτσός", "Koutsou", "Koutsos"),
    ("Τσακίρη", "Τσακίρης", "Tsakiri", "Tsakiris"), ("Φραγκάκη", "Φραγκάκης", "Fragkaki", "Fragkakis"),
    ("Αλεξίου", "Αλεξίου", "Alexiou", "Alexiou"), ("Μελά", "Μελάς", "Mela", "Melas"), ("Ζερβού", "Ζερβός", "Zervou", "Zervos"),
    ("Καλλέργη", "Καλλέργης", "Kallergi", "Kallergis"), ("Ανδρεάδη", "Ανδρεάδης", "Andreadi", "Andreadis"),
    ("Σωτηρίου", "Σωτηρίου", "Sotiriou", "Sotiriou"), ("Πετράκη", "Πετράκης", "Petraki", "Petrakis"),
]  # fmt: skip
NEWCOMERS = [
    "Elira Hoxha", "Arben Krasniqi", "Olena Kovalenko", "Ivan Petrov", "Anna Müller", "John Carter", "Amira Haddad",
    "Samir Nasser", "Priya Sharma", "Nadia Rossi", "Pierre Laurent", "Grace Okafor",
]  # fmt: skip


class Person(NamedTuple):
    name: str = ""
    email: str = ""
    phone: str = ""
    language: str = "el"


# A person whose data is erased.
NOBODY = Person()


def invent(random: Random) -> Person:
    phone = f"69000000{random.randrange(100):02}"
    if random.random() < 0.06:  # noqa: PLR2004
        name = random.choice(NEWCOMERS)
        return Person(name, _address(name), phone, "en")
    woman = random.random() < 0.5  # noqa: PLR2004
    first, first_latin = random.choice(WOMEN if woman else MEN)
    surname = random.choice(SURNAMES)
    last, last_latin = (surname[0], surname[2]) if woman else (surname[1], surname[3])
    return Person(f"{first} {last}", _address(f"{first_latin} {last_latin}"), phone)


def _address(name: str) -> str:
    return name.lower().replace("ü", "u").replace(" ", ".") + "@example.org"
