"""The ledger as a text, and whether the soak has passed."""

from collections import Counter
from dataclasses import dataclass

from bench.soak.ledger import NO_ANSWER, Ledger

LONGEST_WAIT = 10.0  # seconds within which everybody has an answer, be it "try again"
RETURN = 5.0  # seconds within which every page is back when its cause has ended
STRANGERS = ("greedy", "watchman")


@dataclass(frozen=True)
class Verdict:
    ledger: Ledger
    wrong: dict[str, int]
    soon: int  # bookings within three days by real visitors while the greedy ones were there
    settled: float  # seconds until nothing was due any more
    twice: int
    slack: int = 1  # how many times longer everything may take, on a machine that does other work meanwhile

    @property
    def real(self) -> list[str]:
        return sorted({ask.who for ask in self.ledger.asks} - {*STRANGERS})

    @property
    def failures(self) -> list[str]:
        found = [f"{what}: {number}" for what, number in self.wrong.items() if number]
        found += [f"{text} ({number} times)" for text, number in Counter(self.ledger.faults).items()]
        if self.settled == float("inf"):
            found.append("messages or holds were still due long after the end")
        slowest = self.slowest
        if slowest > LONGEST_WAIT * self.slack:
            found.append(f"somebody waited {slowest:.1f} s for an answer")
        for cause in self.ledger.causes:
            for who in self.real:
                if late := self.ledger.slow_to_return(cause, who, RETURN * self.slack):
                    found.append(
                        f"{cause}: {who} was refused {late.at - cause.ends:.1f} s after its end ({late.what} {late.status})"
                    )
        if not self.soon:
            found.append("while the greedy ones were there, nobody could book within the next three days")
        return found

    @property
    def slowest(self) -> float:
        return max((ask.seconds for ask in self.ledger.asks if ask.who in {*self.real}), default=0.0)

    @property
    def passed(self) -> bool:
        return not self.failures

    def told(self) -> str:
        asks = [ask for ask in self.ledger.asks if ask.who not in STRANGERS]
        answered = sum(ask.status != NO_ANSWER for ask in asks)
        lines = [
            f"asked {len(asks)}, answered {answered}, refused {len(self.ledger.refused(self.real))}",
            f"promised {len(self.ledger.promises)} appointments; strangers asked {len(self.ledger.asks) - len(asks)}",
            f"longest answer {self.slowest:.1f} s; nothing was due any more {self.settled:.1f} s after the end",
            f"mails that came twice with one Message-ID: {self.twice}",
            "",
            "refused, by cause and second (0 is no answer):",
        ]
        for cause, statuses in self.ledger.by_cause(self.real).items():
            lines.append(
                f"  {cause:<34} " + ", ".join(f"{number} × {status}" for status, number in sorted(statuses.items()))
            )
        lines += ["", "longest row of refusals:"]
        for who in self.real:
            spells = self.ledger.spells(who)
            if spells:
                begun, ended = max(spells, key=lambda one: one[1] - one[0])
                lines.append(f"  {who:<34} {ended - begun:5.1f} s, from second {begun:.0f}")
        lines += ["", "oldest due work:"]
        for lane in sorted({lane for _at, ages in self.ledger.due for lane in ages}):
            age, at = max((ages.get(lane, 0), at) for at, ages in self.ledger.due)
            if age:
                lines.append(f"  {lane:<34} {age:5d} s, at second {at:.0f}")
        lines += ["", "passed" if self.passed else "FAILED:", *(f"  {text}" for text in self.failures)]
        return "\n".join(lines)
