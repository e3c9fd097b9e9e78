"""The history: who did what, when, to which appointment or ticket, and what the values were before."""

from appointments.history.events import Actor, By, as_it_is, as_it_was, made, note, note_all, worker

__all__ = ["Actor", "By", "as_it_is", "as_it_was", "made", "note", "note_all", "worker"]
