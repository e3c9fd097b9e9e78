"""Telling everybody who is booked what has changed about the branch or the service since they were told."""

from appointments.news.announcing import People, announce, concerned, people

__all__ = ["People", "announce", "concerned", "people"]
